/** The backend that an Ingress names → the action of a location, and the upstream behind it. */
import type { BackendPatch, UpstreamPatch } from '../annotations/patch.ts'
import { spelledUnder } from '../annotations/prefixes.ts'
import { type Ingress, type IngressBackend, keyOf, type Service, type ServicePortSpec } from '../cluster/objects.ts'
import type { BackendTls } from '../model/backend-tls.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import type { Action, BackendProtocol, Endpoint, PathMatch, ServicePort, Upstream } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import {
  fillHostTemplate,
  type GeneratedName,
  type HostHeader,
  mustParse,
  type Parsed,
  type PortNumber,
  parseGeneratedName,
  parseHeaderName,
  parsePort,
  parseServiceName,
} from '../model/values.ts'
import type { Options } from '../options.ts'
import { termsFor } from './backend-tls.ts'
import { balancingOf, sessionCookieOf } from './balancing.ts'
import { type BackendRules, checkEndpoint, endpointsOf, externalEndpoint, findPort } from './endpoints.ts'
import type { Lookup } from './lookup.ts'

/** What the operator says of backends. */
export type BackendOptions = Pick<Options, 'serviceUpstream' | 'disableSvcExternalName'>

export type ResolvedBackend = { readonly action: Action; readonly upstream: Upstream | undefined; readonly issues: readonly Issue[] }

/** Who asks for a backend: the Ingress and the field, or nobody for the controller's own default backend. */
export type Asker = {
  readonly namespace: string
  readonly ingress: Ingress | undefined
  readonly field: string
  /** What the annotations of the Ingress ask for the upstream. */
  readonly patch: UpstreamPatch
  /** What they ask of the way to it. */
  readonly backend?: BackendPatch | undefined
  readonly tls?: BackendTls | undefined
  /** The path it is for, for the cookie of its sessions. */
  readonly match?: PathMatch
  /** Without endpoints, a canary leaves all requests to the main backend. */
  readonly isCanary?: boolean
}

/** The echo reads from this header which Service was chosen. */
export const ECHO_HEADER = 'X-Nginx-Ts-Echo'

