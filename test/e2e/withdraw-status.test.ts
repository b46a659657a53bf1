/** `nginx-ts withdraw-status` while replicas run, as before a release is deleted. A real API server's audit log is the judge. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type ApiServer, type AuditEvent, startApiServer } from '../support/api-server.ts'
import { OUR_CLASS, startReplica } from '../support/cluster.ts'
import { apply, pathOf, publishedAddresses } from '../support/cluster-objects.ts'
import { runNginxTs } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { startReplicaProcess } from '../support/replica-process.ts'

const NAMESPACE = 'ingress'
const TTL_SECONDS = 5
const TIMEOUT_SECONDS = 15
/** How long replicas respect the Lease that was taken from them. */
const KEPT_MS = 2 * TIMEOUT_SECONDS * 1000
const START_TIMEOUT_MS = 200_000
const PATIENCE = { timeoutMs: 60_000 }
/** The command, a replica that has every right to what replicas write, and somebody with no right at all. */
const ACCOUNTS = ['withdrawal', 'replica', 'stranger']

let server: ApiServer
const started = new AsyncDisposableStack()

beforeAll(async () => {
  server = started.use(await startApiServer({ audit: true }))
  await apply(server.client, OUR_CLASS, ...rights(['withdrawal', 'replica']))
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

/** What is needed for it, of what the chart gives. */
function rights(entitled: readonly string[]): readonly Manifest[] {
  const group = 'rbac.authorization.k8s.io'
  const subjects = entitled.map((name) => ({ kind: 'ServiceAccount', namespace: NAMESPACE, name }))
  const metadata = { name: 'withdrawal' }
  return [
    ...ACCOUNTS.map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name } })),
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata,
      rules: [
        { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
      ],
    },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: metadata.name },
      subjects,
    },
  ]
}

/** Runs the command to its end. */
async function withdrawStatus(lease: string, { account = 'withdrawal', flags = [] as readonly string[] } = {}) {
  const kubeconfig = await server.kubeconfigFor({ namespace: NAMESPACE, name: account })
  const own = ['--kubeconfig', kubeconfig, '--election-id', lease, '--election-ttl', `${TTL_SECONDS}s`, '--timeout', `${TIMEOUT_SECONDS}s`]
  const environment = { POD_NAMESPACE: NAMESPACE, POD_NAME: 'withdrawal' }
  const { code, stdout, stderr } = await runNginxTs(['withdraw-status', ...own, ...flags], { environment })
  return { code, printed: stdout, complaint: stderr }
}

const leasePath = (name: string) => `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/${name}`

async function holderOf(lease: string): Promise<string> {
  const { spec } = await server.client.request<{ readonly spec?: { readonly holderIdentity?: string } }>({ path: leasePath(lease) })
  return spec?.holderIdentity ?? ''
}

const web = (name: string) => ingress(name).host(`${name}.test`).prefix('/', 'web').toManifest()
const addressesOf = (manifest: Manifest) => publishedAddresses(server.client, manifest)
const toHaveAddresses = (manifest: Manifest, ...expected: readonly object[]) =>
  eventually(async () => expect(await addressesOf(manifest)).toEqual(expected), PATIENCE)

const receivedAt = ({ requestReceivedTimestamp }: AuditEvent) => Date.parse(requestReceivedTimestamp)
const isBy = (event: AuditEvent, account: string) => event.user.username === `system:serviceaccount:${NAMESPACE}:${account}`

async function answered(resource: string, subresource?: string): Promise<readonly AuditEvent[]> {
  const events = await server.auditEvents()
  return events.filter(
    ({ stage, objectRef }) => stage === 'ResponseComplete' && objectRef?.resource === resource && objectRef.subresource === subresource,
  )
}

/** When the command has taken the Lease of that name. */
async function takenAt(lease: string): Promise<number> {
  const writes = (await answered('leases')).filter((event) => isBy(event, 'withdrawal') && event.objectRef?.name === lease)
  const taken = writes.find(({ verb, responseStatus }) => verb === 'update' && responseStatus?.code === 200)
  if (taken === undefined) throw new Error(`${lease} has not been taken`)
  return receivedAt(taken)
}

