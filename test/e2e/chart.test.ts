/** The chart in a real API server, which is everything of a cluster that does not run Pods. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chart } from '../../scripts/chart-values.ts'
import type { Helm } from '../../scripts/helm-binaries.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { ciValues, fieldOf, find, helms, nameOf, newestHelm, RELEASE, render, runHelm, type Values } from '../support/chart.ts'
import { podAddress, startReplica } from '../support/cluster.ts'
import { apply, pathOf, read } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { runJob } from '../support/jobs.ts'
import { endpointSlice, ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { askedOf } from '../support/rights.ts'

const TIMEOUT_MS = 240_000
const WORKLOAD = 'Deployment nginx-ts-controller'
const ci = await ciValues()
const started = new AsyncDisposableStack()
let api: ApiServer

beforeAll(async () => {
  api = started.use(await startApiServer({ audit: true, flags: ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/112'] }))
  await apply(api.client, ...['ServiceMonitor', 'PodMonitor'].map(monitorDefinition))
  for (const name of ['restricted', 'ingress', 'team-a', 'apps']) await makeNamespace(name)
  // Their storage is made in its own time.
  await eventually(() => objectsOfRelease('nginx-ts'), { timeoutMs: 30_000 })
}, TIMEOUT_MS)
afterAll(() => started.disposeAsync())

/** As much of the Prometheus Operator as an API server needs to take such an object. */
function monitorDefinition(kind: string): Manifest {
  const plural = `${kind.toLowerCase()}s`
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.monitoring.coreos.com` },
    spec: {
      group: 'monitoring.coreos.com',
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  }
}

/** One that takes no Pod but of the level "restricted". Not by `apply`, which makes namespaces without labels. */
async function makeNamespace(name: string): Promise<void> {
  const metadata = { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }
  await api.client.request({ method: 'POST', path: '/api/v1/namespaces', body: { apiVersion: 'v1', kind: 'Namespace', metadata } })
}

/** The answer of the server to an object that it is not to keep. It refuses fields that it does not know. */
async function dryRun(object: Manifest): Promise<unknown> {
  const query = { fieldManager: 'test', force: true, dryRun: 'All', fieldValidation: 'Strict' }
  return await api.client.request({
    method: 'PATCH',
    path: pathOf(object),
    query,
    contentType: 'application/apply-patch+yaml',
    body: object,
  })
}

test.each(ci)(
  '%s: the API server takes every object',
  async (name, values) => {
    for (const object of await render(values)) {
      await eventually(
        () =>
          dryRun(object).catch((cause: Error) => {
            throw new Error(`${name}: ${nameOf(object)}: ${cause.message}`, { cause })
          }),
        { timeoutMs: 10_000 },
      )
    }
  },
  120_000,
)

test('the Pods are fit for a namespace that enforces "restricted", those on the host’s network and ports apart', async () => {
  const refused: string[] = []
  for (const [name, values] of ci) {
    const objects = await render(values, { name: 'restricted', namespace: 'restricted' })
    await apply(api.client, ...objects.filter(({ kind }) => kind === 'ServiceAccount'))
    for (const object of objects.filter(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet' || kind === 'Job')) {
      const { metadata, spec } = fieldOf(object, 'spec.template') as { readonly metadata: object; readonly spec: object }
      // The scheduler's classes are made by a controller that is not here.
      const { priorityClassName: _, ...pod } = spec as { readonly priorityClassName?: string }
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'pod' }, spec: pod }
      await api.client
        .request({ method: 'POST', path: '/api/v1/namespaces/restricted/pods', query: { dryRun: 'All', fieldValidation: 'Strict' }, body })
        .catch((error: Error) => refused.push(`${name}: ${error.message}`))
    }
  }
  expect(refused).toEqual([
    expect.stringMatching(/^daemonset-hostnetwork-values.yaml: .*violates PodSecurity "restricted:latest": host namespaces/),
    expect.stringMatching(/^daemonset-hostport-values.yaml: .*violates PodSecurity "restricted:latest": hostPort/),
  ])
}, 120_000)

/** Helm with every right. */
const helm = (which: Helm, values: Values, ...line: readonly string[]) => runHelm(which, values, { KUBECONFIG: api.kubeconfig }, ...line)

/** Takes a release away as people do, in a cluster that runs the Job which Helm waits for. Gives what that printed. */
async function uninstall(which: Helm, release: string): Promise<string> {
  const fullname = release === 'nginx-ts' ? release : `${release}-nginx-ts`
  const [{ code, printed }] = await Promise.all([
    runJob(api, RELEASE.namespace, `${fullname}-controller-withdraw`),
    helm(which, {}, 'uninstall', release, '--namespace', RELEASE.namespace, '--timeout', '2m'),
  ])
  expect({ code, printed }).toMatchObject({ code: 0 })
  return printed
}

/** What there is of a release, by its label, of the kinds that the chart makes. */
async function objectsOfRelease(name: string): Promise<readonly string[]> {
  const collections = [
    ...['configmaps', 'services', 'serviceaccounts'].map((plural) => `/api/v1/${plural}`),
    ...['deployments', 'daemonsets'].map((plural) => `/apis/apps/v1/${plural}`),
    ...['ingressclasses', 'networkpolicies'].map((plural) => `/apis/networking.k8s.io/v1/${plural}`),
    ...['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'].map((plural) => `/apis/rbac.authorization.k8s.io/v1/${plural}`),
    ...['/apis/coordination.k8s.io/v1/leases', '/apis/batch/v1/jobs'],
    ...['/apis/policy/v1/poddisruptionbudgets', '/apis/autoscaling/v2/horizontalpodautoscalers'],
    ...['servicemonitors', 'podmonitors'].map((plural) => `/apis/monitoring.coreos.com/v1/${plural}`),
  ]
  const query = { labelSelector: `app.kubernetes.io/instance=${name}` }
  const lists = await Promise.all(
    collections.map(async (path) => {
      const { items } = await api.client.request<{ readonly items: readonly Manifest[] }>({ path, query })
      return items.map((item) => `${path.split('/').at(-1)} ${fieldOf(item, 'metadata.name')}`)
    }),
  )
  return lists.flat().toSorted()
}

test.each(helms.map((which) => [which.version, which] as const))(
  'helm %s installs two releases, changes and rolls one back, and takes both away whole',
  async (_version, which) => {
    const [, everything = {}] = ci.find(([name]) => name === 'everything-values.yaml') ?? []
    const internal = { controller: { ingressClassResource: { name: 'internal' } } }
    const inNamespace = ['--namespace', 'ingress']
    expect(await helm(which, {}, 'install', 'nginx-ts', chart, ...inNamespace)).toContain('rollout status deployment/nginx-ts-controller')
    await helm(which, internal, 'install', 'internal', chart, ...inNamespace, '--values', 'VALUES')
    const first = await objectsOfRelease('nginx-ts')
    expect(first).toContain('ingressclasses nginx-ts')
    expect(await objectsOfRelease('internal')).toContain('ingressclasses internal')

    await helm(which, everything, 'upgrade', 'nginx-ts', chart, ...inNamespace, '--values', 'VALUES')
    expect(await objectsOfRelease('nginx-ts')).toEqual(expect.arrayContaining([...first, 'deployments nginx-ts-defaultbackend']))
    await helm(which, {}, 'rollback', 'nginx-ts', '1', ...inNamespace)
    expect(await objectsOfRelease('nginx-ts')).toEqual(first)

    for (const name of ['nginx-ts', 'internal']) expect(await uninstall(which, name)).toContain(`took the Lease ingress/`)
    expect([await objectsOfRelease('nginx-ts'), await objectsOfRelease('internal')]).toEqual([[], []])
  },
  TIMEOUT_MS,
)

test.each(helms.map((which) => [which.version, which] as const))(
  'helm %s deletes nothing when the Job before it fails, and everything without hooks',
  async (_version, which) => {
    const inNamespace = ['--namespace', RELEASE.namespace]
    await helm(which, {}, 'install', RELEASE.name, chart, ...inNamespace)
    const installed = await objectsOfRelease(RELEASE.name)
    const nowhere = ['--apiserver-host', 'https://127.0.0.1:1', '--timeout', '1s']
    const [{ code, printed }] = await Promise.all([
      runJob(api, RELEASE.namespace, 'nginx-ts-controller-withdraw', ...nowhere),
      expect(helm(which, {}, 'uninstall', RELEASE.name, ...inNamespace, '--timeout', '2m')).rejects.toThrow('nginx-ts-controller-withdraw'),
    ])
    expect({ code, printed }).toEqual({ code: 1, printed: expect.stringMatching(/^nginx-ts: the time is up.*ECONNREFUSED/) })
    // With what it says, until its time is over.
    const job = 'jobs nginx-ts-controller-withdraw'
    expect(await objectsOfRelease(RELEASE.name)).toEqual([...installed, job].toSorted())
    await helm(which, {}, 'uninstall', RELEASE.name, ...inNamespace, '--no-hooks')
    expect(await objectsOfRelease(RELEASE.name)).toEqual([job])
    const path = `/apis/batch/v1/namespaces/${RELEASE.namespace}/jobs/nginx-ts-controller-withdraw`
    await api.client.request({ method: 'DELETE', path, query: { propagationPolicy: 'Background' } })
  },
  TIMEOUT_MS,
)

/** The flags of the rendered controller, but for the ports, which each test has of its own. */
function flagsOf(objects: readonly Manifest[], workload: string): readonly string[] {
  const [, ...flags] = fieldOf(find(objects, workload), 'spec.template.spec.containers.controller.args') as readonly string[]
  return flags.filter((flag) => !/^--(public-)?(http|https|healthz)-port=/.test(flag))
}

test.each([
  ['the whole cluster', 'apps', {}],
  ['one namespace', 'team-a', { controller: { scope: { enabled: true, namespace: 'team-a' } } }],
  ['one namespace, its own', 'ingress', { controller: { scope: { enabled: true } } }],
  [
    'one namespace, without a ClusterRole',
    'team-a',
    { rbac: { scope: true }, controller: { scope: { enabled: true, namespace: 'team-a' } } },
  ],
])(
  'the controller has the rights that it needs for %s, and leaves no address behind',
  async (_what, namespace, values: Values) => {
    const hasClasses = !('rbac' in values)
    const settings = {
      ...values,
      controller: { ...(values['controller'] as object), electionTTL: '5s', service: { type: 'ClusterIP', externalIPs: ['203.0.113.7'] } },
    }
    const objects = await render(settings)
    await helm(newestHelm(), settings, 'install', RELEASE.name, chart, '--namespace', RELEASE.namespace, '--values', 'VALUES')
    const since = (await api.auditEvents()).length
    let isInstalled = true
    try {
      await using replica = await startReplica(api, {
        kubeconfig: () => api.kubeconfigFor({ namespace: RELEASE.namespace, name: 'nginx-ts' }),
        flags: flagsOf(objects, WORKLOAD),
        environment: { POD_NAME: 'nginx-ts-1', POD_NAMESPACE: RELEASE.namespace },
      })
      await using backend = await startBackend('web', { address: podAddress(1) })
      const { chain, key } = await (await createAuthority()).issue(['shop.test'])
      const shop = ingress('shop').namespace(namespace).host('shop.test').prefix('/', 'web').tls('shop', 'shop.test')
      if (!hasClasses) shop.class(undefined).annotation('kubernetes.io/ingress.class', 'nginx-ts')
      // Other replicas are looked for behind the Service.
      const behind = endpointSlice('nginx-ts-controller', [{ address: podAddress(2) }], { port: 8080 }, { namespace: RELEASE.namespace })
      await apply(api.client, behind, ...serviceFor(backend, { namespace }), tlsSecret('shop', chain, key, namespace), shop)
      await eventually(async () => expect(await replica.getTls('shop.test', '/')).toComeFrom('web'), { timeoutMs: 30_000 })
      await eventually(async () => {
        expect((await read(api.client, shop))['status']?.loadBalancer?.ingress).toEqual([{ ip: '203.0.113.7' }])
      })
      const { refused } = await askedOf(api, `system:serviceaccount:${RELEASE.namespace}:nginx-ts`, since)
      expect(refused.filter((right) => hasClasses || !/ingressclasses|namespaces/.test(right))).toEqual([])
      // While the controller runs, and could write them anew for as long as it has the right.
      isInstalled = false
      expect(await uninstall(newestHelm(), RELEASE.name)).toContain(`took the addresses of Ingress ${namespace}/shop away`)
      expect((await read(api.client, shop))['status'].loadBalancer).toEqual({})
      await api.client.request({ method: 'DELETE', path: pathOf(shop.toManifest()) })
    } finally {
      if (isInstalled) await helm(newestHelm(), {}, 'uninstall', RELEASE.name, '--namespace', RELEASE.namespace, '--no-hooks')
    }
  },
  TIMEOUT_MS,
)
