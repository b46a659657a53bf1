/**
 * Whatever an API server does, and in whatever order: in the end the source says what a fresh list says. The length and
 * the seed of the run come from NGINX_TS_FAULT_SECONDS and NGINX_TS_SEED. A long run has the delays of the real
 * program; a short one is some fifty times as hasty.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import type { ClusterState } from '../../src/cluster/state.ts'
import { REFLECTOR_DEFAULTS } from '../../src/kube/reflector.ts'
import { eventually } from '../support/eventually.ts'
import { type FakeApiServer, type Fault, type OpenWatch, startFakeApiServer } from '../support/fake-api-server.ts'
import { configMap, endpointSlice, ingress, namespace, service, tlsSecret } from '../support/objects.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'
import { clientOf, following, HASTY } from '../support/reflecting.ts'

const SECONDS = Number(process.env['NGINX_TS_FAULT_SECONDS'] ?? 60)
const SEED = chooseSeed()
const IS_LONG = SECONDS >= 300
const SETTINGS = IS_LONG ? { ...REFLECTOR_DEFAULTS, pageSize: 20, idleMs: 20_000 } : HASTY
/** How often a kind may be listed, on average; in a hasty run in proportion. */
const SECONDS_BETWEEN_LISTS = IS_LONG ? 5 : 0.1
const RECOVERY_MS = IS_LONG ? 300_000 : 30_000
const NAMES = 30

test(
  'random faults end in what a fresh list says',
  async () => {
    console.info(`random faults: ${SECONDS} s, seed ${SEED} (NGINX_TS_SEED)`)
    const random = randomNumbers(SEED)
    await using server = await startFakeApiServer()
    const lag = monitorEventLoopDelay({ resolution: 10 })
    lag.enable()
    server.apply(namespace('default'), ...Array.from({ length: NAMES }, (_, index) => someIngress(index, 0)))
    server.mangle = repeatingOldEvents(random)
    server.faults = (request) => (random() < 0.15 ? someFault(random, request.kind) : undefined)
    await using source = following(clientOf(server.url), { random, settings: SETTINGS })
    const memoryBefore = process.memoryUsage().heapUsed
    let steps = 0
    const end = performance.now() + SECONDS * 1000
    while (performance.now() < end) {
      steps += 1
      await someStep(random, server)
      await sleep(random() * 60)
    }
    server.faults = () => undefined
    server.mangle = (lines) => lines
    for (const watch of server.watches()) watch.end()

    await eventually(
      async () => {
        await using fresh = following(clientOf(server.url))
        await fresh.synced
        const { state, issues } = source.snapshot()
        expect(contentOf(state)).toEqual(contentOf(fresh.snapshot().state))
        expect(issues).toEqual([])
      },
      { timeoutMs: RECOVERY_MS },
    )
    lag.disable()
    const lists = source.notices.filter((notice) => notice.kind === 'listed')
    const busiest = Math.max(
      ...['Ingress', 'Service', 'Secret'].map((kind) => lists.filter(({ resource }) => resource.kind === kind).length),
    )
    const grown = (process.memoryUsage().heapUsed - memoryBefore) / 1e6
    console.info(
      `random faults: seed ${SEED}, ${steps} steps, ${source.notices.length - lists.length} failures, ${lists.length} lists of 7 kinds, at most ${busiest} of one;` +
        ` event loop held ${(lag.max / 1e6).toFixed(0)} ms at most, p99 ${(lag.percentile(99) / 1e6).toFixed(0)} ms; heap grew by ${grown.toFixed(0)} MB`,
    )
    // The first few follow each other closely, and so they may.
    expect(busiest).toBeLessThanOrEqual(6 + SECONDS / SECONDS_BETWEEN_LISTS)
    expect(grown).toBeLessThan(200)
  },
  SECONDS * 1000 + RECOVERY_MS + 60_000,
)

type Random = () => number

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item

