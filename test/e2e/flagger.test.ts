/**
 * A release as Flagger makes one: `INGRESS-canary` is a copy of the whole Ingress, its annotations too, with the canary's
 * Service; `canary: "false"` while nothing is released, then `true` with a weight, or with a header, a pattern and a
 * cookie. Its Ingress router at https://docs.flagger.app/tutorials/nginx-progressive-delivery says so.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { collectionPathOf, pathOf, read, type StoredObject } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, type Manifest, service } from '../support/objects.ts'
import { requestSteadily, type SteadyRequests } from '../support/steady-requests.ts'

const KEY = 'nginx.ingress.kubernetes.io/'
const PORT = 8080
const [PRIMARY, CANARY] = [podAddress(1), podAddress(2)]
const started = new AsyncDisposableStack()
let cluster: Cluster

const main = ingress('podinfo').host('app.test').prefix('/', 'podinfo').annotation(`${KEY}proxy-read-timeout`, '30')
const atRest: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: {
    namespace: 'default',
    name: 'podinfo-canary',
    annotations: { [`${KEY}proxy-read-timeout`]: '30', [`${KEY}canary`]: 'false' },
    ownerReferences: [
      { apiVersion: 'flagger.app/v1beta1', kind: 'Canary', name: 'podinfo', uid: randomUUID(), controller: true, blockOwnerDeletion: true },
    ],
  },
  spec: ingress('copy').host('app.test').prefix('/', 'podinfo-canary').toManifest()['spec'],
}

beforeAll(async () => {
  cluster = started.use(await startCluster())
  for (const [name, address] of [
    ['primary', PRIMARY],
    ['canary', CANARY],
  ] as const)
    started.use(await startBackend(name, { address, port: PORT }))
  await cluster.apply(
    main,
    // The Service of the Ingress selects the primary's Pods.
    service('podinfo'),
    endpointSlice('podinfo', [{ address: PRIMARY }], { port: PORT }),
    service('podinfo-canary'),
    endpointSlice('podinfo-canary', [{ address: CANARY }], { port: PORT }),
  )
  await cluster.eventually('app.test', '/', (answer) => expect(answer).toComeFrom('primary'))
  await cluster.api.client.request({ method: 'POST', path: collectionPathOf(atRest), body: atRest })
}, 180_000)
afterAll(() => started.disposeAsync())

/** Reads the Ingress, replaces all that is about the canary, and writes it whole: as Flagger does. */
async function setRoutes(rules: Readonly<Record<string, string>>) {
  const stored = await read(cluster.api.client, atRest)
  const others = Object.entries(stored.metadata.annotations ?? {}).filter(([key]) => !key.startsWith(`${KEY}canary`))
  const said = Object.entries(rules).map(([key, value]) => [KEY + key, value])
  const body = { ...stored, metadata: { ...stored.metadata, annotations: Object.fromEntries([...others, ...said]) } }
  await cluster.api.client.request<StoredObject>({ method: 'PUT', path: pathOf(atRest), body })
}

async function canaryHas(requests: SteadyRequests, least: number, most: number) {
  await eventually(
    async () => {
      const share = (await requests.next(100)).filter((backend) => backend === 'canary').length
      expect(share).toBeGreaterThanOrEqual(least)
      expect(share).toBeLessThanOrEqual(most)
    },
    { timeoutMs: 60_000 },
  )
}

test('a release by weights, 0, 20, 100 and 0, loses no request', async () => {
  const requests = requestSteadily(() => cluster.get('app.test', '/'))
  await canaryHas(requests, 0, 0)
  await setRoutes({ canary: 'true', 'canary-weight': '20' })
  await canaryHas(requests, 1, 44)
  await setRoutes({ canary: 'true', 'canary-weight': '100' })
  await canaryHas(requests, 100, 100)
  await setRoutes({ canary: 'false' })
  await canaryHas(requests, 0, 0)
  const { answered, failed } = await requests.finish()
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(400)
}, 240_000)

test('A/B tests by header value, header pattern and cookie', async () => {
  const requests = requestSteadily(() => cluster.get('app.test', '/'))
  const get = async (headers: Readonly<Record<string, string>>) => (await cluster.get('app.test', '/', { headers })).seen?.backend
  await setRoutes({ canary: 'true', 'canary-by-header': 'x-canary', 'canary-by-header-value': 'insider', 'canary-by-cookie': 'canary' })
  await eventually(async () => expect(await get({ 'x-canary': 'insider' })).toBe('canary'), { timeoutMs: 20_000 })
  expect(await get({ 'x-canary': 'outsider' })).toBe('primary')
  expect(await get({ cookie: 'canary=always' })).toBe('canary')
  expect(await get({ cookie: 'canary=never' })).toBe('primary')

  await setRoutes({ canary: 'true', 'canary-by-header': 'x-user', 'canary-by-header-pattern': '.*(alice|bob).*' })
  await eventually(async () => expect(await get({ 'x-user': 'dear bob' })).toBe('canary'), { timeoutMs: 20_000 })
  expect(await get({ 'x-user': 'carol' })).toBe('primary')
  expect(await get({ 'x-canary': 'insider' })).toBe('primary')

  await setRoutes({ canary: 'false' })
  await eventually(async () => expect(await get({ 'x-user': 'bob' })).toBe('primary'), { timeoutMs: 20_000 })
  expect((await requests.finish()).failed).toEqual([])
}, 240_000)

type EventList = { readonly items: readonly { readonly type: string; readonly message: string }[] }

test('at rest, the canary Ingress is nobody to be warned of', async () => {
  const { metadata } = await read(cluster.api.client, atRest)
  const { items } = await cluster.api.client.request<EventList>({
    path: '/api/v1/namespaces/default/events',
    query: { fieldSelector: `involvedObject.uid=${metadata.uid},type=Warning` },
  })
  expect(items.map(({ message }) => message)).toEqual([])
})
