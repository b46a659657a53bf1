/** Brings a configuration to NGINX: written, staged, tested, renamed into place, reloaded, confirmed; or refused whole. */
import { isNativeError } from 'node:util/types'
import type { ObjectRef } from '../model/issue.ts'
import type { ConfigSet } from '../render/render.ts'
import { AgentUnavailable, type NginxAgent, type TestResult } from './agent.ts'
import type { Generation, GenerationStore } from './generations.ts'
import { complaintOf, offenderOf } from './offender.ts'

/** Milliseconds of each step that was taken. */
export type StepTimes = Readonly<Partial<Record<'write' | 'test' | 'reload', number>>>

export type ReloadResult =
  | { readonly kind: 'unchanged'; readonly generation: Generation; readonly bytesWritten: number; readonly times: StepTimes }
  | {
      readonly kind: 'applied'
      readonly generation: Generation
      readonly bytesWritten: number
      readonly times: StepTimes
      readonly output: string
    }
  | {
      readonly kind: 'refused'
      readonly reason: string
      readonly offender: ObjectRef | undefined
      /**
       * Milliseconds after which the same may pass, where nothing was said against the configuration: there was no word
       * from the agent, or a file could not be written. Undefined when another configuration is needed.
       */
      readonly retryAfterMs: number | undefined
      readonly bytesWritten: number
      readonly times: StepTimes
    }

export type Refusal = Extract<ReloadResult, { readonly kind: 'refused' }>

/** One at a time: a second call waits for nothing and must not be made before the first has ended. */
export type Apply = {
  (configSet: ConfigSet): Promise<ReloadResult>
  /** What NGINX says against a configuration; undefined where it would take it. */
  test(configSet: ConfigSet): Promise<Refusal | undefined>
  /** Deletes what was written for configurations that were not taken. */
  discard(): Promise<void>
}

/** An agent that died is back within a second. */
export const AGENT_RETRY_MS = 250
/** A full disk, or a directory that cannot be written, takes somebody to mend it. */
const DISK_RETRY_MS = 5_000
/** NGINX did not come to a verdict, as when it is killed for the memory that it takes, or did not come up with what it had passed. */
export const NGINX_RETRY_MS = 10_000

/** What comes of a turn in which nothing was written. */
export function notApplied(reason: string, retryAfterMs: number | undefined): Refusal {
  return { kind: 'refused', reason, offender: undefined, retryAfterMs, bytesWritten: 0, times: {} }
}

/** `now` gives milliseconds. */
export function createApply(store: GenerationStore, agent: NginxAgent, now: () => number): Apply {
  async function apply(configSet: ConfigSet): Promise<ReloadResult> {
    const work = createWork(now)
    const { timed } = work
    return await orRefused(work, async () => {
      work.bytesWritten = await timed('write', () => store.writeKeyPairs(configSet.keyPairs))
      const [running, active] = await Promise.all([agent.running(), store.active()])
      // After a crash or a late reload the two may differ, and the active one is what a restart would serve.
      if (running?.hash === configSet.hash && active?.hash === configSet.hash)
        return { kind: 'unchanged', generation: running, ...work.done() }

      /** Where no NGINX runs: the last good configuration is better than none. */
      const serveLastGood = async () => {
        if (active !== undefined) await agent.ensureRunning()
      }
      const number = Math.max(running?.number ?? 0, active?.number ?? 0) + 1
      const generation = { number, hash: configSet.hash }
      const test = await stageAndTest(configSet, number, work)
      if (!test.ok) {
        await serveLastGood()
        return refusalOf(test, configSet, work)
      }
      await store.promote()
      const confirmation = await timed('reload', () => agent.activate(generation)).catch(async (error: unknown) => {
        await store.revert()
        throw error
      })
      if (!confirmation.ok) {
        await store.revert()
        await serveLastGood()
        return work.refused(confirmation.reason, NGINX_RETRY_MS)
      }
      await store.prune(configSet)
      return { kind: 'applied', generation, ...work.done(), output: test.output }
    })
  }

  async function stageAndTest(configSet: ConfigSet, number: number, work: Work): Promise<TestResult> {
    work.bytesWritten += await work.timed('write', () => store.stage(configSet, number))
    return await work.timed('test', () => agent.test())
  }

  async function test(configSet: ConfigSet): Promise<Refusal | undefined> {
    const work = createWork(now)
    return await orRefused(work, async () => {
      await store.writeKeyPairs(configSet.keyPairs)
      const result = await stageAndTest(configSet, 1, work)
      return result.ok ? undefined : refusalOf(result, configSet, work)
    })
  }

  return Object.assign(apply, { test, discard: store.discard })
}

/** What has been done so far, and the words for giving it up. */
type Work = ReturnType<typeof createWork>

function createWork(now: () => number) {
  const times: Record<string, number> = {}
  return {
    bytesWritten: 0,
    async timed<Result>(step: keyof StepTimes, action: () => Promise<Result>): Promise<Result> {
      const start = now()
      try {
        return await action()
      } finally {
        times[step] = (times[step] ?? 0) + now() - start
      }
    },
    done() {
      return { bytesWritten: this.bytesWritten, times }
    },
    refused(reason: string, retryAfterMs: number | undefined, offender?: ObjectRef): Refusal {
      return { kind: 'refused', reason, offender, retryAfterMs, ...this.done() }
    },
  }
}

function refusalOf({ isVerdict, output }: TestResult, configSet: ConfigSet, work: Work): Refusal {
  return isVerdict
    ? work.refused(complaintOf(output), undefined, offenderOf(output, configSet))
    : work.refused(complaintOf(output), NGINX_RETRY_MS)
}

/** What keeps us from asking NGINX is a refusal, too. */
async function orRefused<Result>(work: Work, action: () => Promise<Result>): Promise<Result | Refusal> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof AgentUnavailable) return work.refused(error.message, AGENT_RETRY_MS)
    if (isFileSystemError(error)) return work.refused(`the configuration cannot be written: ${error.message}`, DISK_RETRY_MS)
    throw error
  }
}

/** What Node throws for a file that cannot be read, written or renamed; of a full disk it does not say which. */
function isFileSystemError(error: unknown): error is NodeJS.ErrnoException {
  return isNativeError(error) && 'errno' in error && 'syscall' in error
}
