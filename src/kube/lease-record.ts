/** A Lease (coordination.k8s.io/v1) as the API server keeps it: how it is read, and how somebody is written into it. */
import { ApiError, type KubeClient } from './client.ts'

/** What we read and write of a Lease; the rest is handed back as it came. */
export type Lease = {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: LeaseSpec
}
export type LeaseSpec = {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}

export type LeaseRecord = {
  /** Undefined when there is none. */
  read(signal: AbortSignal): Promise<Lease | undefined>
  /** Makes it, or replaces the one that was read; the API server refuses when another has written since. */
  write(before: Lease | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<Lease>
}

/** `timeoutMs`: of each request. */
export function createLeaseRecord(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  timeoutMs: number,
): LeaseRecord {
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  return {
    async read(signal) {
      try {
        return await client.request<Lease>({ path: `${leases}/${name}`, signal, timeoutMs })
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return undefined
        throw error
      }
    },
    async write(before, spec, signal) {
      return before === undefined
        ? await client.request<Lease>({
            method: 'POST',
            path: leases,
            body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec },
            signal,
            timeoutMs,
          })
        : await client.request<Lease>({ method: 'PUT', path: `${leases}/${name}`, body: { ...before, spec }, signal, timeoutMs })
    },
  }
}

/** What the record says once somebody holds it, or has renewed it. `wallTime`: milliseconds since 1970, for people. */
export function heldBy(identity: string, before: Lease | undefined, durationMs: number, wallTime: number): LeaseSpec {
  const time = microTime(wallTime)
  const isRenewal = before?.spec?.holderIdentity === identity
  return {
    ...before?.spec,
    holderIdentity: identity,
    leaseDurationSeconds: durationMs / 1000,
    renewTime: time,
    acquireTime: isRenewal ? (before?.spec?.acquireTime ?? time) : time,
    leaseTransitions: before === undefined ? 0 : (before.spec?.leaseTransitions ?? 0) + (isRenewal ? 0 : 1),
  }
}

/** How long others respect what the record says, from when they first saw it. */
export function durationOf({ spec }: Lease, fallbackMs: number): number {
  return spec?.leaseDurationSeconds === undefined ? fallbackMs : spec.leaseDurationSeconds * 1000
}

/** Somebody else wrote, created or deleted it since we read it. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 404)
}

/** RFC 3339 with six digits of a second: the API server takes no other form for a MicroTime. */
export function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z')
}
