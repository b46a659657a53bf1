/** What only a leader may do, and the moment at which it is asked whether it is one: when the request leaves. */
import type { ApiRequest, KubeClient } from './client.ts'

export type Leadership = {
  /**
   * Milliseconds for which we may still begin what only a leader does; 0 when we are not it. Computed from the clock at
   * each call: a process that was stopped and continued hears the truth at once, whatever timers are still to fire.
   */
  remainingMs(): number
}

/** For `--disable-leader-election`: the operator promises that there is one replica. */
export const alwaysLeader: Leadership = { remainingMs: () => Number.POSITIVE_INFINITY }

/** A write that was not begun, for we are not the leader, or no longer. */
export class NotLeaderError extends Error {}

/** A write is given up sooner than a read: the next turn tries again. */
const WRITE_TIMEOUT_MS = 10_000

/**
 * Requests that only a leader may make. Each begins while the lease is held, or throws a NotLeaderError, and is given up
 * when the lease runs out. `request` is KubeClient's, and throws what that throws.
 */
export function leaderRequests(client: KubeClient, leadership: Leadership): KubeClient['request'] {
  function permit(): number {
    const remainingMs = leadership.remainingMs()
    if (remainingMs <= 0) throw new NotLeaderError('this replica is not the leader')
    return remainingMs
  }
  return async <Result>(given: ApiRequest) => {
    const timeoutMs = Math.floor(Math.min(given.timeoutMs ?? WRITE_TIMEOUT_MS, permit()))
    return await client.request<Result>({ ...given, timeoutMs, permit })
  }
}