function someIngress(index: number, secret: number) {
  return ingress(`web-${index}`).host(`web-${index}.test`).prefix('/', `web-${index}`).tls(`tls-${secret}`, `web-${index}.test`)
}

function someObject(random: Random) {
  const index = Math.floor(random() * NAMES)
  const other = Math.floor(random() * NAMES)
  return pick(random, [
    () => someIngress(index, other),
    () => service(`web-${index}`, [{ port: 80 + other }]),
    () => endpointSlice(`web-${index}`, [{ address: `10.0.0.${other + 1}` }], { port: 8080 }),
    () => tlsSecret(`tls-${index}`, `certificate ${other}`, 'key'),
    () => configMap(`settings-${index}`, { value: String(other) }),
    () => namespace(`team-${index % 5}`, { value: String(other) }),
  ])()
}

async function someStep(random: Random, server: FakeApiServer): Promise<void> {
  const watches = server.watches()
  const someWatch = (act: (watch: OpenWatch) => void) => () => {
    if (watches.length > 0) act(pick(random, watches))
  }
  const change = () => server.apply(someObject(random))
  const remove = () => {
    const resource = pick(random, ['ingresses', 'services', 'endpointslices', 'secrets', 'configmaps'])
    const key = pick(random, server.keys(resource))
    if (key !== undefined) server.remove(resource, 'default', key.slice('default/'.length))
  }
  const rarely = (act: () => void | Promise<void>) => () => (random() < 0.1 ? act() : undefined)
  await pick<() => void | Promise<void>>(random, [
    change,
    change,
    change,
    change,
    remove,
    remove,
    () => server.bookmark(),
    someWatch((watch) => watch.end()),
    someWatch((watch) => watch.reset()),
    someWatch((watch) => watch.freeze()),
    someWatch((watch) => {
      watch.send('{"type":"MODIFIED","object":{"meta')
      watch.reset()
    }),
    someWatch((watch) => watch.send('<html>\n')),
    someWatch((watch) => watch.send('{"type":"SURPRISE"}\n')),
    someWatch((watch) => watch.send(`${JSON.stringify({ type: 'ERROR', object: { code: pick(random, [410, 500, 504, 429, 403]) } })}\n`)),
    rarely(() => server.compact()),
    rarely(async () => {
      await server.stop()
      await sleep(random() * 500)
      await server.start()
    }),
    rarely(async () => {
      // Who restores an etcd starts the API server again.
      await server.stop()
      server.restoreEmpty()
      await server.start()
    }),
  ])()
}

function someFault(random: Random, kind: string): Fault {
  const statuses = [401, 403, 410, 429, 500, 502, 503, 504]
  return pick<Fault>(random, [
    { kind: 'status', status: pick(random, statuses) },
    { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    { kind: 'reset' },
    { kind: 'hang' },
    { kind: 'body', text: '<html></html>', type: 'text/html' },
    { kind: 'body', text: '{"kind":"List","items":[' },
    { kind: 'body', text: '' },
    { kind: 'body', text: '{}' },
    { kind: 'cut', bytes: Math.floor(random() * 2000) },
    { kind: 'delay', ms: random() * 400 },
    { kind: 'drip', bytesPerSecond: kind === 'watch' ? 5000 : 20_000 },
  ])
}

/** Events come twice, and old ones come again. */
function repeatingOldEvents(random: Random): FakeApiServer['mangle'] {
  const sent = new WeakMap<OpenWatch, string[]>()
  return (lines, watch) => {
    const before = sent.get(watch) ?? []
    sent.set(watch, [...before, ...lines].slice(-20))
    const old = before.length > 0 && random() < 0.2 ? [pick(random, before)] : []
    return [...lines, ...(random() < 0.2 ? lines : []), ...old]
  }
}

function contentOf(state: ClusterState): unknown {
  const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(Object.entries(state).map(([part, objects]) => [part, sorted(objects)]))
}
