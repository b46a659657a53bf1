/** A Service and its port → where connections to it go. */
import ipaddr from 'ipaddr.js'
import type { EndpointSlice, Service, ServicePortSpec } from '../cluster/objects.ts'
import type { Endpoint } from '../model/model.ts'
import { type PortNumber, parseIpAddress, parsePort } from '../model/values.ts'
import { parseExternalName } from './external-name.ts'

/** Where the endpoints of a source may be, and what stands in for a Service without any. */
export type BackendRules = {
  readonly allowLoopback: boolean
  /** Path of the unix socket of the echo, which answers in place of missing endpoints. */
  readonly echoSocket: string | undefined
  /** Whether NGINX can resolve a name for as long as it runs. */
  readonly canResolveNames: boolean
}

/** As Services and EndpointSlices spell it. */
export type TransportProtocol = 'TCP' | 'UDP'

/** By name, by number, or, as ingress-nginx allows, by a target port's number; without any, the only or first port. */
export function findPort(
  service: Service,
  wanted: string | number | undefined,
  protocol: TransportProtocol = 'TCP',
): ServicePortSpec | undefined {
  const ports = service.ports.filter((port) => port.protocol === protocol)
  // A Service that stands for a name need not list any port: the number that is asked for is the port of that name.
  if (service.type === 'ExternalName' && typeof wanted === 'number' && !ports.some(({ port }) => port === wanted))
    return { name: undefined, port: wanted, targetPort: undefined, protocol, appProtocol: undefined }
  if (wanted === undefined) return ports[0]
  if (typeof wanted === 'string') return ports.find((port) => port.name === wanted)
  return ports.find((port) => port.port === wanted) ?? ports.find((port) => port.targetPort === wanted)
}

export type FoundEndpoints = {
  readonly endpoints: readonly Endpoint[]
  /** What is wrong with others, a sentence for each slice: a thousand endpoints must not become a thousand Issues. */
  readonly refusals: readonly string[]
}

/**
 * The endpoints that take connections: the ready ones, and where there is none, those that still serve while terminating
 * (KEP-1669). A slice names the port as the Service does.
 */
export function endpointsOf(slices: readonly EndpointSlice[], port: ServicePortSpec, rules: BackendRules): FoundEndpoints {
  const ready = new Map<string, Endpoint>()
  const terminating = new Map<string, Endpoint>()
  const refusals: string[] = []
  for (const slice of slices) {
    const reasons: string[] = []
    const ports = slice.ports.filter((one) => (one.name ?? '') === (port.name ?? '') && (one.protocol ?? 'TCP') === port.protocol)
    for (const { port: targetPort } of ports) {
      for (const endpoint of slice.endpoints) {
        const chosen = endpoint.ready ? ready : endpoint.serving && endpoint.terminating ? terminating : undefined
        if (chosen === undefined || targetPort === undefined) continue
        // The addresses of one endpoint are fungible and clients use the first: EndpointSlice API reference.
        const [address = ''] = endpoint.addresses
        const checked = checkEndpoint(address, targetPort, rules)
        if (checked.ok) chosen.set(`${address} ${targetPort}`, checked.endpoint)
        else reasons.push(checked.reason)
      }
    }
    refusals.push(...refusalsOf(slice, reasons))
  }
  const chosen = ready.size > 0 ? ready : terminating
  return { endpoints: [...chosen.keys()].sort().flatMap((key) => chosen.get(key) ?? []), refusals }
}

function refusalsOf(slice: EndpointSlice, reasons: readonly string[]): readonly string[] {
  const [first] = reasons
  if (first === undefined) return []
  const leftOut = reasons.length === 1 ? 'the endpoint is left out' : `it and ${reasons.length - 1} more endpoints are left out`
  return [`EndpointSlice ${slice.namespace}/${slice.name}: ${first}; ${leftOut}`]
}

export type CheckedEndpoint = { readonly ok: true; readonly endpoint: Endpoint } | { readonly ok: false; readonly reason: string }

/** Addresses that lead to this host, to its neighbours or to no single host, which no Pod has. */
const FORBIDDEN_RANGES: ReadonlySet<string> = new Set(['unspecified', 'broadcast', 'multicast', 'linkLocal', 'loopback'])

/** Whether an address and a port may be sent to. */
export function checkEndpoint(address: string, port: number, rules: BackendRules): CheckedEndpoint {
  const parsedAddress = parseIpAddress(address)
  if (!parsedAddress.ok) return { ok: false, reason: `address ${JSON.stringify(address)} ${parsedAddress.reason}` }
  const range = ipaddr.process(address).range()
  if (FORBIDDEN_RANGES.has(range) && !(rules.allowLoopback && range === 'loopback'))
    return { ok: false, reason: `address ${address} is ${range}, which is not allowed` }
  const parsedPort = parsePort(port)
  if (!parsedPort.ok) return { ok: false, reason: `port ${port} ${parsedPort.reason}` }
  return { ok: true, endpoint: { kind: 'tcp', address: parsedAddress.value, port: parsedPort.value } }
}

/** What a Service of type ExternalName stands for. */
export function externalEndpoint(service: Service, port: PortNumber, rules: BackendRules): CheckedEndpoint {
  const shown = JSON.stringify(service.externalName ?? '')
  const name = parseExternalName(service.externalName ?? '')
  if (!name.ok) return { ok: false, reason: `stands for ${shown}, which ${name.reason}` }
  if (name.value.kind === 'address') {
    const checked = checkEndpoint(name.value.address, port, rules)
    return checked.ok ? checked : { ok: false, reason: `stands for ${shown}: ${checked.reason}` }
  }
  if (!rules.canResolveNames)
    return { ok: false, reason: `stands for ${shown}, and this NGINX (before 1.27.3, or without a DNS server) cannot follow a name` }
  return { ok: true, endpoint: { kind: 'name', name: name.value.name, port } }
}
