/**
 * A program: a replica's election and its status writer, as the controller runs them, but that it has something to write
 * all the time. It prints when each renewal that counted was sent, when it became leader or was it no more, and each write
 * that it had decided on and did not begin after all.
 */
import { createKubeClient, type KubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { systemClock } from '../../src/kube/clock.ts'
import { fieldManagerOf } from '../../src/kube/ingress-status.ts'
import { createElection, leaseTimesOf } from '../../src/kube/lease.ts'
import { createStatusPublisher } from '../../src/kube/status.ts'
import type { Manifest } from './objects.ts'
import { storeOf } from './state.ts'

export type ReplicaSettings = {
  readonly identity: string
  readonly kubeconfig: string
  readonly server: string
  /** Where it sends its Lease calls, and only those. */
  readonly leaseServer: string
  readonly electionTtlMs: number
  readonly lease: { readonly namespace: string; readonly name: string }
  readonly served: readonly Manifest[]
}

/** `at`: milliseconds since 1970, with fractions. */
export type ReplicaLine = {
  readonly kind: 'renewed' | 'gained' | 'lost' | 'withheld' | 'failed'
  readonly at: number
  readonly reason?: string
}

const WRITE_EVERY_MS = 20
const OTHER_ADDRESSES = 200

const settings = JSON.parse(process.argv[2] ?? '') as ReplicaSettings
const print = (line: ReplicaLine) => process.stdout.write(`${JSON.stringify(line)}\n`)
const fail = (error: unknown) => print({ kind: 'failed', at: Date.now(), reason: String(error) })
const stop = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())

const client = createKubeClient(loadKubeConfig({ kubeconfig: settings.kubeconfig, server: settings.server }))
const leases = createKubeClient(loadKubeConfig({ kubeconfig: settings.kubeconfig, server: settings.leaseServer }))

/** Says so before the election knows: whatever is written under a renewal, its line is there. */
const toldLeases: KubeClient = {
  ...leases,
  async request<Result>(given: Parameters<KubeClient['request']>[0]) {
    const at = Date.now()
    const answer = await leases.request<Result>(given)
    if (given.method !== undefined) print({ kind: 'renewed', at })
    return answer
  },
}

const watchedClient: KubeClient = {
  ...client,
  request: ({ permit, ...given }) => client.request(permit === undefined ? given : { ...given, permit: () => watched(permit) }),
}

function watched(permit: () => void) {
  try {
    permit()
  } catch (error) {
    print({ kind: 'withheld', at: Date.now() })
    throw error
  }
}

let written = 0
const nextAddress = () => {
  written += 1
  return [{ ip: `192.0.2.${1 + (written % OTHER_ADDRESSES)}` }]
}

const election = createElection(
  toldLeases,
  { ...settings.lease, identity: settings.identity, times: leaseTimesOf(settings.electionTtlMs) },
  systemClock,
  { gained: () => print({ kind: 'gained', at: Date.now() }), lost: () => print({ kind: 'lost', at: Date.now() }), failed: fail },
)
const publisher = createStatusPublisher(
  watchedClient,
  election,
  {
    addresses: { addresses: async () => nextAddress(), hasOtherReplica: async () => true },
    namespace: undefined,
    fieldManager: fieldManagerOf(settings.lease),
  },
  systemClock,
  { wrote() {}, failed: fail },
)
publisher.publish(
  storeOf(...settings.served)
    .snapshot()
    .ingresses.values(),
)
const writing = setInterval(() => publisher.recheck(), WRITE_EVERY_MS)
await Promise.all([publisher.run(stop.signal), election.run(stop.signal)])
clearInterval(writing)
