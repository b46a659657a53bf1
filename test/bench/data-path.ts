/** What a request costs through ours, against an ideal nginx.conf on the same binary: interleaved, and as ratios. */
import { readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { probeMachine } from '../../src/nginx/machine.ts'
import { createAuthority, type IssuedCertificate } from '../support/certificates.ts'
import { send } from '../support/client.ts'
import { endpointSlice } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { makeShop, objectsOf, shopHost, shopName, slim, WILDCARD_NAME } from './cluster.ts'
import { backendConfiguration, idealConfiguration } from './ideal.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { type PlainNginx, startPlainNginx } from './plain-nginx.ts'
import { type Spread, spreadOf } from './statistics.ts'
import { generateLoad } from './wrk.ts'

export type DataPathSettings = { readonly rounds: number; readonly seconds: number }

export type DataPathFigures = {
  readonly hosts: number
  readonly scheme: Scheme
  readonly ours: Figures
  readonly ideal: Figures
  /** Ours over ideal, of runs next to each other. */
  readonly ratios: { readonly requestsPerSecond: Spread; readonly p99: Spread; readonly cpu: Spread }
  readonly socketErrors: number
}

type Figures = { readonly requestsPerSecond: number; readonly p99Ms: number; readonly cpuMicroseconds: number }
type Scheme = 'http' | 'https'
type Run = Figures & { readonly socketErrors: number }

/** A proxy under test. */
type Proxy = { readonly ports: Readonly<Record<Scheme, number>>; readonly masterPid: number; readonly accessLog: string }

const SIZES = [2, 1000]
/** With TLS and without: plain http to a host with TLS is answered with a redirect. */
const SHOPS = { https: 0, http: 1 } as const
const WARM_UP_SECONDS = 1

export async function measureDataPath(
  nginx: string,
  settings: DataPathSettings,
  say: (line: string) => void,
): Promise<readonly DataPathFigures[]> {
  const pair = await (await createAuthority()).issue([WILDCARD_NAME])
  const { workerAccount } = await probeMachine()
  const backendPort = await freePort()
  await using _backend = await startPlainNginx(nginx, backendPort, (folder) => backendConfiguration(folder, backendPort, workerAccount))
  const ports = { http: await freePort(), https: await freePort() }
  const hosts = {
    host: shopHost(SHOPS.http),
    tlsHost: shopHost(SHOPS.https),
    logName: logName(SHOPS.http),
    tlsLogName: logName(SHOPS.https),
  }
  await using ideal = await startPlainNginx(
    nginx,
    ports.http,
    (folder) => idealConfiguration({ folder, ports, backendPort, ...hosts, account: workerAccount }),
    { 'pair.pem': pair.chain + pair.key },
  )

  const figures: DataPathFigures[] = []
  for (const size of SIZES) {
    await using pipeline = await serveShops(nginx, size, backendPort, pair)
    const ours = await proxyOfOurs(pipeline)
    for (const scheme of ['http', 'https'] as const) {
      say(`${scheme}, ${size} hosts`)
      await expectSameRequests(ours, proxyOfIdeal(ideal, ports), scheme)
      figures.push({ hosts: size, scheme, ...(await compare(ours, proxyOfIdeal(ideal, ports), scheme, settings)) })
    }
  }
  return figures
}

async function serveShops(nginx: string, size: number, backendPort: number, pair: IssuedCertificate): Promise<Pipeline> {
  const pipeline = await createPipeline(nginx)
  for (let index = 0; index < size; index += 1) for (const object of objectsOf(makeShop(index, pair))) pipeline.store.set(object)
  for (const index of Object.values(SHOPS))
    pipeline.store.set(slim(endpointSlice(shopName(index), [{ address: '127.0.0.1' }], { port: backendPort })))
  const result = await pipeline.apply(pipeline.plan().configSet)
  if (result.kind !== 'applied') throw new Error(result.kind === 'refused' ? result.reason : 'nothing was applied')
  return pipeline
}

async function compare(ours: Proxy, ideal: Proxy, scheme: Scheme, { rounds, seconds }: DataPathSettings) {
  await runLoad(ours, scheme, WARM_UP_SECONDS)
  await runLoad(ideal, scheme, WARM_UP_SECONDS)
  const pairs: { readonly ours: Run; readonly ideal: Run }[] = []
  for (let round = 0; round < rounds; round += 1) {
    const first = await runLoad(ours, scheme, seconds)
    pairs.push({ ours: first, ideal: await runLoad(ideal, scheme, seconds) })
    const second = await runLoad(ideal, scheme, seconds)
    pairs.push({ ours: await runLoad(ours, scheme, seconds), ideal: second })
  }
  const ratio = (pick: (run: Run) => number) => spreadOf(pairs.map((pair) => pick(pair.ours) / pick(pair.ideal)))
  return {
    ours: medians(pairs.map((pair) => pair.ours)),
    ideal: medians(pairs.map((pair) => pair.ideal)),
    ratios: {
      requestsPerSecond: ratio((run) => run.requestsPerSecond),
      p99: ratio((run) => run.p99Ms),
      cpu: ratio((run) => run.cpuMicroseconds),
    },
    socketErrors: pairs.reduce((sum, pair) => sum + pair.ours.socketErrors + pair.ideal.socketErrors, 0),
  }
}

async function runLoad(proxy: Proxy, scheme: Scheme, seconds: number): Promise<Run> {
  const worker = await workerOf(proxy.masterPid)
  const before = await cpuMicrosecondsOf(worker)
  const load = await generateLoad(`${scheme}://127.0.0.1:${proxy.ports[scheme]}/`, shopHost(SHOPS[scheme]), seconds)
  const cpu = (await cpuMicrosecondsOf(worker)) - before
  // Minutes of full load would fill the disk.
  await truncate(proxy.accessLog)
  return { ...load, cpuMicroseconds: cpu / load.requests }
}

function medians(runs: readonly Run[]): Figures {
  const median = (pick: (run: Run) => number) => spreadOf(runs.map(pick)).median
  return {
    requestsPerSecond: median((run) => run.requestsPerSecond),
    p99Ms: median((run) => run.p99Ms),
    cpuMicroseconds: median((run) => run.cpuMicroseconds),
  }
}

/** A comparison is fair when the backend hears as many bytes either way, and the client gets the same headers. */
async function expectSameRequests(ours: Proxy, ideal: Proxy, scheme: Scheme): Promise<void> {
  const host = shopHost(SHOPS[scheme])
  const [a, b] = await Promise.all(
    [ours, ideal].map(async ({ ports }) => {
      const { status, headers, body } = await send(ports[scheme], host, '/heard', scheme === 'https' ? { sni: host } : {})
      return JSON.stringify({ status, headers: { ...headers, date: '' }, body })
    }),
  )
  if (a !== b) throw new Error(`the two proxies do not do the same:\nours  ${a}\nideal ${b}`)
}

async function proxyOfOurs({ layout, httpPort, httpsPort }: Pipeline): Promise<Proxy> {
  const masterPid = Number(await readFile(layout.pidFile, 'utf8'))
  return { ports: { http: httpPort, https: httpsPort }, masterPid, accessLog: layout.accessLog }
}

function proxyOfIdeal({ folder, pid }: PlainNginx, ports: Proxy['ports']): Proxy {
  return { ports, masterPid: pid, accessLog: join(folder, 'access.log') }
}

/** The only child of a master with one worker. */
async function workerOf(masterPid: number): Promise<number> {
  return Number((await readFile(`/proc/${masterPid}/task/${masterPid}/children`, 'utf8')).trim().split(' ')[0])
}

/** Linux counts in ticks of 10 ms: proc_pid_stat(5), utime and stime. */
const MICROSECONDS_A_TICK = 10_000

async function cpuMicrosecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_A_TICK
}

function logName(index: number): string {
  return `default-${shopName(index)}-80`
}
