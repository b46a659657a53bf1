/** What the chart makes as a whole, with Helm 3 and Helm 4. */
import { expect, test } from '@jest/globals'
import { chart, chartValues, foreignFlags, foreignValues } from '../../scripts/chart-values.ts'
import { createProgram } from '../../src/cli/program.ts'
import { ciValues, fieldOf, find, helms, nameOf, notes, RELEASE, render, runHelm, type Values } from '../support/chart.ts'
import type { Manifest } from '../support/objects.ts'
import { merged, nested } from './cases/case.ts'

const WORKLOAD = 'Deployment nginx-ts-controller'
const POD = 'spec.template.spec'
const ci = await ciValues()
const byHelm = helms.map((helm) => [helm.version, helm] as const)

test('there is a Helm 3 and a Helm 4 to test with', () => {
  expect(helms.map(({ major }) => major)).toEqual([3, 4])
})

test.each(byHelm.flatMap(([version, helm]) => ci.map(([name, values]) => ({ version, name, helm, values }))))(
  'helm $version lints $name',
  async ({ helm, values }) => {
    const said = await runHelm(helm, values, {}, 'lint', chart, '--strict', '--kube-version', '1.36.0', '--values', 'VALUES')
    expect(said).toContain('0 chart(s) failed')
    expect(said).not.toMatch(/WARNING|ERROR/)
  },
)

test.each(ci)('%s comes to the same with each Helm', async (_name, values) => {
  const [first, ...others] = await Promise.all(helms.map((helm) => render(values, RELEASE, helm)))
  for (const other of others) expect(other).toEqual(first)
})

test.each(ci)('%s: what is made has a name of its own, a namespace where it needs one, and labels', async (_name, values) => {
  const objects = await render(values)
  const keys = objects.map((object) => `${nameOf(object)} ${fieldOf(object, 'metadata.namespace') ?? ''}`)
  expect(keys.toSorted()).toEqual([...new Set(keys)].toSorted())
  const isClusterWide = (object: Manifest) => /^(Cluster|IngressClass)/.test(`${object['kind']}`)
  expect(objects.filter((object) => isClusterWide(object) === (fieldOf(object, 'metadata.namespace') !== undefined)).map(nameOf)).toEqual(
    [],
  )
  for (const object of objects) {
    expect(fieldOf(object, 'metadata.labels')).toMatchObject({
      'app.kubernetes.io/instance': 'nginx-ts',
      'app.kubernetes.io/managed-by': 'Helm',
    })
  }
})

/** Throws when the program refuses the command line. Runs nothing. */
function parseCommandLine(args: readonly string[]): void {
  const program = createProgram()
  for (const command of program.commands)
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action(() => {})
  program.parse(args, { from: 'user' })
}

test.each(ci)('%s: both containers are started with flags that they know', async (_name, values) => {
  const workload = (await render(values)).find((object) => /-controller$/.test(nameOf(object)) && fieldOf(object, POD) !== undefined)
  for (const container of ['controller', 'nginx']) {
    const args = fieldOf(workload, `${POD}.containers.${container}.args`) as readonly string[]
    expect(() => parseCommandLine(args)).not.toThrow()
  }
})

test('a switch is given as the program wants it, whichever way a values file spells it', async () => {
  const spelled = {
    takeover: '',
    'disable-catch-all': true,
    'all-classes': 'true',
    'update-status': true,
    'disable-svc-external-name': false,
  }
  const args = fieldOf(
    find(await render(nested('controller.extraArgs', spelled)), WORKLOAD),
    `${POD}.containers.controller.args`,
  ) as readonly string[]
  expect(() => parseCommandLine(args)).not.toThrow()
  const asked = /takeover|disable|all-classes|update-status/
  expect(args.filter((arg) => asked.test(arg))).toEqual(['--all-classes', '--disable-catch-all', '--takeover', '--update-status'])
})

test.each(['1.25.0', '1.36.0', '1.31.2-gke.100'])('it is for Kubernetes %s', async (kubeVersion) => {
  expect((await render({}, { ...RELEASE, kubeVersion })).length).toBeGreaterThan(5)
})

test('an older Kubernetes is refused', async () => {
  await expect(render({}, { ...RELEASE, kubeVersion: '1.24.0' })).rejects.toThrow('chart requires kubeVersion')
})

