/** Real Pods: a Deployment of the tests' backend and the Service that leads to it, as "restricted" pod security wants them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoredObject } from './cluster-objects.ts'
import { eventually } from './eventually.ts'
import { configMap, type Manifest } from './objects.ts'
import type { RealCluster } from './real-cluster.ts'

const PROGRAM = readFileSync(join(import.meta.dirname, 'pod-backend.ts'), 'utf8')
const PORT = 8080
const ACCOUNT = 65532
const POD_TIMEOUT_MS = 90_000

export type DeploymentSettings = {
  /** Ours, which has a Node. */
  readonly image: string
  readonly namespace: string
  readonly replicas?: number
  /** Another one rolls the Deployment. */
  readonly version?: string
}

/** What `deployment` needs in its namespace. */
export function backendProgram(namespace: string): Manifest {
  return configMap('backend', { 'backend.ts': PROGRAM }, namespace)
}

/** A Deployment of that name, and its Service on port 80. */
export function deployment(name: string, { image, namespace, replicas = 1, version = '1' }: DeploymentSettings): readonly Manifest[] {
  const labels = { app: name }
  const container = {
    name: 'backend',
    image,
    command: ['node', '/backend/backend.ts'],
    env: [
      { name: 'SERVICE', value: name },
      { name: 'VERSION', value: version },
    ],
    ports: [{ name: 'http', containerPort: PORT }],
    readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
    // What a container requests is also its share of a busy processor; all of a suite's must fit on one node of two.
    resources: { requests: { cpu: '50m', memory: '32Mi' } },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'backend', mountPath: '/backend' }],
  }
  const spec = {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: ACCOUNT, runAsGroup: ACCOUNT, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [{ name: 'backend', configMap: { name: 'backend' } }],
  }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ]
}

/** Puts it into a cluster, with what it needs there, and waits for its Pods. */
export async function deploy(cluster: RealCluster, name: string, settings: Omit<DeploymentSettings, 'image'>): Promise<void> {
  const objects = [backendProgram(settings.namespace), ...deployment(name, { image: cluster.image, ...settings })]
  const stored = await cluster.apply(...objects)
  await Promise.all(stored.filter(({ kind }) => kind === 'Deployment').map((found) => available(cluster, found)))
}

/** Waits until a Deployment's Pods are all there, and are those of its newest form. */
export async function available({ client }: RealCluster, { metadata, spec }: StoredObject): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${metadata.namespace}/deployments/${metadata.name}`
  await eventually(
    async () => {
      const { status, metadata: latest } = await client.request<StoredObject>({ path })
      const { observedGeneration, updatedReplicas, availableReplicas, replicas } = status ?? {}
      const isDone =
        observedGeneration === (latest as { generation?: number }).generation &&
        [updatedReplicas, availableReplicas, replicas].every((count) => count === spec.replicas)
      if (!isDone) throw new Error(`Deployment ${metadata.name} is not available: ${JSON.stringify(status)}`)
    },
    { timeoutMs: POD_TIMEOUT_MS },
  )
}
