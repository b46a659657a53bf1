/**
 * Leadership against a real API server, whose audit log is the judge: a replica that is stopped past its lease and
 * continued, or whose Lease calls alone are cut, begins no write of a status once its lease has run out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { leaseTimesOf } from '../../src/kube/lease.ts'
import { type ApiServer, type AuditEvent, startApiServer } from '../support/api-server.ts'
import { apply } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { reportFigures } from '../support/figures.ts'
import { ingress } from '../support/objects.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'
import { type ReplicaProcess, startReplicaProcess } from '../support/replica-process.ts'

const SPLITS = Number(process.env['NGINX_TS_SPLITS'] ?? 1)
const SEED = chooseSeed()
/** A third of what people run, so that the test ends; long enough for a busy machine to renew in time. */
const ELECTION_TTL_MS = 5000
const START_TIMEOUT_MS = 200_000
/** A takeover takes as long as the lease and two tries, and a busy machine longer. */
const PATIENCE = { timeoutMs: 60_000 }
/** So long that most stops fall between the decision to write and the first byte of the write: TLS takes a round trip. */
const LATENCY_MS = 25
/** The clocks of two processes on one machine are read to the millisecond. */
const CLOCK_GRAIN_MS = 1
const NAMESPACE = 'ingress'
const LEASE = { namespace: NAMESPACE, name: 'nginx-ts-leader' }
const served = ['a', 'b', 'c'].map((name) => ingress(name).host(`${name}.test`).prefix('/', 'web').toManifest())

let server: ApiServer
let replicas: readonly ReplicaProcess[] = []
const started = new AsyncDisposableStack()

beforeAll(async () => {
  server = started.use(await startApiServer({ audit: true }))
  await apply(server.client, ...served)
  await apply(server.client, ...rights())
  const common = { electionTtlMs: ELECTION_TTL_MS, lease: LEASE, served }
  replicas = await Promise.all(
    ['one', 'two', 'three'].map(async (identity) => started.use(await startReplicaProcess(server, { ...common, identity }, LATENCY_MS))),
  )
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

/** What a replica that publishes fixed addresses may do, and nothing else. */
function rights() {
  const names = ['one', 'two', 'three']
  const subjects = names.map((name) => ({ kind: 'ServiceAccount', namespace: NAMESPACE, name }))
  const rbac = 'rbac.authorization.k8s.io'
  return [
    ...names.map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name } })),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { namespace: NAMESPACE, name: 'replica' },
      rules: [
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: [LEASE.name], verbs: ['get', 'update'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { namespace: NAMESPACE, name: 'replica' },
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'replica' },
      subjects,
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'replica' },
      rules: [
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'replica' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'replica' },
      subjects,
    },
  ]
}

const receivedAt = ({ requestReceivedTimestamp }: AuditEvent) => microseconds(requestReceivedTimestamp)

/** Milliseconds since 1970, with fractions: Date.parse drops what is finer than a millisecond. */
function microseconds(timestamp: string): number {
  const [, fraction = ''] = /\.\d{3}(\d*)Z$/.exec(timestamp) ?? []
  return Date.parse(timestamp) + Number(`0.${fraction}0`)
}

async function requestsTo(resource: string, subresource: string | undefined): Promise<readonly AuditEvent[]> {
  const all = await server.auditEvents()
  return all.filter(({ stage, objectRef }) => {
    const isIt = objectRef?.resource === resource && objectRef.subresource === subresource
    // The API server holds leases of its own in other namespaces.
    return stage === 'ResponseComplete' && isIt && (resource !== 'leases' || objectRef.namespace === NAMESPACE)
  })
}

const statusWrites = async () => (await requestsTo('ingresses', 'status')).filter(({ verb }) => verb === 'patch')
const writesOf = async ({ user }: ReplicaProcess, since: number) =>
  (await statusWrites()).filter((write) => write.user.username === user && receivedAt(write) > since)

/** The replica that the Lease names, once it has written since. */
async function writingLeader(since: number): Promise<ReplicaProcess> {
  return await eventually(async () => {
    const { spec } = await server.client.request<{ readonly spec: { readonly holderIdentity: string } }>({
      path: `/apis/coordination.k8s.io/v1/namespaces/${LEASE.namespace}/leases/${LEASE.name}`,
    })
    const leader = replicas.find(({ identity }) => identity === spec.holderIdentity)
    if (leader === undefined || (await writesOf(leader, since)).length === 0) throw new Error('nobody leads and writes')
    return leader
  }, PATIENCE)
}