test('the token is in the container controller alone, and the container nginx only reads the configuration', async () => {
  const pod = fieldOf(find(await render({}), WORKLOAD), POD)
  expect(pod).toMatchObject({ automountServiceAccountToken: false })
  const mountsOf = (container: string) =>
    (fieldOf(pod, `containers.${container}.volumeMounts`) as readonly Manifest[]).map(
      ({ name, readOnly }) => `${name}${readOnly ? ', read only' : ''}`,
    )
  expect(mountsOf('controller')).toEqual(['conf', 'run, read only', 'api-access, read only'])
  expect(mountsOf('nginx')).toEqual(['conf, read only', 'run', 'temp', 'logs'])
  expect(fieldOf(pod, 'containers.controller.ports')).toBeUndefined()
})

test('both containers run as users of their own, with one group, and may do nothing', async () => {
  const pod = fieldOf(find(await render({}), WORKLOAD), POD)
  expect(fieldOf(pod, 'securityContext')).toMatchObject({
    runAsNonRoot: true,
    fsGroup: 10000,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  // containerd makes no Pod that has a group and no user.
  expect(fieldOf(pod, 'securityContext')).not.toHaveProperty('runAsGroup')
  const locked = { runAsGroup: 10000, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
  expect(fieldOf(pod, 'containers.controller.securityContext')).toEqual({ runAsUser: 10001, ...locked })
  expect(fieldOf(pod, 'containers.nginx.securityContext')).toEqual({ runAsUser: 10002, ...locked })
  expect(fieldOf(pod, 'containers.nginx.args')).toContain('--socket-group=10000')
})

test('a Pod has longer to end than NGINX takes at most', async () => {
  const pod = fieldOf(find(await render({}), WORKLOAD), POD)
  const WORKER_SHUTDOWN_SECONDS = 240
  const SERVES_ON_SECONDS = 10
  expect(fieldOf(pod, 'containers.nginx.args')).toContain(`--shutdown-grace-period=${SERVES_ON_SECONDS}`)
  expect(fieldOf(pod, 'terminationGracePeriodSeconds')).toBeGreaterThan(WORKER_SHUTDOWN_SECONDS + SERVES_ON_SECONDS)
})

test.each([
  ['30', 30],
  ['30s', 30],
  ['2m', 120],
])('the flag shutdown-grace-period %s is the agent’s, too', async (period, seconds) => {
  const pod = fieldOf(find(await render(nested('controller.extraArgs', { 'shutdown-grace-period': period })), WORKLOAD), POD)
  expect(fieldOf(pod, 'containers.controller.args')).toContain(`--shutdown-grace-period=${period}`)
  expect(fieldOf(pod, 'containers.nginx.args')).toContain(`--shutdown-grace-period=${seconds}`)
})

test('on the host’s network the ports are the node’s, whatever hostPort says', async () => {
  const values = nested('controller', { hostNetwork: true, hostPort: { enabled: true }, service: { enabled: false } })
  const pod = fieldOf(find(await render(values), WORKLOAD), POD)
  expect(fieldOf(pod, 'containers.nginx.ports.https')).toEqual({ name: 'https', containerPort: 8443, protocol: 'TCP' })
  expect((fieldOf(pod, 'containers.controller.args') as readonly string[]).join(' ')).not.toContain('--public-http')
})

test('a port below 1024 is opened to the Pod by a sysctl that the level "restricted" allows; on the host’s network none may be set', async () => {
  const ports = nested('controller.containerPort', { http: 80, https: 443 })
  const sysctls = async (values: Values) => fieldOf(find(await render(values), WORKLOAD), `${POD}.securityContext.sysctls`)
  expect(await sysctls(ports)).toEqual([{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }])
  expect(await sysctls(merged(ports, nested('controller.hostNetwork', true)))).toBeUndefined()
})

test('the labels of Pods stay over an upgrade, for replicas know each other by them', async () => {
  const labels = fieldOf(find(await render(nested('controller.podLabels', { tier: 'edge' })), WORKLOAD), 'spec.template.metadata.labels')
  expect(Object.keys(labels as object).toSorted()).toEqual([
    'app.kubernetes.io/component',
    'app.kubernetes.io/instance',
    'app.kubernetes.io/name',
    'tier',
  ])
})

test('two releases share nothing: neither names, nor classes, nor the Lease', async () => {
  const first = await render({})
  const second = await render(nested('controller.ingressClassResource.name', 'internal'), { name: 'internal', namespace: 'ingress' })
  const names = second.map(nameOf)
  expect(first.map(nameOf).filter((name) => names.includes(name))).toEqual([])
  const controllers = [find(first, 'IngressClass nginx-ts'), find(second, 'IngressClass internal')].map((found) =>
    fieldOf(found, 'spec.controller'),
  )
  expect(controllers).toEqual(['nginx-ts.io/ingress-controller', 'nginx-ts.io/ingress-controller/internal'])
  const args = [find(first, WORKLOAD), find(second, 'Deployment internal-nginx-ts-controller')].map(
    (found) => fieldOf(found, `${POD}.containers.controller.args`) as readonly string[],
  )
  const named = /^--(configmap|controller-class|election-id|ingress-class|publish-service)=/
  const [one = [], other = []] = args.map((each) => each.filter((arg) => named.test(arg)))
  expect([one.length, other.length]).toEqual([5, 5])
  expect(one.filter((arg) => other.includes(arg))).toEqual([])
})

test('the same release name in another namespace has a ClusterRole of its own', async () => {
  const names = (await render({}, { name: 'nginx-ts', namespace: 'elsewhere' })).map(nameOf)
  expect(names).toContain('ClusterRole elsewhere:nginx-ts')
})

const WITHDRAWAL = 'Job nginx-ts-controller-withdraw'

test('before a release is deleted a Job takes its addresses away, by flags that the program knows', async () => {
  const values = merged(nested('controller.electionTTL', '2m'), nested('controller.scope', { enabled: true, namespace: 'team-a' }))
  const job = find(await render(values), WITHDRAWAL)
  expect(fieldOf(job, 'metadata.annotations')).toMatchObject({ 'helm.sh/hook': 'pre-delete' })
  const args = fieldOf(job, `${POD}.containers.withdraw-status.args`) as readonly string[]
  expect(() => parseCommandLine(args)).not.toThrow()
  expect(args).toEqual([
    'withdraw-status',
    '--helm-release=nginx-ts',
    '--election-id=nginx-ts-leader',
    '--election-ttl=2m',
    '--watch-namespace=team-a',
    '--timeout=240s',
  ])
  expect(fieldOf(job, 'spec.activeDeadlineSeconds')).toBe(300)
})

test('by default that Job ends, one way or the other, before Helm waits no longer', async () => {
  const HELM_TIMEOUT_SECONDS = 300
  expect(fieldOf(find(await render({}), WITHDRAWAL), 'spec.activeDeadlineSeconds')).toBeLessThan(HELM_TIMEOUT_SECONDS)
})

test.each([
  ['replicas do not elect', nested('controller.disableLeaderElection', true)],
  ['replicas do not elect, by a flag', nested('controller.extraArgs', { 'disable-leader-election': '' })],
  ['addresses are not written', nested('controller.extraArgs', { 'update-status': false })],
  ['addresses are to stay', nested('controller.extraArgs', { 'update-status-on-shutdown': 'false' })],
])('there is no such Job where %s', async (_when, values) => {
  const withPolicy = merged(values, nested('controller.networkPolicy.enabled', true))
  expect((await render(withPolicy)).map(nameOf).filter((name) => name.includes('withdraw'))).toEqual([])
})

test('nothing that selects the Pods of the controller selects that of the Job, and it is kept apart from none', async () => {
  const apart = {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] },
    nodeAffinity: { required: '{{ .Release.Name }}' },
  }
  const [, everything = {}] = ci.find(([name]) => name === 'everything-values.yaml') ?? []
  const objects = await render(merged(everything, nested('controller.affinity', apart)))
  const job = find(objects, WITHDRAWAL)
  const labels = fieldOf(job, 'spec.template.metadata.labels') as Readonly<Record<string, string>>
  const selecting = objects.flatMap((object) => {
    const selector = fieldOf(object, 'spec.podSelector') ?? fieldOf(object, 'spec.selector')
    if (selector === undefined) return []
    const wanted = Object.entries((fieldOf(selector, 'matchLabels') ?? selector) as Readonly<Record<string, string>>)
    return wanted.every(([name, value]) => labels[name] === value) ? [nameOf(object)] : []
  })
  expect(selecting).toEqual(['NetworkPolicy nginx-ts-controller-withdraw'])
  expect(labels['app.kubernetes.io/name']).not.toBe('nginx-ts')
  expect(fieldOf(job, `${POD}.affinity`)).toEqual({ nodeAffinity: { required: 'nginx-ts' } })
})

test('where Pods may only connect as a NetworkPolicy says, that of the Job may connect as the controller may', async () => {
  const egress = [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }]
  const objects = await render(nested('controller.networkPolicy', { enabled: true, egress }))
  expect(fieldOf(find(objects, 'NetworkPolicy nginx-ts-controller-withdraw'), 'spec')).toMatchObject({ ingress: [], egress })
})

