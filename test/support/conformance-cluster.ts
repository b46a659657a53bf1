/**
 * Where the conformance scenarios run: by an API server alone, with backends at Pods' addresses; or in a real cluster,
 * when the environment names one, with real Pods and the installed chart. The scenarios are the same.
 */
import { startBackend } from './backend.ts'
import { type Cluster, podAddress, startCluster } from './cluster.ts'
import { available, backendProgram, deployment } from './deployments.ts'
import { type Handshake, shakeHands } from './handshake.ts'
import { endpointSlice, type Manifest, service, serviceFor } from './objects.ts'
import { installRelease, type RealCluster, realCluster } from './real-cluster.ts'
import type { SiteObject } from './site.ts'

export type ConformanceCluster = AsyncDisposable &
  Pick<Cluster, 'get' | 'getTls' | 'eventually' | 'apply' | 'remove'> & {
    readonly client: RealCluster['client']
    /** What the status of an Ingress must say. */
    readonly published: readonly object[]
    shakeHands(host: string): Promise<Handshake>
    /** A Service, and so many Pods of it. */
    serviceWithPods(name: string, count: number): Promise<readonly Manifest[]>
    /** What may explain a failure. */
    log(): string
  }

const NAMESPACE = 'default'

export async function startConformanceCluster(): Promise<ConformanceCluster> {
  return process.env['NGINX_TS_KUBECONFIG'] === undefined ? await startWithoutPods() : await startWithPods()
}

async function startWithoutPods(): Promise<ConformanceCluster> {
  await using started = new AsyncDisposableStack()
  const cluster = started.use(await startCluster({ flags: ['--publish-status-address', '203.0.113.7'] }))
  const owned = started.move()
  let pods = 0
  return {
    ...cluster,
    client: cluster.api.client,
    published: [{ ip: '203.0.113.7' }],
    shakeHands: (host) => shakeHands(cluster.agent.httpsPort, host),
    async serviceWithPods(name, count) {
      if (count === 1) return serviceFor(owned.use(await startBackend(name, { address: podAddress(++pods) })))
      const endpoints: { address: string }[] = []
      const port = 3000
      for (let index = 0; index < count; index++) {
        const { address } = owned.use(await startBackend(`${name}-${index}`, { address: podAddress(++pods), port }))
        endpoints.push({ address })
      }
      const half = Math.ceil(count / 2)
      return [
        service(name),
        endpointSlice(name, endpoints.slice(0, half), { port }, { suffix: '1' }),
        endpointSlice(name, endpoints.slice(half), { port }, { suffix: '2' }),
      ]
    },
    log: () => cluster.controller.standardError(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function startWithPods(): Promise<ConformanceCluster> {
  await using started = new AsyncDisposableStack()
  const cluster = realCluster()
  const applied: SiteObject[] = [backendProgram(NAMESPACE)]
  started.defer(() => cluster.remove(...applied))
  await cluster.apply(...applied)
  const namespace = 'nginx-ts-conformance'
  started.use(await cluster.namespace(namespace))
  const release = started.use(await installRelease(cluster, 'conformance', namespace))
  const owned = started.move()
  return {
    ...release,
    client: cluster.client,
    published: [{ ip: release.address }],
    shakeHands: (host) => shakeHands(443, host, { host: release.address }),
    async apply(...objects) {
      applied.push(...objects)
      const stored = await cluster.apply(...objects)
      await Promise.all(stored.filter(({ kind }) => kind === 'Deployment').map((found) => available(cluster, found)))
      return stored
    },
    remove: cluster.remove,
    serviceWithPods: async (name, replicas) => deployment(name, { image: cluster.image, namespace: NAMESPACE, replicas }),
    log: () => '',
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
