/** Gathers changes: work starts once none has come for a while, or the first has waited long enough. */
import { setTimeout as sleep } from 'node:timers/promises'

export type HoldOff<Change> = {
  add(change: Change): void
  /** The changes gathered since the last call, as soon as they have settled; at least one. Rejects when the signal aborts. */
  settled(signal: AbortSignal): Promise<readonly Change[]>
}

/** `quietMs`: silence that ends the gathering. `longestMs`: how long the first change waits at most. */
export function createHoldOff<Change>(quietMs: number, longestMs: number, now: () => number): HoldOff<Change> {
  let gathered: Change[] = []
  let firstAt = 0
  let lastAt = 0
  let wake: (() => void) | undefined

  return {
    add(change) {
      lastAt = now()
      if (gathered.length === 0) firstAt = lastAt
      gathered.push(change)
      wake?.()
    },
    async settled(signal) {
      while (gathered.length === 0) await untilWoken(signal)
      while (now() < Math.min(lastAt + quietMs, firstAt + longestMs)) {
        await sleep(Math.max(1, Math.min(lastAt + quietMs, firstAt + longestMs) - now()), undefined, { signal })
      }
      const changes = gathered
      gathered = []
      return changes
    },
  }

  async function untilWoken(signal: AbortSignal) {
    signal.throwIfAborted()
    const woken = Promise.withResolvers<void>()
    const abort = () => woken.reject(signal.reason)
    wake = woken.resolve
    signal.addEventListener('abort', abort, { once: true })
    try {
      await woken.promise
    } finally {
      signal.removeEventListener('abort', abort)
      wake = undefined
    }
  }
}
