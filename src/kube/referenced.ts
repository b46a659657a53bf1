/**
 * Secrets and ConfigMaps that something refers to: the only ones whose data is kept. One that nothing referred to until
 * now is read by itself, and whoever refers to it waits until it has been read.
 */
import type { ObjectKey } from '../cluster/objects.ts'
import { type BackoffSettings, delayAfter, pause } from './backoff.ts'

export type ReferencedKind = 'Secret' | 'ConfigMap'
/** `Secret shop/web-tls` */
export type Reference = `${ReferencedKind} ${ObjectKey}`

export type ReferencedParts = {
  /** Reads the object, and takes it; resolves too when it does not exist. */
  readonly read: (reference: Reference, signal: AbortSignal) => Promise<void>
  /** Nothing refers to it any more. */
  readonly dropped: (reference: Reference) => void
  /** It is known what it is, or that it does not exist. */
  readonly resolved: (reference: Reference) => void
  /** What keeps it from being read, when that lasts; undefined once it does not. */
  readonly trouble: (reference: Reference, error: unknown) => void
  readonly backoff: BackoffSettings
  readonly random: () => number
}

export type Referenced = {
  add(references: Iterable<Reference>): void
  release(references: Iterable<Reference>): void
  /** Whether anything refers to it. */
  has(reference: Reference): boolean
  /** Whether it is known what it is, or that it does not exist. */
  isResolved(reference: Reference): boolean
  /** From now on what is added is read by itself; what was added before comes with the lists. */
  follow(): void
  /** Reads until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** An API server serves others too. */
const READ_AT_ONCE = 8
/** Failures of a read that are worth an Issue; fewer are the network's daily bread. */
const FAILURES_TO_REPORT = 3

/** Refers to nothing yet. */
export function createReferenced(parts: ReferencedParts): Referenced {
  const counts = new Map<Reference, number>()
  const resolved = new Set<Reference>()
  const queue = new Set<Reference>()
  const failures = new Map<Reference, number>()
  let isFollowing = false
  let wake = Promise.withResolvers<void>()

  function enqueue(reference: Reference): void {
    if (!counts.has(reference)) return
    queue.add(reference)
    wake.resolve()
    wake = Promise.withResolvers()
  }

  async function read(reference: Reference, signal: AbortSignal): Promise<void> {
    try {
      await parts.read(reference, signal)
      well(reference)
      if (!counts.has(reference)) return
      resolved.add(reference)
      parts.resolved(reference)
    } catch (error) {
      if (signal.aborted || !counts.has(reference)) return
      const count = (failures.get(reference) ?? 0) + 1
      failures.set(reference, count)
      if (count === FAILURES_TO_REPORT) parts.trouble(reference, error)
      // Others get their turn meanwhile.
      void pause(delayAfter(error, count, parts.backoff, parts.random), signal).then(() => enqueue(reference))
    }
  }

  function well(reference: Reference): void {
    if (failures.delete(reference)) parts.trouble(reference, undefined)
  }

  function forget(reference: Reference): void {
    counts.delete(reference)
    resolved.delete(reference)
    queue.delete(reference)
    well(reference)
    parts.dropped(reference)
  }

  async function work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [next] = queue
      if (next === undefined) {
        await wake.promise
        continue
      }
      queue.delete(next)
      await read(next, signal)
    }
  }

  return {
    add(references) {
      for (const reference of references) {
        const count = counts.get(reference) ?? 0
        counts.set(reference, count + 1)
        if (count > 0) continue
        if (isFollowing) enqueue(reference)
        else resolved.add(reference)
      }
    },
    release(references) {
      for (const reference of references) {
        const count = (counts.get(reference) ?? 0) - 1
        if (count > 0) counts.set(reference, count)
        else forget(reference)
      }
    },
    has: (reference) => counts.has(reference),
    isResolved: (reference) => resolved.has(reference),
    follow() {
      isFollowing = true
    },
    async run(signal) {
      signal.addEventListener('abort', () => wake.resolve(), { once: true })
      await Promise.all(Array.from({ length: READ_AT_ONCE }, () => work(signal)))
    },
  }
}
