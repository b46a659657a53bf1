/** So many at once, and then so many a second. */
import type { Clock } from './clock.ts'

export type Rate = {
  /** What may be taken at once after a rest. */
  readonly burst: number
  readonly perSecond: number
}

export type TokenBucket = {
  /** Takes one if there is one. */
  tryTake(): boolean
  /** Takes one as soon as there is one. Rejects when the signal aborts. */
  take(signal: AbortSignal): Promise<void>
}

/** A full bucket. */
export function createTokenBucket({ burst, perSecond }: Rate, clock: Clock): TokenBucket {
  let tokens = burst
  let countedAt = clock.now()

  function tryTake(): boolean {
    const now = clock.now()
    tokens = Math.min(burst, tokens + ((now - countedAt) / 1000) * perSecond)
    countedAt = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }

  return {
    tryTake,
    async take(signal) {
      while (!tryTake()) await clock.sleep(Math.ceil(((1 - tokens) / perSecond) * 1000), signal)
    },
  }
}
