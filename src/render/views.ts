/** Model → the views that templates print: what is decided here is how NGINX says it, never what is served. */

import type { HttpSettings } from '../model/http-settings.ts'
import {
  type Backend,
  type BackendProtocol,
  type Capabilities,
  hostKey,
  type Location,
  type Model,
  type Owner,
  type RequestHeader,
  type Server,
  type ServicePort,
  type Upstream,
} from '../model/model.ts'
import type { UriPath } from '../model/values.ts'
import { type Dispatch, dispatchOf } from './canaries.ts'
import { type ForwardedView, forwardedView, forwardingView } from './forwarding.ts'
import { locationSettingsView } from './location-settings.ts'
import { addressOf, endpointName, namedEndpoints, type SessionView, sessionGroup, sessionSchemeOf } from './sessions.ts'
import type { VariableBlock } from './variables.ts'

/** A DNS server; 53 is the port of all but a test's. */
export type NameServer = { readonly address: string; readonly port: number }

/** What the machine and the state directory add to a Model. */
export type RenderContext = {
  readonly capabilities: Capabilities
  /** Absolute path of the state directory. */
  readonly root: string
  /** Where access is logged: a path. */
  readonly accessLog: string
  /** Whether this host can listen on IPv6. */
  readonly ipv6: boolean
  /** DNS servers for names that are resolved while NGINX runs. */
  readonly nameServers: readonly NameServer[]
  /** Account of the workers, where the master runs as root. */
  readonly workerAccount: { readonly user: string; readonly group: string } | undefined
  /** CPUs, and the most connections and open files a worker can have. */
  readonly workerProcesses: number
  readonly workerConnections: number
  readonly workerOpenFiles: number
}

type ListenView = {
  readonly address: string
  readonly ssl: boolean
  readonly http2: boolean
  readonly proxyProtocol: boolean
  readonly defaultServer: boolean
}

type LocationView = {
  readonly modifier: '=' | '^~'
  readonly path: string
  readonly owner: Owner | undefined
  readonly log: LogView | undefined
  /** Of plain http: the status, and the port of the URL. */
  readonly redirect: { readonly code: number; readonly port: number } | undefined
  readonly proxy: ReturnType<typeof locationSettingsView>['proxy']
  readonly body: ReturnType<typeof locationSettingsView>['body']
  readonly pass: PassView | undefined
  readonly respond: number | undefined
  readonly canaries: readonly CanaryView[]
  /** Modules that canaries are passed by and the main backend is not. */
  readonly otherModules: readonly string[]
  /** Undefined where no backend has sessions. */
  readonly session: SessionView | undefined
  readonly sessionGroups: string | undefined
  readonly setCookies: readonly string[]
  /** Whether headers are set here, so that none is inherited. */
  readonly strictTransportSecurity: boolean
}

/** Where a request goes whose choice is this number. */
type CanaryView = {
  readonly variable: string
  readonly number: number
  readonly session: SessionView | undefined
  readonly upstreamName: string | undefined
  readonly module: string
  readonly scheme: string
  readonly upstream: string
}

/** What the log says of a location's requests. */
type LogView = {
  /** `namespace ingress service port`, each `-` where there is none. */
  readonly route: string
  /** `namespace-service-port`, as ingress-nginx calls an upstream. */
  readonly upstreamName: string | undefined
}

type PassView = {
  readonly module: string
  readonly scheme: string
  readonly upstream: string
  readonly hasOwnHeaders: boolean
  readonly forwarded: ForwardedView
  readonly requestHeaders: readonly RequestHeader[]
}

/** The `server { }` of a host. */
export function serverView(server: Server, http: HttpSettings, context: RenderContext) {
  const isDefault = server.host.kind === 'any'
  const exactPaths = new Set(server.locations.flatMap(({ match }) => (match.kind === 'exact' ? [match.path] : [])))
  const strictTransportSecurity = server.tls?.keyPair !== undefined && http.tls.strictTransportSecurity !== undefined
  return {
    host: server.host,
    isDefault,
    listens: listensOf(http, context, isDefault),
    rejectsUnknownNames: isDefault && http.tls.rejectUnknownNames,
    strictTransportSecurity,
    hiddenHeaders: http.proxy.hiddenHeaders,
    locations: [...server.locations, ...unredirected(server.locations)].flatMap((location) =>
      locationViews(location, exactPaths, http, dispatchOf(location, context.capabilities), strictTransportSecurity),
    ),
  }
}