test(
  'two controllers serve on and write no address until the Lease has run out, and other controllers keep theirs',
  async () => {
    const lease = 'controllers'
    const foreign = ingress('foreign').class('other').host('foreign.test').prefix('/', 'web').toManifest()
    const [shop, cart] = [web('shop'), web('cart')]
    await apply(server.client, shop, cart, foreign)
    await server.client.request({
      method: 'PATCH',
      path: `${pathOf(foreign)}/status`,
      query: { fieldManager: 'somebody' },
      contentType: 'application/merge-patch+json',
      body: { status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } },
    })
    const startController = (name: string) =>
      startReplica(server, {
        flags: ['--election-id', lease, '--election-ttl', `${TTL_SECONDS}s`, '--publish-status-address', '192.0.2.1'],
        environment: { POD_NAMESPACE: NAMESPACE, POD_NAME: name },
      })
    await using first = await startController('nginx-ts-1')
    await using second = await startController('nginx-ts-2')
    for (const each of [shop, cart]) await toHaveAddresses(each, { ip: '192.0.2.1' })

    const { code, printed, complaint } = await withdrawStatus(lease)
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
    expect(printed).toMatch(/took the Lease ingress\/controllers from nginx-ts-[12]_/)
    expect(printed).toContain('took the addresses of Ingress default/shop away')
    expect(printed).not.toContain('foreign')
    for (const each of [shop, cart]) expect(await addressesOf(each)).toEqual([])
    expect(await addressesOf(foreign)).toEqual([{ ip: '192.0.2.1' }])

    // They would write this one at once.
    const late = web('late')
    await apply(server.client, late)
    for (const replica of [first, second]) await eventually(async () => expect(await replica.get('late.test', '/')).toHaveStatus(503))
    expect(await holderOf(lease)).toMatch(/^withdraw-status_/)

    for (const each of [shop, cart, late]) await toHaveAddresses(each, { ip: '192.0.2.1' })
    const from = await takenAt(lease)
    const writes = (await answered('ingresses', 'status')).filter((event) => !isBy(event, 'withdrawal') && receivedAt(event) > from)
    const firstAfterMs = Math.min(...writes.map((write) => receivedAt(write) - from))
    expect(firstAfterMs).toBeGreaterThanOrEqual(KEPT_MS)
  },
  START_TIMEOUT_MS,
)

test(
  'a leader that writes all the time, and is cut off from its Lease, leaves no address behind either',
  async () => {
    const lease = 'cut-off'
    const served = ['a', 'b', 'c'].map(web)
    await apply(server.client, ...served)
    const settings = { identity: 'replica', electionTtlMs: TTL_SECONDS * 1000, lease: { namespace: NAMESPACE, name: lease }, served }
    await using replica = await startReplicaProcess(server, settings, 0)
    const writesOfReplica = async () => (await answered('ingresses', 'status')).filter((event) => isBy(event, 'replica'))
    await eventually(async () => expect((await writesOfReplica()).length).toBeGreaterThan(served.length), PATIENCE)

    replica.leaseWire.cut('hang')
    const { code, complaint } = await withdrawStatus(lease)
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' })
    const endedAt = Date.now()
    // Otherwise the leader was too meek to mean anything.
    const from = await takenAt(lease)
    expect((await writesOfReplica()).filter((event) => receivedAt(event) > from).length).toBeGreaterThan(0)
    replica.leaseWire.heal()
    await eventually(async () => {
      const asked = (await answered('leases')).filter((event) => isBy(event, 'replica') && receivedAt(event) > endedAt)
      expect(asked.length).toBeGreaterThan(1)
    }, PATIENCE)
    for (const each of served) expect(await addressesOf(each)).toEqual([])
    expect((await writesOfReplica()).filter((event) => receivedAt(event) > endedAt)).toEqual([])
  },
  START_TIMEOUT_MS,
)

test('where nobody leads, there is nobody to wait for', async () => {
  const { code, printed } = await withdrawStatus('nobody')
  expect(code).toBe(0)
  expect(printed).toContain('took the Lease ingress/nobody from nobody')
  expect(printed).not.toContain('waiting')
  expect(await holderOf('nobody')).toMatch(/^withdraw-status_/)
})

test('what was rendered and never installed by Helm is left alone', async () => {
  const metadata = (name: string, release: string) => ({
    namespace: NAMESPACE,
    name,
    annotations: { 'meta.helm.sh/release-name': release },
  })
  const made = (name: string, release: string) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: metadata(name, release),
    spec: { holderIdentity: '' },
  })
  await apply(server.client, made('installed', 'edge'), made('another', 'internal'))
  const flags = ['--helm-release', 'edge']
  for (const lease of ['another', 'missing']) {
    const { code, printed } = await withdrawStatus(lease, { flags })
    expect([code, printed]).toEqual([0, `Helm has not made the Lease ingress/${lease} for a release edge: nothing is done\n`])
  }
  expect(await holderOf('another')).toBe('')
  expect((await withdrawStatus('installed', { flags })).printed).toContain('took the Lease ingress/installed')
})

test('it fails at once where it has not the right', async () => {
  const from = performance.now()
  const { code, complaint } = await withdrawStatus('forbidden', { account: 'stranger' })
  expect(code).toBe(1)
  expect(complaint).toMatch(/^nginx-ts: GET .*\/leases\/forbidden: 403 /)
  expect(performance.now() - from).toBeLessThan(TIMEOUT_SECONDS * 1000)
})
