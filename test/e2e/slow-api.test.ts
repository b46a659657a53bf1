/**
 * The whole controller on an API server that is slow, silent or overloaded, under load: nothing that was served is lost,
 * in the end the newest change is served, and meanwhile the controller answers its own health checks and stays small.
 * The API server is a fake, for a real one cannot be made to answer so.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { prepareAgent } from '../support/agent.ts'
import { STEADY, startChurn } from '../support/churn.ts'
import { newestNginx, OUR_CLASS } from '../support/cluster.ts'
import { prepareController } from '../support/controller.ts'
import type { EventLoopLag } from '../support/event-loop-lag.ts'
import { eventually } from '../support/eventually.ts'
import { type FakeApiServer, type Fault, startFakeApiServer } from '../support/fake-api-server.ts'
import { describeLoad, reportFigures } from '../support/figures.ts'
import { startLoad } from '../support/load.ts'
import type { Manifest } from '../support/objects.ts'
import { peakMemory } from '../support/processes.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'

const SECONDS = Number(process.env['NGINX_TS_FAULT_SECONDS'] ?? 20)
const IS_LONG = SECONDS >= 300
/** As long as the controller waits in the worst case: for a page, and for a sign of a watch. */
const LATENCY_MS = IS_LONG ? { least: 5_000, most: 30_000 } : { least: 200, most: 2_000 }
const DRIP_BYTES_PER_SECOND = 1_000
const RETRY_AFTER_SECONDS = IS_LONG ? 10 : 1
const REQUESTS_PER_SECOND = 500
const LONGEST_BETWEEN_CHANGES_MS = 500
const LONGEST_LAG_P99_MS = 200
/** Node, client-node and what a hundred objects need; 87 MB of it client-node. */
const MOST_MEMORY_MB = 400
/** A watch that says nothing is given up after 150 s. */
const PATIENCE = { timeoutMs: IS_LONG ? 300_000 : 60_000 }
const COLLECTIONS: Readonly<Record<string, string>> = { Ingress: 'ingresses', EndpointSlice: 'endpointslices', Service: 'services' }

test(
  `${SECONDS} s of latency, drip, half-open connections and 429 lose no request, and end in the newest state`,
  async () => {
    const seed = chooseSeed()
    const random = randomNumbers(seed)
    process.stderr.write(`slow API: seed ${seed} (NGINX_TS_SEED)\n`)
    await using started = new AsyncDisposableStack()
    const api = started.use(await startFakeApiServer())
    const load = started.use(await startLoad({ address: '0.0.0.0' }))
    const churn = started.use(await startChurn({ random, steadyPort: load.backendPort, ...writerOf(api) }))
    api.apply(OUR_CLASS, ...(churn.initial as readonly Manifest[]))
    const agent = started.use(await prepareAgent(await newestNginx()))
    const lagFile = join(agent.layout.root, 'event-loop-lag.json')
    const controller = started.use(
      await prepareController({
        layout: agent.layout,
        kubeconfig: await kubeconfigOf(api.url, agent.layout.root),
        ports: { http: agent.httpPort, https: agent.httpsPort },
        flags: ['--disable-leader-election', '--update-status=false'],
        environment: {
          NODE_OPTIONS: `--import=${join(import.meta.dirname, '../support/event-loop-lag.ts')}`,
          NGINX_TS_LAG_FILE: lagFile,
        },
      }),
    )
    await agent.startReady()
    await controller.startReady()
    await eventually(() => churn.check(agent.get), PATIENCE)

    load.begin(agent.httpPort, STEADY, REQUESTS_PER_SECOND)
    const met = new Map<string, number>()
    api.faults = () => {
      const fault = someFault(random)
      if (fault !== undefined) met.set(nameOf(fault), (met.get(nameOf(fault)) ?? 0) + 1)
      return fault
    }
    for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
      await churn.step()
      disturbSomeWatch(api, random)
      expect(await controller.status('/healthz')).toHaveStatus(200)
      await sleep(random() * LONGEST_BETWEEN_CHANGES_MS)
    }
    api.faults = () => undefined
    const over = performance.now()
    // A half-open connection is found out after minutes, or by a server that is started again.
    if (!IS_LONG) {
      await api.stop()
      await api.start()
    }
    await eventually(() => churn.check(agent.get), PATIENCE)
    const converged = performance.now() - over
    const { examples, ...counts } = await load.finish()

    const lag = JSON.parse(await readFile(lagFile, 'utf8')) as EventLoopLag
    const memory = Math.round((await peakMemory(controller.pid())) / 1e6)
    reportFigures({
      row: 10,
      what: 'slow API server',
      seed,
      figures: {
        seconds: SECONDS,
        faults: [...met].map(([name, times]) => `${name} ${times}`).join(', '),
        changes: churn.changes(),
        ...describeLoad(counts),
        'end of faults to newest state': `${(converged / 1000).toFixed(1)} s`,
        'event loop lag': `p99 ${lag.p99Ms.toFixed(0)}, longest ${lag.longestMs.toFixed(0)} ms`,
        'peak memory': `${memory} MB`,
      },
    })
    expect(examples).toEqual([])
    expect(counts.answered + counts.keepAliveClosed).toBe(counts.sent)
    expect(counts.sent).toBeGreaterThan(1000)
    expect(lag.p99Ms).toBeLessThan(LONGEST_LAG_P99_MS)
    expect(memory).toBeLessThan(MOST_MEMORY_MB)
  },
  SECONDS * 1000 + 2 * PATIENCE.timeoutMs + 120_000,
)

/** Half of the requests are answered as they should be, so that something is left to be disturbed. */
function someFault(random: () => number): Fault | undefined {
  const { least, most } = LATENCY_MS
  const chance = random()
  if (chance < 0.2) return { kind: 'delay', ms: least + random() * (most - least) }
  if (chance < 0.3) return { kind: 'drip', bytesPerSecond: DRIP_BYTES_PER_SECOND }
  if (chance < 0.35) return { kind: 'hang' }
  if (chance < 0.5) return { kind: 'status', status: 429, reason: 'TooManyRequests', headers: { 'retry-after': `${RETRY_AFTER_SECONDS}` } }
  return undefined
}

const nameOf = (fault: Fault) => (fault.kind === 'status' ? `${fault.status}` : fault.kind)

function disturbSomeWatch(api: FakeApiServer, random: () => number): void {
  const watches = api.watches()
  const watch = watches[Math.floor(random() * watches.length)]
  const chance = random()
  if (chance < 0.1) watch?.freeze()
  else if (chance < 0.3) watch?.end()
  else if (chance < 0.4) watch?.reset()
}

function writerOf(api: FakeApiServer) {
  const manifestsOf = (objects: readonly unknown[]) =>
    objects.flat().map((object) => (hasManifest(object) ? object.toManifest() : (object as Manifest)))
  return {
    apply: async (...objects: readonly unknown[]) => api.apply(...manifestsOf(objects)),
    async remove(...objects: readonly unknown[]) {
      for (const { kind, metadata } of manifestsOf(objects)) {
        const { namespace, name } = metadata as { readonly namespace: string; readonly name: string }
        api.remove(COLLECTIONS[`${kind}`] ?? '', namespace, name)
      }
    },
  }
}

function hasManifest(object: unknown): object is { toManifest(): Manifest } {
  return typeof object === 'object' && object !== null && 'toManifest' in object
}

async function kubeconfigOf(server: string, folder: string): Promise<string> {
  const path = join(folder, 'kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'nobody' } }],
    'current-context': 'fake',
  }
  await writeFile(path, JSON.stringify(config))
  return path
}
