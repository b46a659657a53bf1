/**
 * What a change costs the controller: run as a process of its own for each number of Ingresses, with --expose-gc, so
 * that the memory is honest. Prints its figures as JSON.
 */
import type { ClusterObject } from '../../src/cluster/objects.ts'
import type { ReloadResult } from '../../src/nginx/apply.ts'
import type { ConfigSet } from '../../src/render/render.ts'
import { createAuthority } from '../support/certificates.ts'
import { makeShop, objectsOf, shopEndpoints, shopIngress, WILDCARD_NAME } from './cluster.ts'
import { createPipeline, type Pipeline, type Plan } from './pipeline.ts'
import { medianOf } from './statistics.ts'

export type ControlPlaneFigures = {
  readonly ingresses: number
  readonly full: { readonly translate: number; readonly render: number; readonly files: number; readonly bytes: number }
  readonly start: AppliedFigures
  readonly ingressChange: ChangeFigures
  readonly endpointsChange: ChangeFigures
  /** In bytes. */
  readonly memory: { readonly empty: number; readonly resident: number; readonly heap: number; readonly peak: number }
}

/** Milliseconds, and bytes written. */
export type AppliedFigures = { readonly write: number; readonly test: number; readonly reload: number; readonly bytes: number }

export type ChangeFigures = {
  readonly first: number
  readonly median: number
  readonly snapshot: number
  readonly translate: number
  readonly render: number
  readonly serversRendered: number
  readonly applied: AppliedFigures
}

/** Changes planned for the median, each of another Ingress; and how many of them are brought to NGINX too. */
const CHANGES = 40
const APPLIED_CHANGES = 5

async function measure(nginx: string, ingresses: number): Promise<ControlPlaneFigures> {
  const pair = await (await createAuthority()).issue([WILDCARD_NAME])
  await using pipeline = await createPipeline(nginx)
  const empty = memory().rss
  for (let index = 0; index < ingresses; index += 1) for (const object of objectsOf(makeShop(index, pair))) pipeline.store.set(object)

  const first = pipeline.plan()
  if (first.issues.length > 0) throw new Error(`the benchmark's manifests have issues: ${first.issues[0]?.message}`)
  const start = appliedFigures(await pipeline.apply(first.configSet))
  const ingressChange = await measureChanges(pipeline, first.configSet, ingresses, 1, (index) => shopIngress(index, 1))
  const endpointsChange = await measureChanges(pipeline, pipeline.plan().configSet, ingresses, 0, (index) => shopEndpoints(index, 1))
  const { rss, heapUsed } = memory()
  return {
    ingresses,
    full: {
      translate: first.times.translate,
      render: first.times.render,
      files: first.configSet.files.length,
      bytes: sizeOf(first.configSet),
    },
    start,
    ingressChange,
    endpointsChange,
    memory: { empty, resident: rss, heap: heapUsed, peak: process.resourceUsage().maxRSS * 1024 },
  }
}

/** Changes objects one by one, spread over the shops, and holds that each costs as many servers as it should. */
async function measureChanges(
  pipeline: Pipeline,
  before: ConfigSet,
  ingresses: number,
  serversExpected: number,
  changed: (index: number) => ClusterObject,
): Promise<ChangeFigures> {
  const plans: Plan[] = []
  const applied: AppliedFigures[] = []
  let last = before
  for (let change = 0; change < CHANGES; change += 1) {
    if (!pipeline.store.set(changed(Math.floor((change * ingresses) / CHANGES)))) throw new Error('nothing changed')
    const plan = pipeline.plan()
    const rendered = serversRendered(last, plan.configSet)
    if (rendered !== serversExpected) throw new Error(`${rendered} servers were rendered for one change, ${serversExpected} expected`)
    if (change < APPLIED_CHANGES) applied.push(appliedFigures(await pipeline.apply(plan.configSet)))
    plans.push(plan)
    last = plan.configSet
  }
  const median = (pick: (plan: Plan) => number) => medianOf(plans.map(pick))
  const [firstPlan] = plans
  return {
    first: firstPlan === undefined ? Number.NaN : planning(firstPlan),
    median: median(planning),
    snapshot: median(({ times }) => times.snapshot),
    translate: median(({ times }) => times.translate),
    render: median(({ times }) => times.render),
    serversRendered: serversExpected,
    applied: {
      write: medianOf(applied.map(({ write }) => write)),
      test: medianOf(applied.map(({ test }) => test)),
      reload: medianOf(applied.map(({ reload }) => reload)),
      bytes: medianOf(applied.map(({ bytes }) => bytes)),
    },
  }
}

function planning({ times }: Plan): number {
  return times.translate + times.render
}

/** Files of servers which were printed anew; one that was remembered is the very same object. */
function serversRendered(before: ConfigSet, after: ConfigSet): number {
  const known = new Set(before.files)
  const paths = new Set(after.servers.map(({ path }) => path))
  return after.files.filter((file) => paths.has(file.path) && !known.has(file)).length
}

function appliedFigures(result: ReloadResult): AppliedFigures {
  if (result.kind !== 'applied') throw new Error(result.kind === 'refused' ? result.reason : 'the change altered nothing')
  const { write = Number.NaN, test = Number.NaN, reload = Number.NaN } = result.times
  return { write, test, reload, bytes: result.bytesWritten }
}

function sizeOf({ files }: ConfigSet): number {
  return files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
}

function memory(): NodeJS.MemoryUsage {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage()
}

const [, , nginx = '', ingresses = ''] = process.argv
console.log(JSON.stringify(await measure(nginx, Number(ingresses))))
