/** What only one replica does: it writes the status of Ingresses and the Events about objects. */
import { type ClusterObject, type Ingress, keyOf, type ObjectKind } from '../cluster/objects.ts'
import { type ClusterState, objectsOfKind } from '../cluster/state.ts'
import type { Outcome } from '../controller.ts'
import { type AddressSource, createAddressReader } from '../kube/address-source.ts'
import type { KubeClient } from '../kube/client.ts'
import { systemClock } from '../kube/clock.ts'
import { createEventRecorder, type EventNote, noteOf, syncNote } from '../kube/events.ts'
import { fieldManagerOf } from '../kube/ingress-status.ts'
import { alwaysLeader, type Leadership } from '../kube/leadership.ts'
import { createElection, leaseIdentity, leaseTimesOf } from '../kube/lease.ts'
import { createStatusPublisher } from '../kube/status.ts'
import type { Issue, ObjectRef } from '../model/issue.ts'
import type { Logger } from '../observe/log.ts'

export type NamespacedName = { readonly namespace: string; readonly name: string }

export type LeaderSettings = {
  /** By which replicas elect, and by whose name it is known whose a status is. */
  readonly lease: NamespacedName & { readonly ttlSeconds: number }
  /** Whether there is an election; where not, the operator promises that there is one replica. */
  readonly isElected: boolean
  /** Our own Pod, from POD_NAMESPACE and POD_NAME; undefined outside of a cluster. */
  readonly pod: NamespacedName | undefined
  /** What is told apart from the Pod's name, in leases and Events. */
  readonly instance: string
  /** Where the addresses of Ingresses come from; undefined for no status at all. */
  readonly addressSource: AddressSource | undefined
  /** The only namespace whose Ingresses are ours. */
  readonly watchNamespace: string | undefined
  readonly withdrawOnShutdown: boolean
}

export type LeaderDuties = {
  /** Takes what a turn of the loop came to, the state it was made from, and whose status is ours to write. Returns at once. */
  report(outcome: Outcome, state: ClusterState, published: readonly Ingress[]): void
  /** Ends the writing, takes addresses away where that is wanted, and gives the lease back. Never rejects. */
  stop(): Promise<void>
}

/** A status that cannot be taken away by then stays. */
const WITHDRAWAL_TIMEOUT_MS = 10_000

/** Takes part in the election at once. `leads` is called when we become leader, and when we are it no more. */
export function startLeaderDuties(
  client: KubeClient,
  settings: LeaderSettings,
  log: Logger,
  leads: (isLeader: boolean) => void,
): LeaderDuties {
  const { lease } = settings
  const [ended, writingEnded] = [new AbortController(), new AbortController()]
  let state: ClusterState | undefined
  let issues: readonly Issue[] = []
  let configured: ReadonlySet<ClusterObject> | undefined

  const election = settings.isElected
    ? createElection(
        client,
        {
          namespace: lease.namespace,
          name: lease.name,
          identity: leaseIdentity(settings.instance, systemClock.random),
          times: leaseTimesOf(lease.ttlSeconds * 1000),
        },
        systemClock,
        {
          gained() {
            log.info(`this replica leads (Lease ${lease.namespace}/${lease.name})`)
            leads(true)
            status?.recheck()
            // What the leader before us did not come to say, and what nobody said while there was none.
            events.record(notesOf(issues))
          },
          lost() {
            log.info('this replica leads no more; it serves as before')
            leads(false)
          },
          failed: (error) => log.warn({ err: error }, 'the Lease cannot be read or written; trying on'),
        },
      )
    : undefined
  const leadership: Leadership = election ?? alwaysLeader
  if (election === undefined) leads(true)

  const events = createEventRecorder(
    client,
    leadership,
    {
      instance: settings.instance,
      uidOf: (object) => uidOf(object, state),
      standing: () => notesOf(issues).filter(({ type }) => type === 'Warning'),
    },
    systemClock,
    {
      dropped: (count, reason) => log.debug({ count, reason }, 'Events are not written'),
      failed: (error) => log.warn({ err: error }, 'Events cannot be written; trying on'),
    },
  )
  const status =
    settings.addressSource &&
    createStatusPublisher(
      client,
      leadership,
      {
        addresses: createAddressReader(client, settings.addressSource, settings.pod),
        namespace: settings.watchNamespace,
        fieldManager: fieldManagerOf(lease),
      },
      systemClock,
      {
        wrote: (key, addresses) => log.info({ addresses }, `status of Ingress ${key} is written`),
        failed: (error, count) => log.warn({ err: error, count }, 'the status of Ingresses cannot be written; trying on'),
      },
    )
  const electing = election?.run(ended.signal)
  const writing = [events.run(writingEnded.signal), status?.run(writingEnded.signal)]

  return {
    report(outcome, latest, published) {
      state = latest
      issues = outcome.issues
      events.record(notesOf(outcome.newIssues))
      if (outcome.result.kind === 'refused') return
      status?.publish(published)
      events.record(syncNotes(outcome, configured))
      configured = new Set(outcome.served)
    },
    async stop() {
      writingEnded.abort()
      await Promise.all(writing)
      if (settings.withdrawOnShutdown) await status?.withdraw(AbortSignal.timeout(WITHDRAWAL_TIMEOUT_MS))
      ended.abort()
      await electing
    },
  }
}

function notesOf(issues: readonly Issue[]): readonly EventNote[] {
  return issues.flatMap((found) => noteOf(found) ?? [])
}

/** Ingresses that are new or changed, but for those that another stands in for; at a start all of them are, and nobody asked. */
function syncNotes({ served }: Outcome, configured: ReadonlySet<ClusterObject> | undefined): readonly EventNote[] {
  if (configured === undefined) return []
  return served.filter((ingress) => !ingress.isClosed && !configured.has(ingress)).map(syncNote)
}

function uidOf({ kind, namespace, name }: ObjectRef, state: ClusterState | undefined): string | undefined {
  return state === undefined ? undefined : objectsOfKind(state, kind as ObjectKind)?.get(keyOf(namespace, name))?.uid
}
