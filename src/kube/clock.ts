/** Time and chance, for what must be tested without waiting. */
import { setTimeout as sleep } from 'node:timers/promises'

export type Clock = {
  /** Milliseconds of a clock that only goes forward, and goes on while the process is stopped (CLOCK_MONOTONIC). */
  now(): number
  /** Milliseconds since 1970, for people to read. Somebody may set it at any time, so nothing is decided by it. */
  wallTime(): number
  /** Rejects when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
  /** From 0 up to, not including, 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
  random: () => Math.random(),
}
