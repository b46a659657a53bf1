/** The rights that the chart gives: the controller lives with them, and uses every one. The API server's audit log tells. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { apply, publishedAddresses, type StoredObject } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { endpointSlice, ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { askedOf, nameOfRight } from '../support/rights.ts'
import { project } from '../support/serve.ts'

type Rule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }

const NAMESPACE = 'ingress'
const ACCOUNT = { namespace: NAMESPACE, name: 'nginx-ts' }
const USER = `system:serviceaccount:${NAMESPACE}:nginx-ts`
const POD = { namespace: NAMESPACE, name: 'nginx-ts-1' }
const ENVIRONMENT = { POD_NAME: POD.name, POD_NAMESPACE: POD.namespace }
const RBAC = 'rbac.authorization.k8s.io'
const TIMEOUT_MS = 240_000

const rulesOf = (file: string): readonly Rule[] => parse(readFileSync(join(project, `charts/nginx-ts/files/${file}.yaml`), 'utf8'))
const everywhere = rulesOf('cluster-role-rules')
const own = rulesOf('role-rules')
const forNodes = { everywhere: rulesOf('node-rules'), own: rulesOf('pod-rules') }

/** A role of each kind, bound to our account. */
function rights(clusterRules: readonly Rule[], namespaceRules: readonly Rule[]): readonly Manifest[] {
  const subjects = [{ kind: 'ServiceAccount', ...ACCOUNT }]
  const bound = (kind: 'Role' | 'ClusterRole', rules: readonly Rule[], metadata: object) => [
    { apiVersion: `${RBAC}/v1`, kind, metadata, rules },
    { apiVersion: `${RBAC}/v1`, kind: `${kind}Binding`, metadata, roleRef: { apiGroup: RBAC, kind, name: 'nginx-ts' }, subjects },
  ]
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ACCOUNT },
    ...bound('ClusterRole', clusterRules, { name: 'nginx-ts' }),
    ...bound('Role', namespaceRules, ACCOUNT),
  ]
}

/** `get services`, `patch networking.k8s.io/ingresses/status`: one a verb and resource. */
function namesOf(rules: readonly Rule[]): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => nameOfRight(verb, group, resource)))),
  )
}

/** What there is to do for a controller: routes, a certificate and headers that are referred to later, an Issue, a status that others write. */
async function keepBusy(cluster: Cluster, started: AsyncDisposableStack): Promise<void> {
  const backend = started.use(await startBackend('web', { address: podAddress(1) }))
  const { chain, key } = await (await createAuthority()).issue(['shop.test'])
  await cluster.apply(...serviceFor(backend), tlsSecret('shop', chain, key), configMap('settings'))
  const shop = ingress('shop').host('shop.test').prefix('/', 'web')
  await cluster.apply(shop)
  await cluster.eventually('shop.test', '/', (answer) => expect(answer).toComeFrom('web'))
  await cluster.apply(shop.tls('shop', 'shop.test').exact('/missing', 'missing'))
  await eventually(async () => {
    const { certificate } = await shakeHands(cluster.agent.httpsPort, 'shop.test')
    expect(certificate.subjectAltName).toContain('shop.test')
  })
  const guarded = ingress('guarded')
    .host('guarded.test')
    .prefix('/', 'web')
    .annotation('nginx-ts.io/auth-url', 'http://web.default.svc.cluster.local/')
    .annotation('nginx-ts.io/auth-proxy-set-headers', 'headers')
  await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'headers' }, data: { 'X-Client': 'guarded' } }, guarded)
  await cluster.eventually('guarded.test', '/', (answer) => expect(answer).toComeFrom('web'))
  await eventually(async () => expect(await publishedAddresses(cluster.api.client, shop)).not.toEqual([]), { timeoutMs: 30_000 })
  // The same mistake again: its Event is counted, not written anew.
  await cluster.apply(ingress('shop').host('shop.test').prefix('/', 'web').tls('shop', 'shop.test'))
  await eventually(async () => expect(await cluster.get('shop.test', '/missing')).toHaveStatus(308))
  await cluster.apply(shop)
  await eventually(async () => expect((await askedOf(cluster.api, USER)).granted).toContain('patch events'), { timeoutMs: 30_000 })
  await cluster.remove(shop, guarded)
}

const configMap = (name: string): Manifest => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: NAMESPACE, name }, data: {} })

async function stop(cluster: Cluster): Promise<void> {
  cluster.controller.signal('SIGTERM')
  expect(await cluster.controller.ended()).toBe(0)
}

