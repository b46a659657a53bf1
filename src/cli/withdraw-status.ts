/**
 * `nginx-ts withdraw-status`, for a pre-delete hook of Helm: takes our addresses out of the status of all Ingresses while
 * the rights to do so are still there. The replicas serve on, and are kept from writing them anew: the Lease by which they
 * elect is taken from them, and given back by time alone.
 */
import { createKubeClient, type KubeSettings, loadKubeConfig } from '../kube/client.ts'
import type { Clock } from '../kube/clock.ts'
import { fieldManagerOf } from '../kube/ingress-status.ts'
import { leaderRequests } from '../kube/leadership.ts'
import type { Lease } from '../kube/lease-record.ts'
import { takeLease } from '../kube/lease-takeover.ts'
import { createStatusWriter, isRefusal, withdrawAll } from '../kube/status-writer.ts'
import type { NamespacedName } from './leader.ts'

export type WithdrawalSettings = {
  readonly kube: KubeSettings
  /** By which the replicas elect, and by whose name it is known which addresses are ours. */
  readonly lease: NamespacedName & { readonly ttlSeconds: number }
  /** Told apart from others in the Lease. */
  readonly instance: string
  /** The only namespace whose Ingresses are ours. */
  readonly watchNamespace: string | undefined
  /** Nothing is done unless Helm has made the Lease for this release. */
  readonly helmRelease: string | undefined
  readonly timeoutSeconds: number
}

/** The Lease is kept for so many times the longest that we take: the replicas are to be gone before it has run out. */
const KEEP_FACTOR = 2
const RETRY_MS = 1000
/** Helm's, on each object of a release but hooks. What `helm template` prints does not have it. */
const RELEASE_ANNOTATION = 'meta.helm.sh/release-name'

/** Throws when addresses of ours may be left. */
export async function withdrawStatus(
  settings: WithdrawalSettings,
  clock: Clock,
  print: (line: string) => void,
  stop: AbortSignal,
): Promise<void> {
  const { lease, helmRelease, watchNamespace: namespace } = settings
  const client = createKubeClient(loadKubeConfig(settings.kube))
  const ended = AbortSignal.any([stop, AbortSignal.timeout(settings.timeoutSeconds * 1000)])
  const leaseName = `${lease.namespace}/${lease.name}`

  const taken = await retried(
    () =>
      takeLease(
        client,
        {
          ...lease,
          reason: 'withdraw-status',
          instance: settings.instance,
          keepMs: settings.timeoutSeconds * KEEP_FACTOR * 1000,
          electionTtlMs: lease.ttlSeconds * 1000,
          mayTake: (found) => helmRelease === undefined || releaseOf(found) === helmRelease,
        },
        clock,
        ended,
      ),
    clock,
    ended,
  )
  if (taken === undefined) return print(`Helm has not made the Lease ${leaseName} for a release ${helmRelease}: nothing is done`)
  print(`took the Lease ${leaseName} from ${taken.former || 'nobody'}, for ${settings.timeoutSeconds * KEEP_FACTOR} s`)

  const fieldManager = fieldManagerOf(lease)
  let refusals: unknown[] = []
  const writer = createStatusWriter(client, leaderRequests(client, taken.leadership), fieldManager, {
    wrote: (key) => print(`took the addresses of Ingress ${key} away`),
    refused: (error) => refusals.push(error),
  })
  async function withdraw() {
    refusals = []
    await withdrawAll(client, writer, { namespace, fieldManager }, ended)
  }

  await retried(withdraw, clock, ended)
  const waitMs = taken.formerEndsAt - clock.now()
  if (waitMs > 0) {
    print(`waiting for ${Math.ceil(waitMs / 1000)} s: so long the leader before may not know that it leads no more`)
    await retried(() => clock.sleep(waitMs, ended), clock, ended)
    await retried(withdraw, clock, ended)
  }
  if (refusals.length > 0) throw new Error(`the status of ${refusals.length} Ingresses cannot be written`, { cause: refusals[0] })
  print('no Ingress has addresses of ours')
}

function releaseOf(lease: Lease | undefined): string | undefined {
  return lease?.metadata.annotations?.[RELEASE_ANNOTATION]
}

/** Tries again until the signal aborts, but not what the API server refuses. */
async function retried<Result>(work: () => Promise<Result>, clock: Clock, signal: AbortSignal): Promise<Result> {
  let failure: unknown
  while (!signal.aborted) {
    try {
      return await work()
    } catch (error) {
      if (isRefusal(error)) throw error
      if (!signal.aborted) failure = error
      await clock.sleep(RETRY_MS, signal).catch(() => {})
    }
  }
  throw new Error('the time is up, or it was told to stop', failure === undefined ? {} : { cause: failure })
}
