/**
 * Keeps `status.loadBalancer.ingress` of the Ingresses that are served at our addresses, for people, Argo CD and
 * external-dns to read. Only the leader writes, only what differs, and takes away only what is ours.
 */
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'
import type { AddressReader } from './address-source.ts'
import { type LoadBalancerAddress, sameAddresses } from './addresses.ts'
import { ApiError, type KubeClient } from './client.ts'
import type { Clock } from './clock.ts'
import { type IngressStatus, listStatuses, readStatus } from './ingress-status.ts'
import { type Leadership, leaderRequests, NotLeaderError } from './leadership.ts'
import { createRest } from './rest.ts'
import { createStatusWriter, withdrawAll, withdrawal } from './status-writer.ts'
import { createTokenBucket } from './token-bucket.ts'

export type StatusSettings = {
  readonly addresses: AddressReader
  /** Where Ingresses are looked at; undefined for everywhere. */
  readonly namespace: string | undefined
  /** See `fieldManagerOf`. */
  readonly fieldManager: string
}

export type StatusReports = {
  wrote(key: ObjectKey, addresses: readonly LoadBalancerAddress[]): void
  /**
   * The first failure after a success; or, once a minute, the first of so many Ingresses whose status the API server
   * refuses. All are tried again.
   */
  failed(error: unknown, count: number): void
}

export type StatusPublisher = {
  /** Says which Ingresses are served. Nothing is written before the first time, and nothing here waits. */
  publish(served: Iterable<Ingress>): void
  /** Says that we have become leader: whatever was written meanwhile, every status is looked at. */
  recheck(): void
  /** Writes until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>
  /**
   * Takes our addresses away when no other replica is ready. For the shutdown: after `run`, while the lease is held.
   * Never rejects, and ends when the signal aborts.
   */
  withdraw(signal: AbortSignal): Promise<void>
}

/** A change of the published Service or of our Pods shows after this time. */
const ADDRESSES_INTERVAL_MS = 10_000
/** Once a minute, as ingress-nginx does: what somebody else overwrote is put right, but two that disagree do not race. */
const AUDIT_INTERVAL_MS = 60_000
const RETRY_MS = 5_000
/** Of more, a list is cheaper. */
const MOST_READ_ONE_BY_ONE = 20
/** A rollout may touch thousands of Ingresses; the API server has others to serve. */
const WRITE_RATE = { burst: 50, perSecond: 20 }
const WRITES_A_TURN = 20

/** Writes nothing yet; `run` does. */
export function createStatusPublisher(
  client: KubeClient,
  leadership: Leadership,
  settings: StatusSettings,
  clock: Clock,
  reports: StatusReports,
): StatusPublisher {
  const { fieldManager } = settings
  const writer = createStatusWriter(client, leaderRequests(client, leadership), fieldManager, {
    wrote: reports.wrote,
    refused: (error) => refusals.push(error),
  })
  const bucket = createTokenBucket(WRITE_RATE, clock)
  /** By key the uid: an Ingress made anew under an old name has no status yet. */
  let served: ReadonlyMap<ObjectKey, string | undefined> | undefined
  const changed = new Set<ObjectKey>()
  let auditAt = Number.NEGATIVE_INFINITY
  let addresses: readonly LoadBalancerAddress[] | undefined
  let addressesAt = Number.NEGATIVE_INFINITY
  /** What the last list found to correct, and this has not come to yet. */
  let found: readonly IngressStatus[] = []
  let refusals: unknown[] = []
  const { wake, rest } = createRest(clock)

  function audit() {
    changed.clear()
    auditAt = Number.NEGATIVE_INFINITY
  }

  function lookAt(keys: readonly ObjectKey[]) {
    for (const key of keys) changed.add(key)
    if (changed.size > MOST_READ_ONE_BY_ONE) audit()
    if (keys.length > 0) wake()
  }

  /** What to write; undefined where all is well, or not ours to change. */
  function correctionOf(status: IngressStatus): readonly LoadBalancerAddress[] | undefined {
    if (served?.has(status.key)) return addresses === undefined || sameAddresses(addresses, status.addresses) ? undefined : addresses
    return withdrawal(status)
  }

  function tellRefusals() {
    if (refusals.length > 0) reports.failed(refusals[0], refusals.length)
    refusals = []
  }

  async function refreshAddresses(signal: AbortSignal): Promise<void> {
    if (clock.now() < addressesAt + ADDRESSES_INTERVAL_MS) return
    const before = addresses
    addresses = (await settings.addresses.addresses(signal)) ?? before
    addressesAt = clock.now()
    if (addresses !== undefined && (before === undefined || !sameAddresses(before, addresses))) audit()
  }

  /** What came or went, and some of what the last list found: whoever comes while thousands are written need not wait for them. */
  async function turn(signal: AbortSignal): Promise<void> {
    await refreshAddresses(signal)
    if (clock.now() >= auditAt) {
      tellRefusals()
      changed.clear()
      auditAt = clock.now() + AUDIT_INTERVAL_MS
      const all = await listStatuses(client, settings.namespace, fieldManager, signal)
      found = all.filter((status) => correctionOf(status) !== undefined)
    }
    const keys = [...changed]
    changed.clear()
    const read = await Promise.all(keys.map((key) => readStatus(client, key, fieldManager, signal)))
    const now = [...read.filter((status) => status !== undefined), ...found.slice(0, WRITES_A_TURN)]
    found = found.slice(WRITES_A_TURN)
    await writer.correctAll(now, correctionOf, bucket.take, signal)
    if (found.length === 0) tellRefusals()
  }

  return {
    publish(ingresses) {
      const before = served
      const now = new Map([...ingresses].map(({ namespace, name, uid }) => [keyOf(namespace, name), uid] as const))
      served = now
      if (before === undefined) {
        audit()
        wake()
      } else {
        const come = [...now.keys()].filter((key) => !before.has(key) || before.get(key) !== now.get(key))
        lookAt([...come, ...[...before.keys()].filter((key) => !now.has(key))])
      }
    },
    recheck() {
      audit()
      addressesAt = Number.NEGATIVE_INFINITY
      wake()
    },
    async run(signal) {
      let isFailing = false
      while (!signal.aborted) {
        try {
          if (served !== undefined && leadership.remainingMs() > 0) await turn(signal)
          isFailing = false
          if (found.length === 0 || leadership.remainingMs() <= 0) await rest(ADDRESSES_INTERVAL_MS, signal)
        } catch (error) {
          // Whatever this turn was about to do, the next one looks for itself.
          audit()
          if (error instanceof NotLeaderError || signal.aborted) continue
          if (!isFailing) reports.failed(error, 1)
          isFailing = true
          const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
          await clock.sleep(Math.max(RETRY_MS * (1 + clock.random()), askedMs), signal).catch(() => {})
        }
      }
    },
    async withdraw(signal) {
      if (served === undefined || leadership.remainingMs() <= 0) return
      try {
        if (await settings.addresses.hasOtherReplica(signal)) return
        await withdrawAll(client, writer, settings, signal)
        tellRefusals()
      } catch (error) {
        reports.failed(error, 1)
      }
    },
  }
}
