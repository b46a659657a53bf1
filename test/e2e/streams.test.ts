/** TCP and UDP services of a cluster: their ConfigMaps through a real API server, followed with the rights of the chart's rules. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { read } from '../support/cluster-objects.ts'
import { datagramClient } from '../support/datagrams.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import {
  STREAM_FLAGS,
  type StreamBackend,
  startTcpBackend,
  startUdpBackend,
  streamConfigMaps,
  streamService,
} from '../support/stream-backends.ts'

const START_TIMEOUT_MS = 180_000
const LIVE = { timeoutMs: 30_000 }
const started = new AsyncDisposableStack()
let cluster: Cluster
let one: StreamBackend
let two: StreamBackend
let udp: StreamBackend
let port: number

beforeAll(async () => {
  const flags = [
    '--tcp-services-configmap',
    STREAM_FLAGS.tcpServicesConfigmap,
    '--udp-services-configmap',
    STREAM_FLAGS.udpServicesConfigmap,
  ]
  cluster = started.use(await startCluster({ flags }))
  one = started.use(await startTcpBackend('one', podAddress(1)))
  two = started.use(await startTcpBackend('two', podAddress(2), one.port))
  udp = started.use(await startUdpBackend('udp', 1, podAddress(3)))
  port = await freePort()
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

async function answerOf(number: number): Promise<string> {
  const socket = connect(number, '127.0.0.1')
  socket.setEncoding('latin1').write('x')
  try {
    const [answer] = await once(socket, 'data')
    return String(answer)
  } finally {
    socket.destroy()
  }
}

const answers = (number: number, expected: string) => eventually(async () => expect(await answerOf(number)).toBe(expected), LIVE)
const refuses = (number: number) => eventually(() => expect(answerOf(number)).rejects.toThrow('ECONNREFUSED'), LIVE)

type EventList = { readonly items: readonly { readonly reason: string; readonly message: string; readonly type: string }[] }

async function eventsOf(object: Manifest): Promise<EventList['items']> {
  const { metadata } = await read(cluster.api.client, object)
  const path = `/api/v1/namespaces/${metadata.namespace}/events`
  return (await cluster.api.client.request<EventList>({ path, query: { fieldSelector: `involvedObject.uid=${metadata.uid}` } })).items
}

test('a ConfigMap that comes, changes and goes is live, and so are the endpoints behind it', async () => {
  const [tcp, datagrams] = streamConfigMaps({ [port]: 'data/db:main' }, { [port]: 'data/dns:5432' }) as [Manifest, Manifest]
  await cluster.apply(...streamService('db', [one], 'TCP', 'data'), ...streamService('dns', [udp], 'UDP', 'data'), tcp, datagrams)
  await answers(port, 'one: x')
  await using client = await datagramClient(port)
  await eventually(async () => {
    client.send('x')
    await client.answers(1)
  }, LIVE)

  await cluster.apply(...streamService('db', [two], 'TCP', 'data'))
  await answers(port, 'two: x')

  const moved = await freePort()
  await cluster.apply(streamConfigMaps({ [moved]: 'data/db:5432' })[0] as Manifest)
  await answers(moved, 'two: x')
  await refuses(port)
  await cluster.remove(tcp)
  await refuses(moved)
}, 120_000)

test('a bad key is an Event on the ConfigMap, beside good ones that are live, and Ingresses are served', async () => {
  const held = cluster.controller.healthzPort
  const [tcp] = streamConfigMaps({
    [port]: 'data/db:main',
    'not-a-port': 'data/db:main',
    '9001': 'data/db:main:PROXYY',
    [held]: 'data/db:main',
  }) as [Manifest]
  const web = ingress('web').host('web.test').prefix('/', 'missing')
  await cluster.apply(...streamService('db', [one], 'TCP', 'data'), tcp, web)
  await answers(port, 'one: x')
  await cluster.eventually('web.test', '/', (answer) => expect(answer).toHaveStatus(503))
  await eventually(async () => {
    const events = (await eventsOf(tcp)).map(({ type, reason, message }) => `${type} ${reason} ${message}`)
    expect(events).toEqual(
      expect.arrayContaining([
        expect.stringContaining('Warning InvalidStreamService data.not-a-port: '),
        expect.stringContaining('Warning InvalidStreamService data.9001: '),
        expect.stringContaining(`Warning StreamPortUnavailable data.${held}: TCP port ${held} is taken`),
      ]),
    )
    expect(events).toHaveLength(3)
  }, LIVE)
}, 120_000)
