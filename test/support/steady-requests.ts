/** Requests one after the other for as long as a test goes on, of which none may fail; and which backends answer them. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './client.ts'

export type SteadyRequests = {
  /** The backends of so many answers to requests that begin from now on. */
  next(count: number): Promise<readonly string[]>
  /** Ends them; gives how many were answered, and what became of those that were not answered with 200. */
  finish(): Promise<{ readonly answered: number; readonly failed: readonly string[] }>
}

const BETWEEN_REQUESTS_MS = 5

/** Begins at once. */
export function requestSteadily(request: () => Promise<Answer>): SteadyRequests {
  const backends: string[] = []
  const failed: string[] = []
  let isOn = true
  const wholeRun = (async () => {
    while (isOn) {
      await request().then(
        ({ status, seen, body }) => {
          if (status === 200 && seen !== undefined) backends.push(seen.backend)
          else failed.push(`${status} ${body.slice(0, 100)}`)
        },
        (error: unknown) => failed.push(String(error)),
      )
      await sleep(BETWEEN_REQUESTS_MS)
    }
  })()
  return {
    async next(count) {
      // The one that is under way may have begun before.
      const first = backends.length + 1
      const deadline = performance.now() + 60_000
      while (backends.length < first + count) {
        if (performance.now() > deadline) throw new Error(`no ${count} answers within a minute; failed: ${failed.slice(0, 3).join('; ')}`)
        await sleep(BETWEEN_REQUESTS_MS)
      }
      return backends.slice(first, first + count)
    },
    async finish() {
      isOn = false
      await wholeRun
      return { answered: backends.length, failed }
    },
  }
}
