/**
 * A whole cluster of one size, but for Pods: a real API server, and `nginx-ts agent` and `nginx-ts controller` as the
 * package has them. Run in a network namespace, with the settings as JSON; prints its figures as JSON.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { prepareAgent } from '../../support/agent.ts'
import { startApiServer } from '../../support/api-server.ts'
import { createAuthority } from '../../support/certificates.ts'
import { newestNginx, OUR_CLASS } from '../../support/cluster.ts'
import { collectionPathOf } from '../../support/cluster-objects.ts'
import { type ControllerProcess, prepareController } from '../../support/controller.ts'
import { ingress, ingressClass, service } from '../../support/objects.ts'
import { randomNumbers } from '../../support/random.ts'
import { WILDCARD_NAME } from '../cluster.ts'
import { medianOf } from '../statistics.ts'
import { startBackends } from './backends.ts'
import { type EndpointTimes, newEndpoint, newIngress, type TimedChanges, timeChanges } from './changes.ts'
import { churnForeign, type ForeignFigures } from './foreign.ts'
import { checkAllShops, type Measured, until, untilServed } from './measured.ts'
import type { Settings } from './settings.ts'
import { createAll, OTHER_CLASS, shopManifests } from './shops.ts'
import { type CpuSeconds, cpuOf, type MemoryUse, memoryOf } from './usage.ts'

export type InClusterFigures = {
  readonly settings: Settings
  /** Milliseconds from the start of both processes, with an empty state directory. */
  readonly coldStart: { readonly readyMs: number; readonly servedMs: number; readonly cpu: CpuSeconds }
  readonly newIngress: TimedChanges<number>
  readonly newEndpoint: TimedChanges<EndpointTimes>
  /** Medians of what the controller says of its turns since then, in milliseconds. */
  readonly stages: Readonly<Record<string, number>>
  readonly memory: { readonly started: MemoryUse; readonly changed: MemoryUse }
  readonly foreign: ForeignFigures | undefined
}

const STATUS_ADDRESS = '203.0.113.7'
const SETTLE_MS = 3000

const settings = JSON.parse(process.argv[2] ?? '') as Settings
const say = (line: string) => console.error(`bench: ${line}`)
console.log(JSON.stringify(await measure()))

async function measure(): Promise<InClusterFigures> {
  await using started = new AsyncDisposableStack()
  const { client, kubeconfig } = started.use(await startApiServer())
  started.use(await startBackends())
  const pair = await (await createAuthority()).issue([WILDCARD_NAME])
  const shops = Array.from({ length: settings.ingresses }, (_, index) => shopManifests(index, pair)).flat()
  say(`creating ${shops.length} objects`)
  await createAll(client, [OUR_CLASS, ingressClass(OTHER_CLASS, 'example.test/other'), service('theirs'), ...shops])
  const agent = started.use(await prepareAgent(await newestNginx()))
  const controller = started.use(
    await prepareController({
      layout: agent.layout,
      kubeconfig,
      ports: { http: agent.httpPort, https: agent.httpsPort },
      flags: settings.status ? ['--publish-status-address', STATUS_ADDRESS] : ['--update-status=false'],
    }),
  )
  const measured: Measured = { settings, client, controller, agent, random: randomNumbers(settings.seed) }

  say('starting agent and controller')
  const start = performance.now()
  agent.start()
  controller.start()
  const [readyMs, servedMs] = await Promise.all([
    until(async () => (await controller.isReady()) || undefined).then(() => performance.now() - start),
    untilServed(measured).then(() => performance.now() - start),
  ])
  const coldStart = { readyMs, servedMs, cpu: await cpuOf(controller, agent) }
  say(`served after ${Math.round(servedMs)} ms`)
  await checkAllShops(measured)
  if (settings.status) await untilPublished(measured)
  await sleep(SETTLE_MS)
  const memoryStarted = await memoryOf(controller, agent)
  const turnsBefore = timesOfTurns(controller).length

  say('new Ingresses')
  const ingresses = await timeChanges(measured, (sample) => newIngress(measured, sample))
  say('new endpoints')
  const endpoints = await timeChanges(measured, (sample) => newEndpoint(measured, sample))
  const stages = mediansOf(timesOfTurns(controller).slice(turnsBefore))
  const memory = { started: memoryStarted, changed: await memoryOf(controller, agent) }
  if (settings.foreign > 0) say(`${settings.foreign} Ingresses of another class`)
  const foreign = settings.foreign > 0 ? await churnForeign(measured) : undefined
  return { settings, coldStart, newIngress: ingresses, newEndpoint: endpoints, stages, memory, foreign }
}

/** Waits until every Ingress has its status: writing them, slowly on purpose, is work of another time. */
async function untilPublished({ client }: Measured): Promise<void> {
  type Listed = { readonly items: readonly { readonly status: { readonly loadBalancer: { readonly ingress?: unknown } } }[] }
  say('waiting for every status')
  for (;;) {
    const { items } = await client.request<Listed>({ path: collectionPathOf(ingress('any').toManifest()) })
    if (items.every(({ status }) => status.loadBalancer.ingress !== undefined)) return
    await sleep(SETTLE_MS)
  }
}

/** What the controller logs of each turn that it made. */
function timesOfTurns(controller: ControllerProcess): readonly Readonly<Record<string, number>>[] {
  return controller.log().flatMap((line) => (line['times'] === undefined ? [] : [line['times'] as Record<string, number>]))
}

function mediansOf(turns: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const stages = new Set(turns.flatMap((times) => Object.keys(times)))
  return Object.fromEntries([...stages].map((stage) => [stage, medianOf(turns.flatMap((times) => times[stage] ?? []))]))
}
