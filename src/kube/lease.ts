/**
 * Leader election by a Lease (coordination.k8s.io/v1), by the protocol of Kubernetes' own client-go: whoever holds the
 * record renews it; the others watch it, and take it over when it has not changed for its whole duration. Clocks of two
 * machines are never compared: each measures, by its own monotonic clock, how long a record has stayed the same.
 *
 * A leader trusts its lease for less time than the others wait, counted from the moment at which its last successful
 * renewal was sent. The difference is what their clocks may run apart, and what a late write may take to arrive.
 */
import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from './client.ts'
import type { Clock } from './clock.ts'
import type { Leadership } from './leadership.ts'
import { createLeaseRecord, durationOf, heldBy, isConflict, type Lease, microTime } from './lease-record.ts'

export type LeaseTimes = {
  /** How long the others wait for a record to change: whole seconds, as the API has it. */
  readonly durationMs: number
  /** How long a leader trusts its last renewal. Shorter than the duration. */
  readonly trustMs: number
  /** Between two tries to renew, or to take over. */
  readonly retryMs: number
}

export type LeaseSettings = {
  readonly namespace: string
  readonly name: string
  /** Ours alone among all replicas, and new with each start; see `leaseIdentity`. */
  readonly identity: string
  readonly times: LeaseTimes
}

export type LeaseReports = {
  /** We have become leader, or have become so again after our lease had run out: others may have written in between. */
  gained(): void
  /** We are leader no more. For log and metrics: it may come late, and nothing is decided by it. */
  lost(): void
  /** The first failure after a success. */
  failed(error: unknown): void
}

export type Election = Leadership & {
  /** Takes part until the signal aborts; then gives the lease back, if it is ours, and resolves. Never rejects. */
  run(signal: AbortSignal): Promise<void>
}

/** client-go's defaults are 15 s, 10 s and 2 s; other durations keep the proportions. */
export const TRUST_SHARE = 2 / 3
const RETRY_SHARE = 2 / 15
/** Those who wait come at different times, up to this much later (client-go's JitterFactor). */
const JITTER_FACTOR = 1.2
/** Tries to write within one turn: after a conflict, the newest record decides anew. */
const MOST_CONFLICTS = 3
/** A given-back record says that nobody need wait: the shortest duration that the API allows, in seconds. */
const RELEASED_DURATION_S = 1

/** From `--election-ttl` in milliseconds. */
export function leaseTimesOf(electionTtlMs: number): LeaseTimes {
  const durationMs = Math.ceil(electionTtlMs / 1000) * 1000
  return { durationMs, trustMs: durationMs * TRUST_SHARE, retryMs: durationMs * RETRY_SHARE }
}

/** Names a replica: its Pod (or host) for people, and chance, for a container that is restarted keeps its Pod's name. */
export function leaseIdentity(podName: string, random: () => number): string {
  return `${podName}_${Math.floor(random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')}`
}

/** Takes no part yet; `run` does. */
export function createElection(client: KubeClient, settings: LeaseSettings, clock: Clock, reports: LeaseReports): Election {
  const { namespace, name, identity, times } = settings
  /** Half of the trust, so that a hanging request leaves time for another. */
  const record = createLeaseRecord(client, { namespace, name }, Math.floor(times.trustMs / 2))
  /** The newest record that we know, and when its content was first seen, by our clock. */
  let seen: { readonly lease: Lease; readonly at: number } | undefined
  let trustedUntil = Number.NEGATIVE_INFINITY
  /** How often we became leader, and of which time we have told. */
  let term = 0
  let toldTerm = 0

  const remainingMs = () => Math.max(0, trustedUntil - clock.now())

  function observe(lease: Lease): Lease {
    const isChanged = seen === undefined || !isDeepStrictEqual(seen.lease.spec, lease.spec)
    seen = { lease, at: isChanged || seen === undefined ? clock.now() : seen.at }
    // Taken from us before our trust has run out, as by `nginx-ts withdraw-status`.
    if (lease.spec?.holderIdentity !== identity) trustedUntil = Number.NEGATIVE_INFINITY
    return lease
  }

  function mayTake(lease: Lease): boolean {
    const holder = lease.spec?.holderIdentity ?? ''
    if (holder === '' || holder === identity) return true
    return seen !== undefined && clock.now() >= seen.at + durationOf(lease, times.durationMs)
  }

  async function read(signal: AbortSignal): Promise<Lease | undefined> {
    const lease = await record.read(signal)
    return lease && observe(lease)
  }

  /** Writes us into the record that was read. */
  async function hold(before: Lease | undefined, signal: AbortSignal): Promise<void> {
    const sentAt = clock.now()
    observe(await record.write(before, heldBy(identity, before, times.durationMs, clock.wallTime()), signal))
    if (remainingMs() === 0) term += 1
    trustedUntil = sentAt + times.trustMs
  }

  /** One try to renew or to take over. A leader renews what it knows without reading it first. */
  async function attempt(signal: AbortSignal): Promise<void> {
    let known = remainingMs() > 0 ? seen?.lease : await read(signal)
    for (let conflicts = 0; known === undefined || mayTake(known); conflicts += 1) {
      try {
        return await hold(known, signal)
      } catch (error) {
        if (!isConflict(error) || conflicts === MOST_CONFLICTS) throw error
        known = await read(signal)
      }
    }
  }

  /** Gives the lease back, so that nobody waits for it to run out. Where this fails, they do wait. */
  async function release(): Promise<void> {
    trustedUntil = Number.NEGATIVE_INFINITY
    if (seen?.lease.spec?.holderIdentity !== identity) return
    const { signal } = new AbortController()
    // Read anew: a renewal that the abort cut short may have arrived all the same.
    const lease = await read(signal)
    if (lease?.spec?.holderIdentity !== identity) return
    const time = microTime(clock.wallTime())
    await record.write(
      lease,
      { ...lease.spec, holderIdentity: '', leaseDurationSeconds: RELEASED_DURATION_S, renewTime: time, acquireTime: time },
      signal,
    )
  }

  function tell() {
    const isLeader = remainingMs() > 0
    if (toldTerm !== 0 && (!isLeader || toldTerm !== term)) {
      toldTerm = 0
      reports.lost()
    }
    if (isLeader && toldTerm === 0) {
      toldTerm = term
      reports.gained()
    }
  }

  return {
    remainingMs,
    async run(signal) {
      let isFailing = false
      while (!signal.aborted) {
        try {
          await attempt(signal)
          isFailing = false
        } catch (error) {
          if (!isFailing && !signal.aborted) reports.failed(error)
          isFailing = true
        }
        tell()
        const jitter = remainingMs() > 0 ? 1 : 1 + clock.random() * JITTER_FACTOR
        await clock.sleep(times.retryMs * jitter, signal).catch(() => {})
      }
      await release().catch(reports.failed)
      tell()
    },
  }
}
