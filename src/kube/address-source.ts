/** Asks the API server for the addresses to publish, and whether other replicas are there to serve them. */
import type { V1EndpointSlice, V1Node, V1Pod, V1Service } from '@kubernetes/client-node'
import { addressesOfNodes, addressesOfService, isReady, type LoadBalancerAddress, selectorOf } from './addresses.ts'
import type { KubeClient } from './client.ts'

type NamespacedName = { readonly namespace: string; readonly name: string }

export type AddressSource =
  /** `--publish-service` */
  | { readonly kind: 'service'; readonly service: NamespacedName }
  /** `--publish-status-address` */
  | { readonly kind: 'addresses'; readonly addresses: readonly LoadBalancerAddress[] }
  /** The nodes of our ready Pods; `useInternalIp` is `--report-node-internal-ip-address`. */
  | { readonly kind: 'nodes'; readonly useInternalIp: boolean }

export type AddressReader = {
  /** The addresses to publish; undefined when they are not known, so that what is published stays. Throws as `request` does. */
  addresses(signal: AbortSignal): Promise<readonly LoadBalancerAddress[] | undefined>
  /** Whether another replica is ready. Throws when that cannot be known. */
  hasOtherReplica(signal: AbortSignal): Promise<boolean>
}

/** `pod`: our own, from POD_NAMESPACE and POD_NAME; undefined outside of a cluster. */
export function createAddressReader(client: KubeClient, source: AddressSource, pod: NamespacedName | undefined): AddressReader {
  const get = <Result>(path: string, signal: AbortSignal) => client.request<Result>({ path, signal })

  async function readyPods(signal: AbortSignal): Promise<readonly V1Pod[]> {
    if (pod === undefined) throw new Error('POD_NAMESPACE and POD_NAME do not say which Pod this is')
    const pods = `/api/v1/namespaces/${pod.namespace}/pods`
    const labelSelector = selectorOf(await get<V1Pod>(`${pods}/${pod.name}`, signal))
    if (labelSelector === undefined) throw new Error(`Pod ${pod.namespace}/${pod.name} has no labels to know the other replicas by`)
    const { items } = await client.request<{ readonly items: readonly V1Pod[] }>({ path: pods, query: { labelSelector }, signal })
    return items.filter(isReady)
  }

  function readService({ namespace, name }: NamespacedName, signal: AbortSignal): Promise<V1Service> {
    return get(`/api/v1/namespaces/${namespace}/services/${name}`, signal)
  }

  /** Pods behind the Service, where it selects any. */
  async function readyPodsBehind(service: NamespacedName, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { spec } = await readService(service, signal)
    if (spec?.selector === undefined || spec.type === 'ExternalName') return undefined
    const { items } = await client.request<{ readonly items: readonly V1EndpointSlice[] }>({
      path: `/apis/discovery.k8s.io/v1/namespaces/${service.namespace}/endpointslices`,
      query: { labelSelector: `kubernetes.io/service-name=${service.name}` },
      signal,
    })
    return items.flatMap(({ endpoints }) =>
      (endpoints ?? []).flatMap(({ conditions, targetRef }) => (conditions?.ready === true ? [targetRef?.name ?? ''] : [])),
    )
  }

  /** Names of our ready Pods; Pods are read only where nodes are, so that otherwise nobody need be allowed to. */
  async function readyReplicas(signal: AbortSignal): Promise<readonly (string | undefined)[] | undefined> {
    if (source.kind === 'addresses') return undefined
    if (source.kind === 'service') return await readyPodsBehind(source.service, signal)
    return (await readyPods(signal)).map(({ metadata }) => metadata?.name)
  }

  return {
    async addresses(signal) {
      switch (source.kind) {
        case 'addresses':
          return source.addresses
        case 'service':
          return addressesOfService(await readService(source.service, signal))
        case 'nodes': {
          const names = new Set((await readyPods(signal)).flatMap(({ spec }) => spec?.nodeName ?? []))
          // While no replica is ready yet, as at a first start: the one before may have left its address, which is true still.
          if (names.size === 0) return undefined
          const nodes = await Promise.all([...names].map((name) => get<V1Node>(`/api/v1/nodes/${name}`, signal)))
          return addressesOfNodes(nodes, source.useInternalIp)
        }
      }
    },
    async hasOtherReplica(signal) {
      const names = await readyReplicas(signal)
      if (names === undefined) throw new Error('neither Pods nor a Service with a selector say which replicas there are')
      return names.some((name) => name !== pod?.name)
    },
  }
}
