/** Waiting for what happens in its own time. */
import { setTimeout as sleep } from 'node:timers/promises'

const BETWEEN_TRIES_MS = 20

/** Repeats a check until it passes, and gives what it gave; after the deadline its last failure is thrown. */
export async function eventually<Result>(check: () => Promise<Result> | Result, { timeoutMs = 10_000 } = {}): Promise<Result> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(BETWEEN_TRIES_MS)
    }
  }
}