/** The variables that a server's locations need. */
export function variablesOf(server: Server, { capabilities }: RenderContext): readonly VariableBlock[] {
  return server.locations.flatMap((location) => dispatchOf(location, capabilities)?.blocks ?? [])
}

/**
 * NGINX redirects `/foo` to a proxied `= /foo/` unless `/foo` has a location of its own: it gets one that does what the
 * longest prefix above it does.
 */
function unredirected(locations: readonly Location[]): readonly Location[] {
  const claimed = new Set(locations.map(({ match }) => match.path))
  return locations.flatMap(({ match }) => {
    const path = match.path.slice(0, -1) as UriPath
    if (match.kind !== 'exact' || !match.path.endsWith('/') || path === '' || claimed.has(path)) return []
    const above = longestPrefixAbove(path, locations)
    return above === undefined ? [] : [{ ...above, match: { kind: 'exact', path } }]
  })
}

function longestPrefixAbove(path: UriPath, locations: readonly Location[]): Location | undefined {
  return locations
    .filter(({ match }) => match.kind === 'prefix' && (match.path === '/' || path.startsWith(`${match.path}/`)))
    .reduce<Location | undefined>((longest, one) => (one.match.path.length > (longest?.match.path.length ?? 0) ? one : longest), undefined)
}

function listensOf(http: HttpSettings, context: RenderContext, defaultServer: boolean): readonly ListenView[] {
  const families = context.ipv6 && http.client.ipv6 ? ['', '[::]:'] : ['']
  const http2 = http.client.http2 && !context.capabilities.http2Directive
  const common = { proxyProtocol: http.forwarding.proxyProtocol, defaultServer }
  return [
    ...families.map((family) => ({ ...common, address: `${family}${http.httpPort}`, ssl: false, http2: false })),
    ...families.map((family) => ({ ...common, address: `${family}${http.httpsPort}`, ssl: true, http2 })),
  ]
}

/**
 * A prefix by segments takes two locations, `= /foo` and `^~ /foo/`: NGINX compares bytes, and a lone `/foo/` would
 * answer `/foo` with a redirect. `^~` keeps the longest prefix the winner whatever else is there.
 */
function locationViews(
  location: Location,
  exactPaths: ReadonlySet<string>,
  http: HttpSettings,
  dispatch: Dispatch | undefined,
  strictTransportSecurity: boolean,
): readonly LocationView[] {
  const { path, kind } = location.match
  const pass = location.action.kind === 'proxy' ? passView(location.action.backend, http) : undefined
  const setCookies = dispatch?.setCookies ?? []
  const canaries = dispatch?.canaries.map((canary) => canaryView(canary, location.owner, setCookies.length > 0)) ?? []
  const view = {
    owner: location.owner,
    log: logView(location.owner, location.action.kind === 'proxy' ? location.action.backend.service : location.action.service),
    redirect: location.redirectToHttps ? { code: http.redirectCode, port: http.publicHttpsPort } : undefined,
    ...locationSettingsView(location.settings, http),
    pass,
    respond: location.action.kind === 'respond' ? location.action.status : undefined,
    canaries,
    otherModules: [...new Set(canaries.map(({ module }) => module))].filter((module) => module !== pass?.module),
    session: setCookies.length === 0 ? undefined : dispatch?.main,
    sessionGroups: dispatch?.groups,
    setCookies,
    strictTransportSecurity: strictTransportSecurity && setCookies.length > 0,
  }
  if (kind === 'exact') return [{ ...view, modifier: '=', path }]
  if (path === '/') return [{ ...view, modifier: '^~', path }]
  const below: LocationView = { ...view, modifier: '^~', path: `${path}/` }
  return exactPaths.has(path) ? [below] : [{ ...view, modifier: '=', path }, below]
}