/** Writes that began when the lease had run out by the writer's own account: so long after the last renewal was sent. */
async function lateWrites(): Promise<readonly string[]> {
  const { durationMs } = leaseTimesOf(ELECTION_TTL_MS)
  const writes = await statusWrites()
  return replicas.flatMap(({ user, identity, lines }) => {
    const renewals = lines.filter(({ kind }) => kind === 'renewed').map(({ at }) => at)
    return writes
      .filter((write) => write.user.username === user)
      .map((write) => ({ at: receivedAt(write), sentAt: renewals.findLast((at) => at <= receivedAt(write)) ?? Number.NaN }))
      .filter(({ at, sentAt }) => !(at <= sentAt + durationMs + CLOCK_GRAIN_MS))
      .map(({ at, sentAt }) => `${identity} wrote ${Math.round(at - sentAt - durationMs)} ms after its lease had run out`)
  })
}

/** Writes of one while the API server had the Lease written by another. */
async function writesBesideTheHolder(): Promise<readonly string[]> {
  const changes = (await requestsTo('leases', undefined))
    .filter(({ verb, responseStatus }) => (verb === 'create' || verb === 'update') && (responseStatus?.code ?? 0) < 300)
    .map((event) => ({ user: event.user.username, at: microseconds(event.stageTimestamp) }))
    .sort((a, b) => a.at - b.at)
  return (await statusWrites()).flatMap((write) => {
    const holder = changes.findLast(({ at }) => at <= receivedAt(write))?.user
    return holder === write.user.username ? [] : [`${write.user.username} wrote while ${holder} held the lease`]
  })
}

async function split(part: (leader: ReplicaProcess) => void, join: (leader: ReplicaProcess) => void, random: () => number): Promise<void> {
  const leader = await writingLeader(Date.now())
  // Wherever it is just now: between two writes, in one, in a renewal.
  await sleep(random() * 1000)
  const partedAt = Date.now()
  part(leader)
  const next = await eventually(async () => {
    const other = await writingLeader(partedAt)
    if (other === leader) throw new Error(`${leader.identity} leads still`)
    return other
  }, PATIENCE)
  const joinedAt = Date.now()
  join(leader)
  await eventually(async () => {
    expect(leader.lines.some(({ kind, at }) => kind === 'lost' && at >= partedAt)).toBe(true)
    const asked = (await requestsTo('leases', undefined)).filter((event) => event.user.username === leader.user)
    // It runs again: it has asked for the Lease more than once.
    expect(asked.filter((event) => receivedAt(event) > joinedAt).length).toBeGreaterThan(1)
    expect((await writesOf(next, joinedAt)).length).toBeGreaterThan(0)
  }, PATIENCE)
}

test.each([
  ['stopped past its expiry and continued', 'stopped'],
  ['cut off from its Lease alone', 'cut'],
])(
  `a leader that is ${'%s'} begins no write any more (seed ${SEED})`,
  async (_title, kind) => {
    console.log(`${SPLITS} splits of seed ${SEED}: NGINX_TS_SEED, NGINX_TS_SPLITS`)
    const random = randomNumbers(SEED + (kind === 'cut' ? 1 : 0))
    for (let round = 0; round < SPLITS; round += 1) {
      const manner = random() < 0.5 ? 'reset' : 'hang'
      if (kind === 'stopped')
        await split(
          ({ process }) => process.kill('SIGSTOP'),
          ({ process }) => process.kill('SIGCONT'),
          random,
        )
      else
        await split(
          ({ leaseWire }) => leaseWire.cut(manner),
          ({ leaseWire }) => leaseWire.heal(),
          random,
        )
    }
    const counts = await Promise.all(replicas.map(async (replica) => (await writesOf(replica, 0)).length))
    const withheld = replicas.flatMap(({ lines }) => lines.filter((line) => line.kind === 'withheld')).length
    console.log(`status writes of the replicas: ${counts.join(', ')}; withheld at the last moment: ${withheld}`)
    expect(await lateWrites()).toEqual([])
    expect(await writesBesideTheHolder()).toEqual([])
    reportFigures({
      row: 14,
      what: `split of three replicas: the leader ${kind}`,
      seed: SEED,
      figures: { splits: SPLITS, 'status writes': counts.reduce((sum, count) => sum + count), 'late writes': 0 },
    })
  },
  60_000 + SPLITS * 120_000,
)
