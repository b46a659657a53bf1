/**
 * Takes a Lease from whoever holds it, on purpose and before it has run out, so that nobody else leads for a while. The
 * former leader finds out at its next renewal. Until its record would have run out it may know nothing of it, and may still
 * write: whoever takes a Lease waits that long before relying on what is there.
 */
import type { KubeClient } from './client.ts'
import type { Clock } from './clock.ts'
import type { Leadership } from './leadership.ts'
import { leaseIdentity, TRUST_SHARE } from './lease.ts'
import { createLeaseRecord, durationOf, heldBy, isConflict, type Lease } from './lease-record.ts'

export type Takeover = {
  readonly namespace: string
  readonly name: string
  /** Names whoever takes it, for people and for the next to take it. */
  readonly reason: string
  readonly instance: string
  /** How long the replicas are to respect it. */
  readonly keepMs: number
  /** How long they respect each other, where the record does not say. */
  readonly electionTtlMs: number
  /** Whether it may be taken at all; undefined where there is none. */
  readonly mayTake: (lease: Lease | undefined) => boolean
}

export type TakenLease = {
  /** Who held it; empty when nobody did. */
  readonly former: string
  /** Until this moment of the clock the former leader may write; whatever it has begun by then has arrived, too. */
  readonly formerEndsAt: number
  readonly leadership: Leadership
}

const REQUEST_TIMEOUT_MS = 10_000

/** Undefined where it may not be taken. Throws as `request` does; a renewal in between is no failure. */
export async function takeLease(
  client: KubeClient,
  takeover: Takeover,
  clock: Clock,
  signal: AbortSignal,
): Promise<TakenLease | undefined> {
  const { keepMs, electionTtlMs, reason } = takeover
  const record = createLeaseRecord(client, takeover, REQUEST_TIMEOUT_MS)
  const identity = leaseIdentity(`${reason}_${takeover.instance}`, clock.random)
  for (;;) {
    const before = await record.read(signal)
    if (!takeover.mayTake(before)) return undefined
    const sentAt = clock.now()
    try {
      await record.write(before, heldBy(identity, before, keepMs, clock.wallTime()), signal)
    } catch (error) {
      if (!isConflict(error)) throw error
      continue
    }
    const former = before?.spec?.holderIdentity ?? ''
    // Of one who took it for the same reason the record says how long it was to be kept, and not who led before.
    const isKept = former.startsWith(`${reason}_`)
    const formerMs = former === '' || before === undefined ? 0 : isKept ? electionTtlMs : durationOf(before, electionTtlMs)
    return {
      former,
      formerEndsAt: clock.now() + formerMs,
      leadership: { remainingMs: () => Math.max(0, sentAt + keepMs * TRUST_SHARE - clock.now()) },
    }
  }
}