/** Finds the Service, its port and its endpoints. What is missing is answered with 503 and an Issue. */
export function resolveBackend(
  backend: IngressBackend,
  asker: Asker,
  lookup: Lookup,
  options: BackendOptions,
  rules: BackendRules,
): ResolvedBackend {
  function refuse(code: IssueCode, say: (meanwhile: string) => string, others: readonly Issue[] = []): ResolvedBackend {
    const { meanwhile, ...standIn } = standInFor(backend, asker, rules)
    return { ...standIn, issues: [...others, issue(code, asker.ingress, { field: asker.field, message: say(meanwhile) })] }
  }
  if (backend.kind === 'resource')
    return refuse('backend-not-supported', (meanwhile) => `a backend of kind ${backend.resource} is not served; ${meanwhile}`)
  const name = parseServiceName(backend.name)
  if (!name.ok)
    return refuse('backend-not-found', (meanwhile) => `the Service's name ${JSON.stringify(backend.name)} ${name.reason}; ${meanwhile}`)
  const described = `Service ${asker.namespace}/${backend.name}`
  const service = lookup.service(keyOf(asker.namespace, backend.name))
  if (service === undefined) return refuse('backend-not-found', (meanwhile) => `${described} does not exist; ${meanwhile} until it does`)
  if (service.type === 'ExternalName' && options.disableSvcExternalName)
    return refuse(
      'backend-not-supported',
      (meanwhile) => `${described} is an ExternalName, which --disable-svc-external-name forbids; ${meanwhile}`,
    )
  const port = findPort(service, backend.port)
  if (port === undefined)
    return refuse(
      'backend-port-not-found',
      (meanwhile) => `${described} has no TCP port ${backend.port ?? '(none given)'}; ${meanwhile} until it has`,
    )
  const number = parsePort(port.port)
  if (!number.ok) return refuse('backend-port-not-found', (meanwhile) => `port ${port.port} of ${described} ${number.reason}; ${meanwhile}`)

  const found = placesOf(service, port, number.value, asker, lookup, options, rules)
  if (!found.ok) return refuse('backend-not-supported', (meanwhile) => `${described} ${found.reason}; ${meanwhile}`)
  const { endpoints, issues } = found
  if (endpoints.length === 0) {
    const wanted = backend.port ?? port.port
    return refuse('no-endpoints', (meanwhile) => `${described} has no ready endpoint for port ${wanted}; ${meanwhile} until it has`, issues)
  }
  const { protocol, unknown } = protocolOf(asker.backend?.protocol, port.appProtocol)
  const tls = asker.tls && isOverTls(protocol) ? termsFor(asker.tls, service) : undefined
  const told = [...issues]
  const tell = (code: IssueCode, message: string) => void told.push(issue(code, asker.ingress, { field: asker.field, message }))
  if (unknown !== undefined)
    tell('unknown-app-protocol', `appProtocol ${JSON.stringify(unknown)} of ${described} is unknown; HTTP/1.1 is spoken`)
  if (asker.tls !== undefined && tls === undefined)
    tell('backend-without-tls', `${described} is spoken to without TLS, see backend-protocol; annotations of proxy-ssl have no effect`)
  const connections = protocol === protocolOf(undefined, port.appProtocol).protocol && tls === undefined ? undefined : { protocol, tls }
  const nameFor = (ways: readonly (object | undefined)[]) => upstreamName(service, number.value, found.kind, ways)
  const balancing = balancingOf(asker.patch, endpoints, nameFor([]))
  const upstream: Upstream = {
    name: nameFor([connections, balancing]),
    endpoints,
    ...(balancing && { balancing }),
  }
  const servicePort = { name: name.value, port: String(number.value) }
  const host = hostOf(asker, service, servicePort.port)
  if (host?.ok === false)
    told.push(
      issue('invalid-annotation', asker.ingress, {
        // A canary has it from its main Ingress.
        ...(asker.ingress && !asker.isCanary && { annotation: spelledUnder(asker.ingress.annotations, 'upstream-vhost') }),
        field: asker.field,
        message: `what upstream-vhost makes of ${described} ${host.reason}; it has no effect there`,
      }),
    )
  const session =
    balancing?.kind === 'sessions'
      ? { by: balancing.by, group: balancing.group, cookie: sessionCookieOf(asker.patch, asker.match) }
      : undefined
  return {
    action: {
      kind: 'proxy',
      backend: {
        upstream: upstream.name,
        protocol,
        service: servicePort,
        requestHeaders: [],
        host: host?.ok ? host.value : undefined,
        tls,
        ...(session && { session }),
      },
    },
    upstream,
    issues: told,
  }
}

/** The Host that the annotations ask for; a template that is one for most Services may be none for this. */
function hostOf({ backend }: Asker, service: Service, port: string): Parsed<HostHeader> | undefined {
  if (backend?.host === undefined) return undefined
  return fillHostTemplate(backend.host, { service_name: service.name, namespace: service.namespace, service_port: port })
}

type Places =
  | {
      readonly ok: true
      readonly kind: 'endpoints' | 'cluster-ip'
      readonly endpoints: readonly Endpoint[]
      readonly issues: readonly Issue[]
    }
  | { readonly ok: false; readonly reason: string }

/** Where a Service's requests go: to the name it stands for, to its own address, or to its endpoints. */
function placesOf(
  service: Service,
  port: ServicePortSpec,
  number: PortNumber,
  asker: Asker,
  lookup: Lookup,
  options: BackendOptions,
  rules: BackendRules,
): Places {
  if (service.type === 'ExternalName') {
    const external = externalEndpoint(service, number, rules)
    return external.ok ? { ok: true, kind: 'endpoints', endpoints: [external.endpoint], issues: [] } : external
  }
  const behind = () => {
    const { endpoints, refusals } = endpointsOf(lookup.endpointSlices(keyOf(service.namespace, service.name)), port, rules)
    const issues = refusals.map((message) => issue('invalid-endpoint', asker.ingress, { field: asker.field, message }))
    return { endpoints, issues }
  }
  if (!wantsClusterIp(asker, options)) return { ok: true, kind: 'endpoints', ...behind() }
  const address = checkEndpoint(service.clusterIP ?? '', number, rules)
  if (address.ok) return { ok: true, kind: 'cluster-ip', endpoints: [address.endpoint], issues: [] }
  const { endpoints, issues } = behind()
  const message = `Service ${service.namespace}/${service.name} has no cluster IP that service-upstream could send to; requests go to its endpoints`
  return {
    ok: true,
    kind: 'endpoints',
    endpoints,
    issues: [...issues, issue('no-cluster-ip', asker.ingress, { field: asker.field, message })],
  }
}

