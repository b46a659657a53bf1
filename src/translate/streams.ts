/** The ConfigMaps of TCP and UDP services → what NGINX passes on without a look into it. A bad entry costs only itself. */
import { type ConfigMap, keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import type { Endpoint, Upstream } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import type { StreamProtocol, StreamService, StreamSettings, Streams } from '../model/streams.ts'
import { mustParse, type PortNumber, parseGeneratedName, parseObjectName, parsePort } from '../model/values.ts'
import type { Options } from '../options.ts'
import { type BackendRules, endpointsOf, externalEndpoint, findPort, type TransportProtocol } from './endpoints.ts'
import { parseStreamEntry, parseStreamPort, type StreamEntry } from './stream-entries.ts'

export type StreamRules = BackendRules & {
  /** Whether NGINX has the module for it. */
  readonly hasStreamModule: boolean
}

/** Services of one protocol. Each is a socket, or two, that every worker holds. */
export const MOST_STREAM_SERVICES = 500

const TRANSPORT: Readonly<Record<StreamProtocol, TransportProtocol>> = { tcp: 'TCP', udp: 'UDP' }

/** What the ConfigMaps that flags name ask for. */
export function streamsOf(
  state: ClusterState,
  options: Options,
  rules: StreamRules,
): { readonly streams: Streams; readonly issues: readonly Issue[] } {
  const found = [
    servicesOf('tcp', options.tcpServicesConfigmap, state, options, rules),
    servicesOf('udp', options.udpServicesConfigmap, state, options, rules),
  ]
  return {
    streams: { settings: streamSettingsOf(options), services: found.flatMap(({ services }) => services) },
    issues: found.flatMap(({ issues }) => issues),
  }
}

type FoundServices = { readonly services: readonly StreamService[]; readonly issues: readonly Issue[] }

function servicesOf(
  protocol: StreamProtocol,
  named: Options['tcpServicesConfigmap'],
  state: ClusterState,
  options: Options,
  rules: StreamRules,
): FoundServices {
  if (named === undefined) return { services: [], issues: [] }
  const configMap = state.configMaps.get(keyOf(named.namespace, named.name))
  if (configMap === undefined) {
    const message = `the ConfigMap does not exist; there are no ${TRANSPORT[protocol]} services until it does`
    const field = `--${protocol}-services-configmap`
    return { services: [], issues: [issue('configmap-not-found', { kind: 'ConfigMap', ...named }, { field, message })] }
  }
  const issues: Issue[] = []
  const services: StreamService[] = []
  for (const [key, value] of Object.entries(configMap.data).sort(byPort)) {
    const tell = (code: IssueCode, message: string) => void issues.push(issue(code, configMap, { field: `data.${key}`, message }))
    const service = serviceOf({ protocol, key, value, configMap, tell }, state, options, rules)
    if (service === undefined) continue
    if (services.length < MOST_STREAM_SERVICES) services.push(service)
    else tell('invalid-stream-service', `there are ${MOST_STREAM_SERVICES} services before this one, which are the most; it is left out`)
  }
  return { services, issues }
}

function byPort([a]: readonly [string, string], [b]: readonly [string, string]): number {
  const difference = (Number(a) || 0) - (Number(b) || 0)
  return difference || (a < b ? -1 : 1)
}

type GivenEntry = {
  readonly protocol: StreamProtocol
  readonly key: string
  readonly value: string
  readonly configMap: ConfigMap
  readonly tell: (code: IssueCode, message: string) => void
}

function serviceOf(given: GivenEntry, state: ClusterState, options: Options, rules: StreamRules): StreamService | undefined {
  const { protocol, key, value, configMap, tell } = given
  const port = parseStreamPort(key)
  const entry = parseStreamEntry(value)
  const refuse = (reason: string) => {
    tell('invalid-stream-service', `${reason}; the service is left out`)
    return undefined
  }
  if (!port.ok) return refuse(`${JSON.stringify(key)} ${port.reason}`)
  if (!entry.ok) return refuse(`${JSON.stringify(value)} ${entry.reason}`)
  const own = protocol === 'tcp' ? OWN_PORTS.find((name) => options[name] === port.value) : undefined
  if (own !== undefined) return refuse(`port ${port.value} is where ${own === 'httpPort' ? 'http' : 'https'} is served`)
  if (!rules.hasStreamModule) {
    tell('stream-not-supported', `port ${port.value} is not served: this NGINX has no stream module with real addresses`)
    return undefined
  }
  const upstream = upstreamOf(protocol, entry.value, state, options, rules, tell)
  if (upstream === undefined) return undefined
  if (protocol === 'udp' && (entry.value.proxyProtocol.accepted || entry.value.proxyProtocol.sent))
    tell('stream-proxy-protocol', 'the PROXY protocol is for TCP only; datagrams are passed on without it')
  return {
    protocol,
    port: port.value,
    upstream,
    proxyProtocol: protocol === 'tcp' ? entry.value.proxyProtocol : { accepted: false, sent: false },
    service: { namespace: entry.value.namespace, name: entry.value.service, port: String(entry.value.port) },
    owner: { namespace: mustParse(parseObjectName(configMap.namespace)), configMap: mustParse(parseObjectName(configMap.name)) },
  }
}

const OWN_PORTS = ['httpPort', 'httpsPort'] as const

/** Undefined, and said why, where there is nothing to connect to: the port is not listened on then, so that clients and balancers see it. */
function upstreamOf(
  protocol: StreamProtocol,
  { namespace, service: name, port: wanted }: StreamEntry,
  state: ClusterState,
  options: Options,
  rules: StreamRules,
  tell: GivenEntry['tell'],
): Upstream | undefined {
  const transport = TRANSPORT[protocol]
  const described = `Service ${namespace}/${name}`
  const refuse = (code: IssueCode, reason: string) => {
    tell(code, `${described} ${reason}; the port is not listened on until it does`)
    return undefined
  }
  const service = state.services.get(keyOf(namespace, name))
  if (service === undefined) return refuse('backend-not-found', 'does not exist')
  const port = findPort(service, wanted, transport)
  const number = parsePort(port?.port ?? 0)
  if (port === undefined || !number.ok) return refuse('backend-port-not-found', `has no ${transport} port ${wanted}`)

  let endpoints: readonly Endpoint[]
  if (service.type === 'ExternalName') {
    const external = options.disableSvcExternalName
      ? ({ ok: false, reason: 'is an ExternalName, which --disable-svc-external-name forbids' } as const)
      : externalEndpoint(service, number.value, rules)
    if (!external.ok) {
      tell('backend-not-supported', `${described} ${external.reason}; the port is not listened on`)
      return undefined
    }
    endpoints = [external.endpoint]
  } else {
    const found = endpointsOf(state.endpointSlices.get(keyOf(namespace, name)) ?? [], port, rules)
    for (const message of found.refusals) tell('invalid-endpoint', message)
    endpoints = found.endpoints
  }
  if (endpoints.length === 0) return refuse('no-endpoints', `has no ready endpoint for ${transport} port ${wanted}`)
  return { name: upstreamName(protocol, service, number.value), endpoints }
}

function upstreamName(protocol: StreamProtocol, { namespace, name }: { namespace: string; name: string }, port: PortNumber) {
  return mustParse(parseGeneratedName(`${shortHash(`${protocol}/${namespace}/${name}/${port}`, 12)}_${name}_${port}`))
}

function streamSettingsOf(options: Options): StreamSettings {
  return {
    connectTimeout: options.proxyConnectTimeout,
    timeout: options.proxyStreamTimeout,
    nextUpstream: options.proxyStreamNextUpstream,
    nextUpstreamTimeout: options.proxyStreamNextUpstreamTimeout,
    nextUpstreamTries: options.proxyStreamNextUpstreamTries,
    responses: options.proxyStreamResponses,
    proxyProtocolTimeout: options.proxyProtocolHeaderTimeout,
    realIpFrom: options.proxyRealIpCidr ?? [],
    log: { format: options.logFormatStream, access: !options.disableAccessLog && !options.disableStreamAccessLog },
  }
}
