/** Values of the controller's Pods, and of what goes with their number. */
import { type Cases, drops, makes, sets } from './case.ts'

const WORKLOAD = 'Deployment nginx-ts-controller'
const POD = 'spec.template.spec'
const CONTROLLER = `${POD}.containers.controller`
const NGINX = `${POD}.containers.nginx`
const BUDGET = 'PodDisruptionBudget nginx-ts-controller'
const AUTOSCALER = 'HorizontalPodAutoscaler nginx-ts-controller'
const POLICY = 'NetworkPolicy nginx-ts-controller'
const WITHDRAWAL = 'Job nginx-ts-controller-withdraw'

const AUTOSCALED = { controller: { autoscaling: { enabled: true } } }
const WITH_POLICY = { controller: { networkPolicy: { enabled: true }, metrics: { enabled: true } } }
const WITH_HOST_PORT = { controller: { hostPort: { enabled: true } } }
const IMAGE = `${NGINX}.image`
const DIGEST = `sha256:${'0'.repeat(64)}`
const MOUNT = { name: 'authorities', mountPath: '/etc/authorities' }
const VOLUME = { name: 'authorities', configMap: { name: 'authorities' } }
const SIDECAR = { name: 'sidecar', image: 'sidecar:1' }
const AFFINITY = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } }
const SPREAD = [{ topologyKey: 'rack', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }]
const TARGET = 'spec.metrics.0.resource'

/** A field of a probe, which both containers have. */
const probe = (name: string, field: string, to: number) => sets(WORKLOAD, `${NGINX}.${name}.${field}`, to)

