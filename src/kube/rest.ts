/** A pause between turns that somebody may cut short. */
import type { Clock } from './clock.ts'

export type Rest = {
  /** Ends the pause that goes on, or the next one before it begins. */
  wake(): void
  /** Until somebody wakes us, at most for so long. Ends when the signal aborts, too. */
  rest(milliseconds: number, signal: AbortSignal): Promise<void>
}

export function createRest(clock: Clock): Rest {
  let woken = Promise.withResolvers<void>()
  return {
    wake: () => woken.resolve(),
    async rest(milliseconds, signal) {
      const resting = new AbortController()
      const sleep = clock.sleep(milliseconds, AbortSignal.any([signal, resting.signal])).catch(() => {})
      await Promise.race([woken.promise, sleep])
      resting.abort()
      woken = Promise.withResolvers()
    },
  }
}