function wantsClusterIp({ patch }: Asker, options: BackendOptions): boolean {
  return patch.service?.byClusterIp ?? options.serviceUpstream
}

/** What answers in place of a backend, and the words for it: the echo where it can, else 503, or 404 for the default backend. */
type StandIn = Pick<ResolvedBackend, 'action' | 'upstream'> & { readonly meanwhile: string }

function standInFor(backend: IngressBackend, asker: Asker, rules: BackendRules): StandIn {
  const service = servicePortOf(backend)
  if (asker.isCanary === true)
    return { action: { kind: 'respond', status: 503, service }, upstream: undefined, meanwhile: 'the main backend gets all requests' }
  if (rules.echoSocket === undefined || service === undefined) {
    // What no rule matches is not found, whether or not the controller's default backend is there to say so.
    const status = asker.ingress === undefined ? 404 : 503
    return { action: { kind: 'respond', status, service }, upstream: undefined, meanwhile: `requests get ${status}` }
  }
  const upstream: Upstream = { name: ECHO_UPSTREAM, endpoints: [{ kind: 'unix', path: rules.echoSocket }] }
  const chosen = JSON.stringify({ namespace: asker.namespace, service: service.name, port: service.port })
  const requestHeaders = [{ name: mustParse(parseHeaderName(ECHO_HEADER)), value: chosen }]
  return {
    action: { kind: 'proxy', backend: { upstream: upstream.name, protocol: 'http', service, requestHeaders } },
    upstream,
    meanwhile: 'the echo answers requests',
  }
}

export const ECHO_UPSTREAM = mustParse(parseGeneratedName('echo'))

function servicePortOf(backend: IngressBackend): ServicePort | undefined {
  if (backend.kind === 'resource') return undefined
  const name = parseServiceName(backend.name)
  const port = String(backend.port ?? '')
  return name.ok && /^[a-z0-9-]{0,15}$/.test(port) ? { name: name.value, port } : undefined
}

/** Standard names: https://kubernetes.io/docs/reference/networking/service-protocols/ and IANA's. */
const APP_PROTOCOLS: ReadonlyMap<string, BackendProtocol> = new Map([
  ['http', 'http'],
  ['tcp', 'http'],
  ['ws', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['https', 'https'],
  ['wss', 'https'],
  ['kubernetes.io/wss', 'https'],
  ['grpc', 'grpc'],
  ['h2c', 'grpc'],
  ['http2', 'grpc'],
  ['kubernetes.io/h2c', 'grpc'],
  ['grpcs', 'grpcs'],
])

/** What the annotation says comes before what the Service port says: it is the more explicit one. */
function protocolOf(
  asked: BackendPatch['protocol'],
  appProtocol: string | undefined,
): { readonly protocol: BackendProtocol; readonly unknown: string | undefined } {
  if (asked !== undefined && asked !== 'as-client') return { protocol: asked, unknown: undefined }
  if (appProtocol === undefined) return { protocol: 'http', unknown: undefined }
  const protocol = APP_PROTOCOLS.get(appProtocol.toLowerCase())
  return { protocol: protocol ?? 'http', unknown: protocol === undefined ? appProtocol : undefined }
}

function isOverTls(protocol: BackendProtocol): boolean {
  return protocol === 'https' || protocol === 'grpcs'
}

/**
 * One upstream a Service port, one more where some go by its cluster IP, one for each way of balancing that some ask for,
 * and one for each other way to speak to it: NGINX keeps connections by upstream and address alone, and would send a
 * request over one that was opened without TLS, with another client certificate, or without a look at the backend's. The
 * hash comes first: NGINX compares a new name with all others, and names that differ in their first bytes take half the
 * time. The parts are joined by a character that none of them can have.
 */
function upstreamName(
  service: Service,
  port: number,
  kind: 'endpoints' | 'cluster-ip',
  ways: readonly (object | undefined)[],
): GeneratedName {
  const others = ways.map((way) => (way === undefined ? '' : `/${JSON.stringify(way)}`)).join('')
  const suffix = `${kind === 'cluster-ip' ? '/cluster-ip' : ''}${others}`
  const hash = shortHash(`${service.namespace}/${service.name}/${port}${suffix}`, 12)
  return mustParse(parseGeneratedName(`${hash}_${service.name}_${port}`))
}