export const podCases: Cases = {
  'controller.replicaCount': sets(WORKLOAD, 'spec.replicas', 3),
  'controller.image.registry': sets(WORKLOAD, IMAGE, 'mirror.test', { is: 'mirror.test/nginx-ts/nginx-ts:0.1.0' }),
  'controller.image.image': sets(WORKLOAD, IMAGE, 'edge', { is: 'ghcr.io/edge:0.1.0' }),
  'controller.image.repository': sets(WORKLOAD, IMAGE, 'mirror.test/edge', { is: 'mirror.test/edge:0.1.0' }),
  'controller.image.tag': sets(WORKLOAD, IMAGE, '0.2.0', { is: 'ghcr.io/nginx-ts/nginx-ts:0.2.0' }),
  'controller.image.digest': sets(WORKLOAD, IMAGE, DIGEST, { is: `ghcr.io/nginx-ts/nginx-ts@${DIGEST}` }),
  'controller.image.pullPolicy': sets(WORKLOAD, `${CONTROLLER}.imagePullPolicy`, 'Always'),

  'controller.extraEnvs': sets(WORKLOAD, `${NGINX}.env`, [{ name: 'TZ', value: 'UTC' }]),
  'controller.extraVolumeMounts': sets(WORKLOAD, `${CONTROLLER}.volumeMounts.authorities`, [MOUNT], { is: MOUNT }),
  'controller.extraVolumes': sets(WORKLOAD, `${POD}.volumes.authorities`, [VOLUME], { is: VOLUME }),
  'controller.extraContainers': sets(WORKLOAD, `${POD}.containers.sidecar`, [{ ...SIDECAR, args: ['{{ .Release.Name }}'] }], {
    is: { ...SIDECAR, args: ['nginx-ts'] },
  }),
  'controller.extraInitContainers': sets(WORKLOAD, `${POD}.initContainers`, [SIDECAR]),

  'controller.containerPort.http': sets(WORKLOAD, `${NGINX}.ports.http.containerPort`, 9080),
  'controller.containerPort.https': sets(WORKLOAD, `${NGINX}.ports.https.containerPort`, 9443),
  'controller.hostPort.enabled': sets(WORKLOAD, `${NGINX}.ports.http.hostPort`, true, { is: 80 }),
  'controller.hostPort.ports.http': sets(WORKLOAD, `${NGINX}.ports.http.hostPort`, 81, { with: WITH_HOST_PORT }),
  'controller.hostPort.ports.https': sets(WORKLOAD, `${NGINX}.ports.https.hostPort`, 444, { with: WITH_HOST_PORT }),
  'controller.hostNetwork': sets(WORKLOAD, `${POD}.hostNetwork`, true),
  'controller.dnsPolicy': sets(WORKLOAD, `${POD}.dnsPolicy`, 'ClusterFirstWithHostNet'),
  'controller.dnsConfig': sets(WORKLOAD, `${POD}.dnsConfig`, { nameservers: ['192.0.2.53'] }),
  'controller.hostAliases': sets(WORKLOAD, `${POD}.hostAliases`, [{ ip: '192.0.2.1', hostnames: ['edge.test'] }]),

  'controller.annotations': sets(WORKLOAD, 'metadata.annotations', { owner: 'platform' }),
  'controller.labels': sets(WORKLOAD, 'metadata.labels.tier', { tier: 'edge' }, { is: 'edge' }),
  'controller.podAnnotations': sets(WORKLOAD, 'spec.template.metadata.annotations', { owner: 'platform' }),
  'controller.podLabels': sets(WORKLOAD, 'spec.template.metadata.labels.tier', { tier: 'edge' }, { is: 'edge' }),
  'controller.updateStrategy': sets(WORKLOAD, 'spec.strategy', { type: 'Recreate' }),
  'controller.progressDeadlineSeconds': sets(WORKLOAD, 'spec.progressDeadlineSeconds', 300),
  'controller.minReadySeconds': sets(WORKLOAD, 'spec.minReadySeconds', 5),
  'controller.terminationGracePeriodSeconds': sets(WORKLOAD, `${POD}.terminationGracePeriodSeconds`, 600),
  'controller.shutdownGracePeriodSeconds': sets(WORKLOAD, `${NGINX}.args`, 0, {
    is: ['agent', '--socket-group=10000', '--shutdown-grace-period=0', '--status-port=10246'],
  }),
  'controller.lifecycle': sets(
    WORKLOAD,
    `${NGINX}.lifecycle`,
    { postStart: { exec: { command: ['true'] } } },
    {
      is: { preStop: { exec: { command: ['nginx-ts', 'wait-shutdown'] } }, postStart: { exec: { command: ['true'] } } },
    },
  ),
  'controller.nodeSelector': sets(WORKLOAD, `${POD}.nodeSelector`, { edge: 'yes' }, { is: { 'kubernetes.io/os': 'linux', edge: 'yes' } }),
  'controller.tolerations': sets(WORKLOAD, `${POD}.tolerations`, [{ operator: 'Exists' }]),
  'controller.affinity': sets(WORKLOAD, `${POD}.affinity`, AFFINITY),
  'controller.topologySpreadConstraints': sets(WORKLOAD, `${POD}.topologySpreadConstraints`, SPREAD),
  'controller.priorityClassName': sets(WORKLOAD, `${POD}.priorityClassName`, 'system-cluster-critical'),
  'controller.runtimeClassName': sets(WORKLOAD, `${POD}.runtimeClassName`, 'gvisor'),

  'controller.podSecurityContext': sets(
    WORKLOAD,
    `${POD}.securityContext.fsGroupChangePolicy`,
    { fsGroupChangePolicy: 'Always' },
    { is: 'Always' },
  ),
  'controller.containerSecurityContext': sets(WORKLOAD, `${NGINX}.securityContext.runAsUser`, { runAsUser: 101 }, { is: 101 }),
  'controller.sysctls': sets(
    WORKLOAD,
    `${POD}.securityContext.sysctls`,
    { 'net.core.somaxconn': '8192' },
    {
      is: [{ name: 'net.core.somaxconn', value: '8192' }],
    },
  ),
  'controller.resources': sets(WORKLOAD, `${NGINX}.resources.limits`, { limits: { memory: '1Gi' } }, { is: { memory: '1Gi' } }),
  'controller.resizePolicy': sets(WORKLOAD, `${NGINX}.resizePolicy`, [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }]),
  'controller.controlPlane.resources': sets(
    WORKLOAD,
    `${CONTROLLER}.resources.limits`,
    { limits: { memory: '1Gi' } },
    { is: { memory: '1Gi' } },
  ),
  'controller.controlPlane.configurationSizeLimit': sets(WORKLOAD, `${POD}.volumes.conf.emptyDir.sizeLimit`, '1Gi'),

  'controller.livenessProbe.initialDelaySeconds': probe('livenessProbe', 'initialDelaySeconds', 30),
  'controller.livenessProbe.periodSeconds': probe('livenessProbe', 'periodSeconds', 20),
  'controller.livenessProbe.timeoutSeconds': probe('livenessProbe', 'timeoutSeconds', 2),
  'controller.livenessProbe.failureThreshold': probe('livenessProbe', 'failureThreshold', 7),
  'controller.readinessProbe.initialDelaySeconds': probe('readinessProbe', 'initialDelaySeconds', 30),
  'controller.readinessProbe.periodSeconds': probe('readinessProbe', 'periodSeconds', 20),
  'controller.readinessProbe.timeoutSeconds': probe('readinessProbe', 'timeoutSeconds', 2),
  'controller.readinessProbe.successThreshold': probe('readinessProbe', 'successThreshold', 2),
  'controller.readinessProbe.failureThreshold': probe('readinessProbe', 'failureThreshold', 7),
  'controller.agentStatusPort': sets(WORKLOAD, `${NGINX}.readinessProbe.httpGet.port`, 10346),

  'controller.withdrawStatusJob.enabled': drops(WITHDRAWAL, false),
  'controller.withdrawStatusJob.podAnnotations': sets(WITHDRAWAL, 'spec.template.metadata.annotations', { owner: 'platform' }),
  'controller.withdrawStatusJob.podLabels': sets(WITHDRAWAL, 'spec.template.metadata.labels.tier', { tier: 'edge' }, { is: 'edge' }),
  'controller.withdrawStatusJob.resources': sets(
    WITHDRAWAL,
    `${POD}.containers.withdraw-status.resources.limits`,
    { limits: { memory: '1Gi' } },
    { is: { memory: '1Gi' } },
  ),

  'controller.minAvailable': sets(BUDGET, 'spec.minAvailable', '50%'),
  'controller.maxUnavailable': sets(BUDGET, 'spec.maxUnavailable', 1),
  'controller.unhealthyPodEvictionPolicy': sets(BUDGET, 'spec.unhealthyPodEvictionPolicy', 'AlwaysAllow'),

  'controller.autoscaling.enabled': makes(AUTOSCALER, true),
  'controller.autoscaling.annotations': sets(AUTOSCALER, 'metadata.annotations', { owner: 'platform' }, { with: AUTOSCALED }),
  'controller.autoscaling.minReplicas': sets(AUTOSCALER, 'spec.minReplicas', 3, { with: AUTOSCALED }),
  'controller.autoscaling.maxReplicas': sets(AUTOSCALER, 'spec.maxReplicas', 30, { with: AUTOSCALED }),
  'controller.autoscaling.targetCPUUtilizationPercentage': sets(AUTOSCALER, `${TARGET}.target.averageUtilization`, 80, {
    with: AUTOSCALED,
  }),
  'controller.autoscaling.targetMemoryUtilizationPercentage': sets(AUTOSCALER, 'spec.metrics.1.resource.name', 80, {
    is: 'memory',
    with: AUTOSCALED,
  }),
  'controller.autoscaling.behavior': sets(
    AUTOSCALER,
    'spec.behavior',
    { scaleDown: { stabilizationWindowSeconds: 600 } },
    { with: AUTOSCALED },
  ),
  'controller.autoscalingTemplate': sets(AUTOSCALER, 'spec.metrics.1', [{ type: 'Pods' }], { is: { type: 'Pods' }, with: AUTOSCALED }),

  'controller.networkPolicy.enabled': makes(POLICY, true),
  'controller.networkPolicy.metricsFrom': sets(POLICY, 'spec.ingress.1.from', [{ podSelector: {} }], { with: WITH_POLICY }),
  'controller.networkPolicy.egress': sets(POLICY, 'spec.egress', [], { with: WITH_POLICY }),
}
