/** Values of the default backend. */
import type { Values } from '../../support/chart.ts'
import { type Cases, drops, makes, merged, nested, sets } from './case.ts'

const WORKLOAD = 'Deployment nginx-ts-defaultbackend'
const SERVICE = 'Service nginx-ts-defaultbackend'
const BUDGET = 'PodDisruptionBudget nginx-ts-defaultbackend'
const AUTOSCALER = 'HorizontalPodAutoscaler nginx-ts-defaultbackend'
const POD = 'spec.template.spec'
const CONTAINER = `${POD}.containers.default-backend`
const SECURITY = `${CONTAINER}.securityContext`
const DIGEST = `sha256:${'0'.repeat(64)}`
const ENABLED = nested('defaultBackend.enabled', true)
const AFFINITY = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } }
const SPREAD = [{ topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }]

const also = (values: Values) => ({ with: merged(ENABLED, { defaultBackend: values }) })
const always = { with: ENABLED }
const replicated = also({ replicaCount: 2 })
const autoscaled = also({ autoscaling: { enabled: true } })
const balanced = also({ service: { type: 'LoadBalancer' } })

export const defaultBackendCases: Cases = {
  'defaultBackend.enabled': makes(WORKLOAD, true),
  'defaultBackend.name': makes('Service nginx-ts-pages', 'pages', ENABLED),
  'defaultBackend.image.registry': sets(WORKLOAD, `${CONTAINER}.image`, 'mirror.test', {
    is: 'mirror.test/defaultbackend-amd64:1.5',
    ...always,
  }),
  'defaultBackend.image.image': sets(WORKLOAD, `${CONTAINER}.image`, 'pages', { is: 'registry.k8s.io/pages:1.5', ...always }),
  'defaultBackend.image.repository': sets(WORKLOAD, `${CONTAINER}.image`, 'mirror.test/pages', { is: 'mirror.test/pages:1.5', ...always }),
  'defaultBackend.image.tag': sets(WORKLOAD, `${CONTAINER}.image`, '2', { is: 'registry.k8s.io/defaultbackend-amd64:2', ...always }),
  'defaultBackend.image.digest': sets(WORKLOAD, `${CONTAINER}.image`, DIGEST, {
    is: `registry.k8s.io/defaultbackend-amd64@${DIGEST}`,
    ...always,
  }),
  'defaultBackend.image.pullPolicy': sets(WORKLOAD, `${CONTAINER}.imagePullPolicy`, 'Always', always),
  'defaultBackend.image.runAsNonRoot': sets(WORKLOAD, `${SECURITY}.runAsNonRoot`, false, always),
  'defaultBackend.image.runAsUser': sets(WORKLOAD, `${SECURITY}.runAsUser`, 1000, always),
  'defaultBackend.image.runAsGroup': sets(WORKLOAD, `${SECURITY}.runAsGroup`, 1000, always),
  'defaultBackend.image.allowPrivilegeEscalation': sets(WORKLOAD, `${SECURITY}.allowPrivilegeEscalation`, true, always),
  'defaultBackend.image.readOnlyRootFilesystem': sets(WORKLOAD, `${SECURITY}.readOnlyRootFilesystem`, false, always),
  'defaultBackend.image.seccompProfile': sets(WORKLOAD, `${SECURITY}.seccompProfile`, { type: 'Unconfined' }, always),
  'defaultBackend.extraArgs': sets(WORKLOAD, `${CONTAINER}.args`, { quiet: '', port: 8081 }, { is: ['--port=8081', '--quiet'], ...always }),
  'defaultBackend.extraEnvs': sets(WORKLOAD, `${CONTAINER}.env`, [{ name: 'TZ', value: 'UTC' }], always),
  'defaultBackend.extraVolumeMounts': sets(WORKLOAD, `${CONTAINER}.volumeMounts`, [{ name: 'pages', mountPath: '/www' }], always),
  'defaultBackend.extraVolumes': sets(WORKLOAD, `${POD}.volumes`, [{ name: 'pages', emptyDir: {} }], always),
  'defaultBackend.extraConfigMaps': sets('ConfigMap pages', 'data', [{ name: 'pages', data: { '404.html': 'no' } }], {
    is: { '404.html': 'no' },
    ...always,
  }),
  'defaultBackend.serviceAccount.create': drops('ServiceAccount nginx-ts-backend', false, ENABLED),
  'defaultBackend.serviceAccount.name': sets(WORKLOAD, `${POD}.serviceAccountName`, 'pages', always),
  'defaultBackend.port': sets(WORKLOAD, `${CONTAINER}.ports.http.containerPort`, 8081, always),
  'defaultBackend.livenessProbe': sets(WORKLOAD, `${CONTAINER}.livenessProbe.periodSeconds`, { periodSeconds: 20 }, { is: 20, ...always }),
  'defaultBackend.readinessProbe': sets(
    WORKLOAD,
    `${CONTAINER}.readinessProbe.periodSeconds`,
    { periodSeconds: 20 },
    { is: 20, ...always },
  ),
  'defaultBackend.updateStrategy': sets(WORKLOAD, 'spec.strategy', { type: 'Recreate' }, always),
  'defaultBackend.minReadySeconds': sets(WORKLOAD, 'spec.minReadySeconds', 5, always),
  'defaultBackend.tolerations': sets(WORKLOAD, `${POD}.tolerations`, [{ operator: 'Exists' }], always),
  'defaultBackend.affinity': sets(WORKLOAD, `${POD}.affinity`, AFFINITY, always),
  'defaultBackend.topologySpreadConstraints': sets(WORKLOAD, `${POD}.topologySpreadConstraints`, SPREAD, always),
  'defaultBackend.podSecurityContext': sets(WORKLOAD, `${POD}.securityContext`, { fsGroup: 1000 }, always),
  'defaultBackend.containerSecurityContext': sets(WORKLOAD, `${SECURITY}.runAsUser`, { runAsUser: 1000 }, { is: 1000, ...always }),
  'defaultBackend.labels': sets(SERVICE, 'metadata.labels.tier', { tier: 'edge' }, { is: 'edge', ...always }),
  'defaultBackend.podLabels': sets(WORKLOAD, 'spec.template.metadata.labels.tier', { tier: 'edge' }, { is: 'edge', ...always }),
  'defaultBackend.podAnnotations': sets(WORKLOAD, 'spec.template.metadata.annotations', { owner: 'platform' }, always),
  'defaultBackend.nodeSelector': sets(WORKLOAD, `${POD}.nodeSelector.edge`, { edge: 'yes' }, { is: 'yes', ...always }),
  'defaultBackend.replicaCount': sets(WORKLOAD, 'spec.replicas', 2, always),
  'defaultBackend.minAvailable': sets(BUDGET, 'spec.minAvailable', '50%', replicated),
  'defaultBackend.maxUnavailable': sets(BUDGET, 'spec.maxUnavailable', 1, replicated),
  'defaultBackend.unhealthyPodEvictionPolicy': sets(BUDGET, 'spec.unhealthyPodEvictionPolicy', 'AlwaysAllow', replicated),
  'defaultBackend.resources': sets(WORKLOAD, `${CONTAINER}.resources`, { limits: { memory: '32Mi' } }, always),
  'defaultBackend.priorityClassName': sets(WORKLOAD, `${POD}.priorityClassName`, 'system-cluster-critical', always),
  'defaultBackend.runtimeClassName': sets(WORKLOAD, `${POD}.runtimeClassName`, 'gvisor', always),
  'defaultBackend.autoscaling.enabled': makes(AUTOSCALER, true, ENABLED),
  'defaultBackend.autoscaling.annotations': sets(AUTOSCALER, 'metadata.annotations', { owner: 'platform' }, autoscaled),
  'defaultBackend.autoscaling.minReplicas': sets(AUTOSCALER, 'spec.minReplicas', 2, autoscaled),
  'defaultBackend.autoscaling.maxReplicas': sets(AUTOSCALER, 'spec.maxReplicas', 4, autoscaled),
  'defaultBackend.autoscaling.targetCPUUtilizationPercentage': sets(
    AUTOSCALER,
    'spec.metrics.0.resource.target.averageUtilization',
    80,
    autoscaled,
  ),
  'defaultBackend.autoscaling.targetMemoryUtilizationPercentage': sets(
    AUTOSCALER,
    'spec.metrics.1.resource.target.averageUtilization',
    80,
    autoscaled,
  ),
  'defaultBackend.networkPolicy.enabled': makes('NetworkPolicy nginx-ts-defaultbackend', true, ENABLED),
  'defaultBackend.service.annotations': sets(SERVICE, 'metadata.annotations', { owner: 'platform' }, always),
  'defaultBackend.service.clusterIP': sets(SERVICE, 'spec.clusterIP', '10.96.0.41', always),
  'defaultBackend.service.clusterIPs': sets(SERVICE, 'spec.clusterIPs', ['10.96.0.41'], always),
  'defaultBackend.service.externalIPs': sets(SERVICE, 'spec.externalIPs', ['192.0.2.8'], always),
  'defaultBackend.service.loadBalancerIP': sets(SERVICE, 'spec.loadBalancerIP', '192.0.2.8', balanced),
  'defaultBackend.service.loadBalancerSourceRanges': sets(SERVICE, 'spec.loadBalancerSourceRanges', ['192.0.2.0/24'], balanced),
  'defaultBackend.service.servicePort': sets(SERVICE, 'spec.ports.http.port', 8080, always),
  'defaultBackend.service.type': sets(SERVICE, 'spec.type', 'NodePort', always),
}
