/** Writes the status of Ingresses, one after the other: each anew from what is there, when somebody else was faster. */
import type { ObjectKey } from '../cluster/objects.ts'
import type { LoadBalancerAddress } from './addresses.ts'
import { ApiError, type KubeClient } from './client.ts'
import { type IngressStatus, listStatuses, readStatus, statusWrite } from './ingress-status.ts'

/** What to write; undefined where all is well, or not ours to change. */
export type Correction = (status: IngressStatus) => readonly LoadBalancerAddress[] | undefined

/** Waits for the turn of the next write. */
export type Pace = (signal: AbortSignal) => Promise<void>

export type StatusWriter = {
  /** Corrects each; what the API server says of one Ingress costs the others nothing. Throws what concerns them all. */
  correctAll(statuses: readonly IngressStatus[], correctionOf: Correction, pace: Pace, signal: AbortSignal): Promise<void>
}

export type WriterReports = {
  wrote(key: ObjectKey, addresses: readonly LoadBalancerAddress[]): void
  /** The API server refuses this one. */
  refused(error: unknown): void
}

const MOST_CONFLICTS = 5

/** `write`: of a leader; see `leaderRequests`. */
export function createStatusWriter(
  client: KubeClient,
  write: KubeClient['request'],
  fieldManager: string,
  reports: WriterReports,
): StatusWriter {
  async function correct(first: IngressStatus, correctionOf: Correction, pace: Pace, signal: AbortSignal): Promise<void> {
    let status: IngressStatus | undefined = first
    for (let conflicts = 0; status !== undefined && correctionOf(status) !== undefined; conflicts += 1) {
      await pace(signal)
      // Asked again: while this waited for its turn, the Ingress may have left, or the addresses changed.
      const correction = correctionOf(status)
      if (correction === undefined) return
      try {
        await write({ ...statusWrite(status, correction, fieldManager), signal })
        return reports.wrote(status.key, correction)
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.status === 404) return
        if (error.status !== 409 || conflicts === MOST_CONFLICTS) throw error
        status = await readStatus(client, status.key, fieldManager, signal)
      }
    }
  }

  return {
    async correctAll(statuses, correctionOf, pace, signal) {
      for (const status of statuses) {
        await correct(status, correctionOf, pace, signal).catch((error: unknown) => {
          if (!isRefusal(error)) throw error
          reports.refused(error)
        })
      }
    },
  }
}

/** Of an Ingress that we do not serve: our addresses go, and what others have written stays. */
export const withdrawal: Correction = ({ isOurs, addresses }) => (isOurs && addresses.length > 0 ? [] : undefined)

/** Takes our addresses away from every Ingress. Throws as `correctAll` does. */
export async function withdrawAll(
  client: KubeClient,
  writer: StatusWriter,
  { namespace, fieldManager }: { readonly namespace: string | undefined; readonly fieldManager: string },
  signal: AbortSignal,
): Promise<void> {
  // One after the other is slow enough, and whoever withdraws has not long to live.
  await writer.correctAll(await listStatuses(client, namespace, fieldManager, signal), withdrawal, async () => {}, signal)
}

/** An answer about this very object, or this very right, which the next object may fare better with. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status < 500 && error.status !== 429 && error.status !== 401
}