function logView(owner: Owner | undefined, service: ServicePort | undefined): LogView | undefined {
  if (owner === undefined && service === undefined) return undefined
  const namespace = owner?.namespace ?? '-'
  return {
    route: [namespace, owner?.ingress ?? '-', service?.name ?? '-', service?.port || '-'].join(' '),
    upstreamName: service && upstreamNameOf(owner, service),
  }
}

/** As ingress-nginx calls it in logs. */
function upstreamNameOf(owner: Owner | undefined, { name, port }: ServicePort): string {
  return `${owner?.namespace ?? '-'}-${name}-${port}`
}

function canaryView(
  { variable, number, backend, session }: Dispatch['canaries'][number],
  owner: Owner | undefined,
  hasSessions: boolean,
): CanaryView {
  return {
    variable,
    number,
    upstreamName: upstreamNameOf(owner, backend.service),
    ...PASS[backend.protocol],
    upstream: backend.upstream,
    session: hasSessions ? session : undefined,
  }
}

const PASS: Readonly<Record<BackendProtocol, { readonly module: string; readonly scheme: string }>> = {
  http: { module: 'proxy', scheme: 'http' },
  https: { module: 'proxy', scheme: 'https' },
  grpc: { module: 'grpc', scheme: 'grpc' },
  grpcs: { module: 'grpc', scheme: 'grpcs' },
}

function passView(backend: Backend, http: HttpSettings): PassView {
  return {
    ...PASS[backend.protocol],
    upstream: backend.upstream,
    hasOwnHeaders: backend.requestHeaders.length > 0,
    forwarded: forwardedView(http),
    requestHeaders: backend.requestHeaders,
  }
}

/** The root file. `shards` and `certificateShards` are the files it includes. */
export function rootView(
  model: Model,
  context: RenderContext,
  files: {
    readonly shards: readonly string[]
    readonly certificateShards: readonly string[]
    readonly hostShards: readonly string[]
    readonly variableShards: readonly string[]
    readonly endpointShards: readonly string[]
  },
  variableCount: number,
) {
  const { http } = model
  return {
    ...files,
    capabilities: context.capabilities,
    workerAccount: context.workerAccount,
    workerProcesses: http.workers.processes ?? context.workerProcesses,
    workerConnections: Math.min(http.workers.connections, context.workerConnections),
    workerOpenFiles: Math.min(http.workers.openFiles ?? context.workerOpenFiles, context.workerOpenFiles),
    workerShutdownTimeout: http.workers.shutdownTimeout,
    multiAccept: http.workers.multiAccept,
    client: http.client,
    http2Directive: http.client.http2 && context.capabilities.http2Directive,
    tls: http.tls,
    proxy: http.proxy,
    access: http.access,
    gzip: http.gzip && { ...http.gzip, types: http.gzip.types.length === 0 ? undefined : http.gzip.types },
    log: logSettingsView(http, context),
    ...forwardingView(http),
    resolver: resolverView(model, context),
    pidFile: `${context.root}/run/nginx.pid`,
    statusSocket: `${context.root}/run/status.sock`,
    tempPaths: {
      clientBody: `${context.root}/temp/client-body`,
      proxy: `${context.root}/temp/proxy`,
      fastcgi: `${context.root}/temp/fastcgi`,
      uwsgi: `${context.root}/temp/uwsgi`,
      scgi: `${context.root}/temp/scgi`,
    },
    httpPort: http.httpPort,
    publicHttpsPort: http.publicHttpsPort,
    defaultKeyPair: http.defaultKeyPair,
    ...namesHashOf(model.servers),
    variablesHashMaxSize: Math.max(LEAST_VARIABLES, nextPowerOfTwo(8 * variableCount)),
  }
}

/** NGINX's own, which holds its variables and those of the root file. */
const LEAST_VARIABLES = 1024

