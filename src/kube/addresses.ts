/** Which addresses are published in the status of Ingresses. Rules: those of ingress-nginx, which people's DNS relies on. */
import { isIP } from 'node:net'
import type { V1Node, V1Pod, V1Service } from '@kubernetes/client-node'

/** One entry of `status.loadBalancer.ingress`. */
export type LoadBalancerAddress = { readonly ip: string } | { readonly hostname: string }

/** Labels that differ between two revisions of one workload. */
const REVISION_LABELS = ['pod-template-hash', 'controller-revision-hash', 'pod-template-generation']
/** RFC 1123, as the API server demands of a hostname in a status. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

/** From `--publish-status-address`: addresses and host names with commas between. Throws on one that is neither. */
export function parseAddresses(text: string): readonly LoadBalancerAddress[] {
  const parts = text.split(',').map((part) => part.trim())
  const wrong = parts.find((part) => part !== '' && isIP(part) === 0 && !HOSTNAME.test(part))
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is neither an IP address nor a host name`)
  return sorted(parts.filter((part) => part !== '').map(addressOf))
}

/** What a Service is reached by from outside the cluster, as far as it has been given anything. */
export function addressesOfService({ spec, status }: V1Service): readonly LoadBalancerAddress[] {
  const externalIps = spec?.externalIPs ?? []
  switch (spec?.type) {
    case 'ExternalName':
      return spec.externalName === undefined ? [] : [{ hostname: spec.externalName.replace(/\.$/, '') }]
    case 'LoadBalancer': {
      const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
      return sorted([...given, ...externalIps].filter((each) => each !== '').map(addressOf))
    }
    default: {
      const clusterIps = [spec?.clusterIP ?? ''].filter((ip) => isIP(ip) !== 0)
      return sorted((externalIps.length > 0 ? externalIps : clusterIps).map(addressOf))
    }
  }
}

/** The address of each node: the external one, or the internal where that is wanted or there is no other. */
export function addressesOfNodes(nodes: readonly V1Node[], useInternalIp: boolean): readonly LoadBalancerAddress[] {
  return sorted(
    nodes.flatMap(({ status }) => {
      const ofType = (type: string) => status?.addresses?.find((each) => each.type === type && each.address !== '')?.address
      const address = (useInternalIp ? undefined : ofType('ExternalIP')) ?? ofType('InternalIP')
      return address === undefined ? [] : [addressOf(address)]
    }),
  )
}

/** Selects the Pods of our workload, of any revision. Undefined when ours has no label to know others by. */
export function selectorOf(pod: V1Pod): string | undefined {
  const labels = Object.entries(pod.metadata?.labels ?? {}).filter(([name]) => !REVISION_LABELS.includes(name))
  return labels.length === 0 ? undefined : labels.map(([name, value]) => `${name}=${value}`).join(',')
}

/** Whether a Pod takes requests, and is not about to end. */
export function isReady({ metadata, status }: V1Pod): boolean {
  const isMarkedReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
  return isMarkedReady && status?.phase === 'Running' && metadata?.deletionTimestamp === undefined
}

/** Whether both say the same, in whatever order. */
export function sameAddresses(a: readonly LoadBalancerAddress[], b: readonly LoadBalancerAddress[]): boolean {
  return sorted(a).map(textOf).join() === sorted(b).map(textOf).join()
}

function addressOf(text: string): LoadBalancerAddress {
  return isIP(text) === 0 ? { hostname: text } : { ip: text }
}

function textOf(address: LoadBalancerAddress): string {
  return 'ip' in address ? address.ip : address.hostname
}

/** In one order, and each once. */
function sorted(addresses: readonly LoadBalancerAddress[]): readonly LoadBalancerAddress[] {
  const byText = new Map(addresses.map((address) => [textOf(address), address]))
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address)
}
