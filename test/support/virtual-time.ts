/** Time that passes when a test lets it, so that hours of a protocol take a moment, and every run of a seed is the same. */
import type { Clock } from '../../src/kube/clock.ts'

export type VirtualTime = {
  now(): number
  /** Resolves when so much time has passed. */
  after(milliseconds: number): Promise<void>
  /** Lets time pass: each thing that waits goes on in its turn, and all that follows from it is done, before the next. */
  pass(milliseconds: number, afterEach?: () => void): Promise<void>
}

export function createVirtualTime(): VirtualTime {
  let now = 0
  let waiting: { readonly at: number; readonly resume: () => void }[] = []

  /** Until no promise has anything to do: a macrotask comes after all of them. */
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

  return {
    now: () => now,
    after: (milliseconds) => new Promise((resume) => waiting.push({ at: now + Math.max(0, milliseconds), resume })),
    async pass(milliseconds, afterEach = () => {}) {
      const end = now + milliseconds
      await settle()
      for (;;) {
        const next = waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        waiting = waiting.filter((each) => each !== next)
        now = next.at
        next.resume()
        await settle()
        afterEach()
      }
      now = end
      afterEach()
    },
  }
}

export type VirtualClockOptions = {
  /** How fast this machine's clock goes. */
  readonly rate?: number
  readonly random?: () => number
  readonly wallTime?: () => number
}

/** A machine's clock in virtual time. It starts anywhere, as CLOCK_MONOTONIC does. */
export function virtualClock(time: VirtualTime, { rate = 1, random = () => 0.5, wallTime }: VirtualClockOptions = {}): Clock {
  const start = random() * 1e9
  return {
    now: () => start + time.now() * rate,
    wallTime: wallTime ?? (() => Date.UTC(2026, 0, 1) + time.now()),
    random,
    sleep(milliseconds, signal) {
      signal.throwIfAborted()
      const aborted = Promise.withResolvers<void>()
      signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
      return Promise.race([time.after(milliseconds / rate), aborted.promise])
    },
  }
}
