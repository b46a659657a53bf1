/** Brings a configuration to NGINX: written, staged, tested, renamed into place, reloaded, confirmed; or refused whole. */
import type { ObjectRef } from '../model/issue.ts'
import type { ConfigSet } from '../render/render.ts'
import { AgentUnavailable, type NginxAgent } from './agent.ts'
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

/** One at a time: a second call waits for nothing and must not be made before the first has ended. */
export type Apply = (configSet: ConfigSet) => Promise<ReloadResult>

/** An agent that died is back within a second. */
const AGENT_RETRY_MS = 250
/** A full disk, or a directory that cannot be written, takes somebody to mend it. */
const DISK_RETRY_MS = 5_000

/** What comes of a turn in which there was no word from the agent before anything was written. */
export function notApplied(reason: string): ReloadResult {
  return { kind: 'refused', reason, offender: undefined, retryAfterMs: AGENT_RETRY_MS, bytesWritten: 0, times: {} }
}

/** `now` gives milliseconds. */
export function createApply(store: GenerationStore, agent: NginxAgent, now: () => number): Apply {
  return async (configSet) => {
    const times: Record<string, number> = {}
    async function timed<Result>(step: keyof StepTimes, work: () => Promise<Result>): Promise<Result> {
      const start = now()
      try {
        return await work()
      } finally {
        times[step] = (times[step] ?? 0) + now() - start
      }
    }

    let bytesWritten = 0
    const refused = (reason: string, offender: ObjectRef | undefined, retryAfterMs?: number): ReloadResult => ({
      kind: 'refused',
      reason,
      offender,
      retryAfterMs,
      bytesWritten,
      times,
    })

    try {
      bytesWritten = await timed('write', () => store.writeKeyPairs(configSet.keyPairs))
      const [running, active] = await Promise.all([agent.running(), store.active()])
      // After a crash or a late reload the two may differ, and the active one is what a restart would serve.
      if (running?.hash === configSet.hash && active?.hash === configSet.hash)
        return { kind: 'unchanged', generation: running, bytesWritten, times }

      /** Where no NGINX runs: the last good configuration is better than none. */
      const serveLastGood = async () => {
        if (active !== undefined) await agent.ensureRunning()
      }
      const number = Math.max(running?.number ?? 0, active?.number ?? 0) + 1
      const generation = { number, hash: configSet.hash }
      bytesWritten += await timed('write', () => store.stage(configSet, number))
      const test = await timed('test', () => agent.test())
      if (!test.ok) {
        await serveLastGood()
        return refused(complaintOf(test.output), offenderOf(test.output, configSet))
      }
      await store.promote()
      const confirmation = await timed('reload', () => agent.activate(generation)).catch(async (error: unknown) => {
        await store.revert()
        throw error
      })
      if (!confirmation.ok) {
        await store.revert()
        await serveLastGood()
        return refused(confirmation.reason, undefined)
      }
      await store.prune(configSet)
      return { kind: 'applied', generation, bytesWritten, times, output: test.output }
    } catch (error) {
      if (error instanceof AgentUnavailable) return refused(error.message, undefined, AGENT_RETRY_MS)
      if (isFileSystemError(error)) return refused(`the configuration cannot be written: ${error.message}`, undefined, DISK_RETRY_MS)
      throw error
    }
  }
}

/** What Node throws for a file that cannot be read, written or renamed. */
function isFileSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'errno' in error && 'path' in error
}