test('that Job is locked in as the controller is, and opens no port', async () => {
  const low = nested('controller.containerPort', { http: 80, https: 443 })
  const objects = await render(low)
  const [job, controller] = [fieldOf(find(objects, WITHDRAWAL), POD), fieldOf(find(objects, WORKLOAD), POD)]
  const { sysctls, ...context } = fieldOf(controller, 'securityContext') as Readonly<Record<string, unknown>>
  expect(sysctls).toBeDefined()
  expect(fieldOf(job, 'securityContext')).toEqual(context)
  expect(fieldOf(job, 'containers.withdraw-status.securityContext')).toEqual(fieldOf(controller, 'containers.controller.securityContext'))
  expect(fieldOf(job, 'serviceAccountName')).toBe('nginx-ts')
  expect(fieldOf(job, 'containers.withdraw-status.ports')).toBeUndefined()
})

test('with one Pod, or a DaemonSet, there is no budget that would hold up a drain', async () => {
  const shapes: readonly Values[] = [nested('controller.replicaCount', 1), nested('controller.kind', 'DaemonSet')]
  for (const values of shapes) expect((await render(values)).map(nameOf)).not.toContain('PodDisruptionBudget nginx-ts-controller')
})

/** `list secrets` and the like, of a role. */
function rightsOf(role: Manifest | undefined): readonly string[] {
  type Rule = { readonly resources: readonly string[]; readonly verbs: readonly string[]; readonly resourceNames?: readonly string[] }
  return ((role?.['rules'] ?? []) as readonly Rule[]).flatMap(({ resources, verbs, resourceNames }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}${resourceNames === undefined ? '' : ` ${resourceNames}`}`)),
  )
}

test('the Lease is read and written under its name only', async () => {
  expect(rightsOf(find(await render({}), 'Role nginx-ts'))).toEqual([
    'create leases',
    'get leases nginx-ts-leader',
    'update leases nginx-ts-leader',
  ])
})

test('nodes and Pods are read only where the addresses of Ingresses come from them', async () => {
  const rights = async (values: Values) => (await render(values)).flatMap(rightsOf).filter((right) => /nodes|pods/.test(right))
  expect(await rights({})).toEqual([])
  expect((await rights(nested('controller.service.enabled', false))).toSorted()).toEqual(['get nodes', 'get pods', 'list pods'])
  const given = nested('controller.extraArgs', { 'publish-status-address': '192.0.2.1' })
  expect(await rights(merged(given, nested('controller.service.enabled', false)))).toEqual([])
})

test('one namespace watched: rights are there, and of the cluster only classes and the names of namespaces can be read', async () => {
  const objects = await render(nested('controller.scope', { enabled: true, namespace: 'team-a' }))
  expect(rightsOf(find(objects, 'ClusterRole ingress:nginx-ts'))).toEqual([
    'list ingressclasses',
    'watch ingressclasses',
    'list namespaces',
    'watch namespaces',
  ])
  expect(find(objects, 'Role nginx-ts-watched')).toMatchObject({ metadata: { namespace: 'team-a' } })
  expect(rightsOf(find(objects, 'Role nginx-ts-watched'))).toEqual(
    expect.arrayContaining(['list secrets', 'patch ingresses/status', 'create events']),
  )
  // The Service whose addresses are published stays in our own.
  expect(rightsOf(find(objects, 'Role nginx-ts'))).toEqual(expect.arrayContaining(['get services', 'list endpointslices']))
  expect(rightsOf(find(objects, 'Role nginx-ts'))).not.toContain('list secrets')
})

test('without a ClusterRole there must be one namespace to watch', async () => {
  await expect(render(nested('rbac.scope', true))).rejects.toThrow('set controller.scope.enabled too')
})

test('a default backend that the controller could not see is refused', async () => {
  const backend = nested('defaultBackend.enabled', true)
  const scope = (namespace: string) => merged(backend, nested('controller.scope', { enabled: true, namespace }))
  for (const helm of helms)
    await expect(render(scope('team-a'), RELEASE, helm)).rejects.toThrow(
      'defaultBackend.enabled has no effect: the controller reads the namespace team-a only (controller.scope), and the default backend is in ingress',
    )
  for (const namespace of ['', 'ingress'])
    expect((await render(scope(namespace))).map(nameOf)).toContain('Deployment nginx-ts-defaultbackend')
})

const INTERNAL_ONLY = nested('controller.service', {
  external: { enabled: false },
  internal: { enabled: true, annotations: { internal: 'yes' } },
})
const HOST_PORTS = nested('controller.hostPort', { enabled: true, ports: { http: 8000, https: 8444 } })

test.each([
  ['of the Service', nested('controller.service.ports', { http: 81, https: 444 }), [81, 444]],
  [
    'of the Service, where there is one within too',
    nested('controller.service.internal', { enabled: true, annotations: { internal: 'yes' }, ports: { https: 9443 } }),
    [80, 443],
  ],
  [
    'of the Service within, where there is no other',
    merged(INTERNAL_ONLY, nested('controller.service.internal.ports', { https: 9443 })),
    [80, 9443],
  ],
  ['of the node', merged(HOST_PORTS, nested('controller.service.enabled', false)), [8000, 8444]],
  ['of the node, where no Service is made', merged(HOST_PORTS, nested('controller.service.external.enabled', false)), [8000, 8444]],
  ['of a Service that somebody else makes', nested('controller.service.external.enabled', false), [80, 443]],
] as const)('redirects and backends are told the ports %s', async (_where, values, [http, https]) => {
  const args = fieldOf(find(await render(values), WORKLOAD), `${POD}.containers.controller.args`)
  expect(args).toEqual(expect.arrayContaining([`--public-http-port=${http}`, `--public-https-port=${https}`]))
})

test('where no address can be found for Ingresses, the notes say what to give', async () => {
  const values = merged(nested('rbac.scope', true), nested('controller', { scope: { enabled: true }, service: { enabled: false } }))
  const address = 'controller.extraArgs.publish-status-address'
  expect(await notes(values)).toContain(`--set ${address}=ADDRESS`)
  for (const enough of [nested(address, '192.0.2.7'), nested('rbac.scope', false), nested('controller.service.enabled', true)])
    expect(await notes(merged(values, enough))).not.toContain('publish-status-address')
})

test('a second Service within wants annotations, without which most clouds would make a public one', async () => {
  expect((await render(nested('controller.service.internal.enabled', true))).map(nameOf)).not.toContain(
    'Service nginx-ts-controller-internal',
  )
})

test.each([
  ['controler', { replicaCount: 2 }],
  ['controller.replicas', 2],
  ['controller.service.typ', 'NodePort'],
  ['controller.replicaCount', '2'],
  ['controller.kind', 'StatefulSet'],
  ['controller.podAnnotations', { scrape: true }],
  ['controller.extraArgs', { 'ingres-class': 'nginx' }],
])('%s: %p is refused, by name', async (path, value) => {
  for (const helm of helms) {
    await expect(render(nested(path, value), RELEASE, helm)).rejects.toThrow(path.split('.').at(-1) ?? '')
  }
})

test('global may be anything, and a chart around this one may have a condition for it', async () => {
  expect(await render({ global: { anything: { at: 'all' } }, enabled: true })).toEqual(await render({}))
})

test('a map or a list whose entries are all commented out is an empty one', async () => {
  const empty = chartValues().filter(({ default: value }) => ['{}', '[]'].includes(JSON.stringify(value)))
  expect(empty.length).toBeGreaterThan(50)
  const values = empty.map(({ path }) => nested(path, null)).reduce(merged)
  for (const helm of helms) expect(await render(values, RELEASE, helm)).toEqual(await render({}, RELEASE, helm))
})

test.each([
  ['controller.kind', 'Deployment'],
  ['controller.image.tag', ''],
  ['controller.scope.enabled', false],
  ['controller.autoscaling.enabled', false],
  ['defaultBackend.enabled', false],
  ['serviceAccount.create', false],
])('%s that is null is as %j', async (path, value) => {
  for (const helm of helms)
    expect(await render(nested(path, null), RELEASE, helm)).toEqual(await render(nested(path, value), RELEASE, helm))
  expect(await notes(nested(path, null))).toEqual(await notes(nested(path, value)))
})

test('the notes give the next command', async () => {
  const said = await notes({})
  expect(said).toContain('kubectl --namespace ingress rollout status deployment/nginx-ts-controller')
  expect(said).toContain('kubectl --namespace ingress get service nginx-ts-controller --watch')
  expect(said).toContain("create ingress web --class nginx-ts --rule 'web.example.com/*=web:80'")
  expect(said).not.toContain('ingress-nginx')
})

test('where nothing leads to it, the notes say so', async () => {
  expect(await notes(nested('controller.service.enabled', false))).toContain('No Service leads to it')
})

test('every value and flag of ingress-nginx without a meaning here is accepted, and named in the notes', async () => {
  const something = foreignValues.map(({ path, ...rest }) => {
    const { asks } = rest as { readonly asks?: readonly string[] }
    return nested(path, asks === undefined ? 'something' : Object.fromEntries(asks.map((name) => [name, 'something'])))
  })
  const flags = nested('controller.extraArgs', Object.fromEntries(Object.keys(foreignFlags).map((flag) => [flag, 'something'])))
  const said = await notes([...something, flags].reduce(merged))
  for (const { path, says } of foreignValues) expect(said).toContain(`- ${path}: ${says}`)
  for (const [flag, says] of Object.entries(foreignFlags)) expect(said).toContain(`- controller.extraArgs.${flag}: ${says}`)
})

test('what asks for nothing is not named', async () => {
  const idle = ['controller.admissionWebhooks.enabled', 'controller.allowSnippetAnnotations', 'controller.keda.enabled'].map((path) =>
    nested(path, false),
  )
  expect(await notes([...idle, { tcp: {}, dhParam: '' }].reduce(merged))).not.toContain('ingress-nginx')
})

test('a values file of ingress-nginx comes to our image, our flags and our hook, with what it says of class, Pods and Service', async () => {
  const [, values = {}] = ci.find(([name]) => name === 'ingress-nginx-values.yaml') ?? []
  const objects = await render(values)
  const workload = find(objects, WORKLOAD)
  expect(fieldOf(workload, 'spec.replicas')).toBe(3)
  expect(fieldOf(workload, `${POD}.containers.nginx.image`)).toBe('ghcr.io/nginx-ts/nginx-ts:0.1.0')
  expect(fieldOf(workload, `${POD}.containers.nginx.lifecycle.preStop.exec.command`)).toEqual(['nginx-ts', 'wait-shutdown'])
  expect(fieldOf(workload, `${POD}.containers.nginx.resources.limits`)).toEqual({ memory: '512Mi' })
  expect(fieldOf(workload, `${POD}.containers.controller.readinessProbe`)).toMatchObject({
    httpGet: { path: '/readyz' },
    periodSeconds: 10,
  })
  const args = fieldOf(workload, `${POD}.containers.controller.args`)
  expect(args).toEqual(
    expect.arrayContaining(['--controller-class=k8s.io/ingress-nginx', '--ingress-class=nginx', '--update-status-on-shutdown=false']),
  )
  expect((args as readonly string[]).filter((arg) => arg.startsWith('--enable-ssl-passthrough') || arg.startsWith('--v='))).toEqual([])
  expect(find(objects, 'IngressClass nginx')).toMatchObject({ spec: { controller: 'k8s.io/ingress-nginx' } })
  expect(fieldOf(find(objects, 'Service nginx-ts-controller'), 'spec.externalTrafficPolicy')).toBe('Local')
  expect(JSON.stringify(fieldOf(workload, `${POD}.affinity`))).toContain('"values":["nginx-ts"]')
  const said = await notes(values)
  expect(said).toContain("- controller.image: no effect; it names ingress-nginx's image.")
  expect(said).toContain('exec --stdin deployment/nginx-ts-controller --container controller -- nginx-ts explain --values -')
})
