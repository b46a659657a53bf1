/** How long to leave an API server alone after a failure, or after a list. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from './client.ts'

export type BackoffSettings = {
  /** The first delay is a random part of this; each further one of twice as much. Milliseconds. */
  readonly firstMs: number
  readonly longestMs: number
}

/** A proxy in between may ask for hours. */
const LONGEST_RETRY_AFTER_MS = 120_000
const HIGHEST_EXPONENT = 20

/** Full jitter: a random part of first × 2^(attempt − 1), so that many clients do not come back together. */
export function backoffDelay(attempt: number, { firstMs, longestMs }: BackoffSettings, random: () => number): number {
  if (attempt <= 0) return 0
  return random() * Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, HIGHEST_EXPONENT))
}

/** What a server asks for in Retry-After is the least; jitter comes on top. */
export function delayAfter(error: unknown, attempt: number, settings: BackoffSettings, random: () => number): number {
  const asked = error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS) : 0
  return asked + backoffDelay(attempt, settings, random)
}

/** Resolves after a while, or as soon as the signal aborts; whoever waits asks the signal. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {})
}
