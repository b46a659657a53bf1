/** Values of the release as a whole, of classes, options and rights. */
import { type Cases, drops, makes, sets } from './case.ts'

const WORKLOAD = 'Deployment nginx-ts-controller'
const CONFIG_MAP = 'ConfigMap nginx-ts-controller'
const CLASS = 'IngressClass nginx-ts'
const ROLE = 'Role nginx-ts'
const CLUSTER_ROLE = 'ClusterRole ingress:nginx-ts'
const POD = 'spec.template.spec'
const ARGUMENTS = `${POD}.containers.controller.args`

/** What the controller is started with as long as nothing is said. */
const flags: Readonly<Record<string, string | true | undefined>> = {
  configmap: 'ingress/nginx-ts-controller',
  'controller-class': 'nginx-ts.io/ingress-controller',
  'election-id': 'nginx-ts-leader',
  'healthz-port': '10254',
  'http-port': '8080',
  'https-port': '8443',
  'ingress-class': 'nginx-ts',
  'public-http-port': '80',
  'public-https-port': '443',
  'publish-service': 'ingress/nginx-ts-controller',
  'shutdown-grace-period': '10',
}

/** The arguments with other flags; undefined for one that is left out, true for a switch. */
function argumentsWith(others: typeof flags): readonly string[] {
  const all = Object.entries({ ...flags, ...others }).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return ['controller', ...all.flatMap(([name, value]) => (value === undefined ? [] : value === true ? `--${name}` : `--${name}=${value}`))]
}

/** An argument that the value changes. */
const passes = (to: unknown, others: typeof flags, values = {}) =>
  sets(WORKLOAD, ARGUMENTS, to, { is: argumentsWith(others), with: values })

const NO_SERVICE = { controller: { publishService: { enabled: false } } }

export const releaseCases: Cases = {
  global: sets(
    WORKLOAD,
    `${POD}.containers.nginx.image`,
    { image: { registry: 'mirror.test' } },
    { is: 'mirror.test/nginx-ts/nginx-ts:0.1.0' },
  ),
  nameOverride: sets(WORKLOAD, 'spec.selector.matchLabels', 'nginx', {
    is: { 'app.kubernetes.io/name': 'nginx', 'app.kubernetes.io/instance': 'nginx-ts', 'app.kubernetes.io/component': 'controller' },
  }),
  fullnameOverride: makes('Deployment edge-controller', 'edge'),
  namespaceOverride: sets(WORKLOAD, 'metadata.namespace', 'elsewhere'),
  commonLabels: sets(WORKLOAD, 'metadata.labels.team', { team: 'platform' }, { is: 'platform' }),
  imagePullSecrets: sets(WORKLOAD, `${POD}.imagePullSecrets`, [{ name: 'registry' }]),
  revisionHistoryLimit: sets(WORKLOAD, 'spec.revisionHistoryLimit', 3),
  'rbac.create': drops(ROLE, false),
  'rbac.scope': drops(CLUSTER_ROLE, true, { controller: { scope: { enabled: true } } }),
  'serviceAccount.create': drops('ServiceAccount nginx-ts', false),
  'serviceAccount.name': sets(WORKLOAD, `${POD}.serviceAccountName`, 'edge'),
  'serviceAccount.annotations': sets('ServiceAccount nginx-ts', 'metadata.annotations', { owner: 'platform' }),

  'controller.name': makes('Deployment nginx-ts-edge', 'edge'),
  'controller.kind': makes('DaemonSet nginx-ts-controller', 'DaemonSet'),
  'controller.config': sets(
    CONFIG_MAP,
    'data',
    { 'use-gzip': true, 'keep-alive-requests': 1000000, 'log-format-upstream': '{{ .Release.Name }}' },
    {
      is: { 'use-gzip': 'true', 'keep-alive-requests': '1000000', 'log-format-upstream': 'nginx-ts' },
    },
  ),
  'controller.configAnnotations': sets(CONFIG_MAP, 'metadata.annotations', { owner: 'platform' }),
  'controller.configMapNamespace': sets(CONFIG_MAP, 'metadata.namespace', 'options'),

  'controller.ingressClass': passes('legacy', { 'ingress-class': 'legacy' }),
  'controller.ingressClassResource.name': passes('internal', {
    'ingress-class': 'internal',
    'controller-class': 'nginx-ts.io/ingress-controller/internal',
  }),
  'controller.ingressClassResource.enabled': drops(CLASS, false),
  'controller.ingressClassResource.default': sets(CLASS, 'metadata.annotations', true, {
    is: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
  }),
  'controller.ingressClassResource.annotations': sets(CLASS, 'metadata.annotations', { owner: 'platform' }),
  'controller.ingressClassResource.controllerValue': sets(CLASS, 'spec.controller', 'example.test/edge'),
  'controller.ingressClassResource.aliases': makes('IngressClass edge', ['edge']),
  'controller.ingressClassResource.parameters': sets(CLASS, 'spec.parameters', { kind: 'Parameters', name: 'edge' }),
  'controller.ingressClassByName': passes(true, { 'ingress-class-by-name': true }),
  'controller.watchIngressWithoutClass': passes(true, { 'watch-ingress-without-class': true }),
  'controller.electionID': sets(ROLE, 'rules.1.resourceNames', 'edge', { is: ['edge'] }),
  'controller.electionTTL': passes('1m', { 'election-ttl': '1m' }),
  'controller.disableLeaderElection': passes(true, { 'disable-leader-election': true }),
  'controller.publishService.enabled': passes(false, { 'publish-service': undefined }),
  'controller.publishService.pathOverride': passes('edge/public', { 'publish-service': 'edge/public' }),
  'controller.reportNodeInternalIp': passes(true, { 'publish-service': undefined, 'report-node-internal-ip-address': true }, NO_SERVICE),
  'controller.scope.enabled': passes(true, { 'watch-namespace': 'ingress' }),
  'controller.scope.namespace': passes(
    'team-a',
    { 'watch-namespace': 'team-a', configmap: 'team-a/nginx-ts-controller' },
    {
      controller: { scope: { enabled: true } },
    },
  ),
  'controller.scope.namespaceSelector': passes('team=a', { 'watch-namespace-selector': 'team=a' }),
  'controller.extraArgs': passes(
    {
      takeover: 'true',
      'disable-catch-all': false,
      'update-status': 'false',
      'http-port': 8081,
      'default-ssl-certificate': '{{ .Release.Namespace }}/tls',
      v: 2,
    },
    { takeover: true, 'update-status': 'false', 'http-port': '8081', 'default-ssl-certificate': 'ingress/tls' },
  ),
}