/** Bytes of shared memory for a resolved name: some thirty addresses at 2 KB each, of which NGINX takes one. */
const ZONE_BYTES_PER_NAME = 64 * 1024
const LEAST_ZONE_BYTES = 1024 * 1024

function namesIn(model: Model): number {
  return model.upstreams.reduce((count, { endpoints }) => count + endpoints.filter(({ kind }) => kind === 'name').length, 0)
}

function resolverView(model: Model, context: RenderContext) {
  if (namesIn(model) === 0) return undefined
  return { servers: context.nameServers, ipv6: context.ipv6 && model.http.upstream.resolvesIpv6 }
}

function logSettingsView({ log }: HttpSettings, context: RenderContext) {
  return {
    path: context.accessLog,
    format: log.format,
    escape: log.escape === 'default' ? undefined : log.escape,
    access: log.access,
    skippedUris: log.access && log.skippedUris.length > 0 ? log.skippedUris : undefined,
    errorLevel: log.errorLevel,
  }
}

/** The `upstream { }` of a Service port, and how an endpoint is chosen where that is not as for all. */
export function upstreamView(
  { name, endpoints, balancing }: Upstream,
  { upstream: { method } }: HttpSettings,
  { capabilities }: RenderContext,
) {
  const scheme = balancing?.kind === 'sessions' ? sessionSchemeOf(balancing.by, capabilities) : undefined
  const group = scheme?.isByRoute === true ? sessionGroup(scheme, name) : undefined
  const isByHash = balancing?.kind === 'hash' || scheme?.isByRoute === false
  return {
    name,
    endpoints: endpoints.map((endpoint) => ({
      kind: endpoint.kind,
      address: endpoint,
      route: group && `${group}.${endpointName(endpoint)}`,
    })),
    resolves: endpoints.some(({ kind }) => kind === 'name'),
    hash: balancing?.kind === 'hash' ? balancing.key : undefined,
    sessionHash: scheme?.isByRoute === false ? scheme.chosenBy : undefined,
    stickyRoute: scheme?.isByRoute === true ? scheme.chosenBy : undefined,
    leastConnections:
      balancing?.kind === 'least-connections' || (balancing?.kind !== 'round-robin' && !isByHash && method === 'least-conn'),
  }
}

/** Each endpoint that sessions go by, and its name in cookies. */
export function endpointNames(
  model: Model,
  { capabilities }: RenderContext,
): readonly { readonly address: string; readonly name: string }[] {
  return namedEndpoints(model.upstreams, capabilities).map((endpoint) => ({ address: addressOf(endpoint), name: endpointName(endpoint) }))
}

/** What every upstream has. */
export function upstreamSettingsView(model: Model) {
  const { upstream } = model.http
  return {
    // One zone for all: one each would cost megabytes. It grows in powers of two, so that a new name seldom changes it.
    zoneSize: Math.max(LEAST_ZONE_BYTES, nextPowerOfTwo(namesIn(model) * ZONE_BYTES_PER_NAME)),
    keepAlive: upstream.keepAlive === 0 ? undefined : upstream.keepAlive,
    keepAliveTimeout: upstream.keepAliveTimeout,
    keepAliveRequests: upstream.keepAliveRequests,
    keepAliveTime: upstream.keepAliveTime,
  }
}

/**
 * NGINX keeps host names in hash buckets, and one name too long for a bucket is an error for the whole configuration:
 * an entry takes the name, two bytes and a pointer, aligned, and a bucket ends with a pointer. Sizes grow in powers of
 * two, so that a new host seldom changes them.
 */
function namesHashOf(servers: readonly Server[]) {
  const longest = servers.reduce((most, { host }) => Math.max(most, hostKey(host).length), 0)
  return {
    namesHashBucketSize: Math.max(128, nextPowerOfTwo(longest + 32)),
    // A key of $backend_host has the name twice.
    mapHashBucketSize: Math.max(128, nextPowerOfTwo(2 * longest + 33)),
    namesHashMaxSize: Math.max(1024, nextPowerOfTwo(servers.length * 2)),
  }
}

export function nextPowerOfTwo(number: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, number)))
}