test(
  'the rights of the chart are enough, and each is used, where a Service is published',
  async () => {
    await using started = new AsyncDisposableStack()
    const published: Manifest = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: NAMESPACE, name: 'public' },
      spec: { type: 'ClusterIP', externalIPs: ['203.0.113.7'], selector: { app: 'nginx-ts' }, ports: [{ port: 80 }] },
    }
    const slice = endpointSlice('public', [{ address: podAddress(2) }], { port: 8080 }, { namespace: NAMESPACE })
    const cluster = started.use(
      await startCluster({
        api: { audit: true },
        flags: ['--publish-service', `${NAMESPACE}/public`],
        environment: ENVIRONMENT,
        kubeconfig: async (api) => {
          await apply(api.client, ...rights(everywhere, own), published, slice)
          return await api.kubeconfigFor(ACCOUNT)
        },
      }),
    )
    await keepBusy(cluster, started)
    await stop(cluster)
    const { granted, refused } = await askedOf(cluster.api, USER)
    expect(refused).toEqual([])
    expect(granted).toEqual(expect.arrayContaining([...namesOf([...everywhere, ...own])].sort()))
    // Nodes and Pods are nobody's business here.
    expect(granted.filter((name) => /nodes|pods/.test(name))).toEqual([])
  },
  TIMEOUT_MS,
)

test('without the right to read IngressClasses it starts, and serves what the legacy annotation claims', async () => {
  await using started = new AsyncDisposableStack()
  const cluster = started.use(
    await startCluster({
      flags: ['--update-status', 'false'],
      environment: ENVIRONMENT,
      kubeconfig: async (api) => {
        const withoutClasses = everywhere.filter(({ resources }) => !resources.includes('ingressclasses'))
        await apply(api.client, ...rights(withoutClasses, own))
        return await api.kubeconfigFor(ACCOUNT)
      },
    }),
  )
  const backend = started.use(await startBackend('web', { address: podAddress(1) }))
  await cluster.apply(
    ...serviceFor(backend),
    ingress('annotated').class(undefined).annotation('kubernetes.io/ingress.class', 'nginx-ts').host('annotated.test').prefix('/', 'web'),
    ingress('named').host('named.test').prefix('/', 'web'),
  )
  await cluster.eventually('annotated.test', '/', (answer) => expect(answer).toComeFrom('web'))
  expect(await cluster.get('named.test', '/')).toHaveStatus(404)
}, 240_000)

test(
  'with those for nodes and Pods they are enough where the status comes from nodes',
  async () => {
    await using started = new AsyncDisposableStack()
    const cluster = started.use(
      await startCluster({
        api: { audit: true },
        environment: ENVIRONMENT,
        kubeconfig: async (api) => {
          const withNodes = rights([...everywhere, ...forNodes.everywhere], [...own, ...forNodes.own])
          await apply(api.client, ...withNodes, NODE, {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { ...POD, labels: { app: 'nginx-ts' } },
            spec: POD_SPEC,
          })
          await setStatus(api.client, '/api/v1/nodes/node-1', { addresses: [{ type: 'ExternalIP', address: '203.0.113.9' }] })
          await setStatus(api.client, `/api/v1/namespaces/${NAMESPACE}/pods/${POD.name}`, {
            phase: 'Running',
            conditions: [{ type: 'Ready', status: 'True' }],
          })
          return await api.kubeconfigFor(ACCOUNT)
        },
      }),
    )
    const shop = ingress('shop').host('shop.test').prefix('/', 'web')
    await cluster.apply(shop)
    await eventually(async () => expect(await publishedAddresses(cluster.api.client, shop)).toEqual([{ ip: '203.0.113.9' }]), {
      timeoutMs: 30_000,
    })
    await stop(cluster)
    const { granted, refused } = await askedOf(cluster.api, USER)
    expect(refused).toEqual([])
    expect(granted).toEqual(expect.arrayContaining([...namesOf([...forNodes.everywhere, ...forNodes.own])]))
    // The last replica takes its addresses away.
    expect(await publishedAddresses(cluster.api.client, shop)).toEqual([])
  },
  TIMEOUT_MS,
)

const NODE: Manifest = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }
const POD_SPEC = { nodeName: 'node-1', containers: [{ name: 'controller', image: 'nginx-ts' }] }

async function setStatus(client: Cluster['api']['client'], path: string, status: object): Promise<StoredObject> {
  return await client.request({ method: 'PATCH', path: `${path}/status`, contentType: 'application/merge-patch+json', body: { status } })
}
