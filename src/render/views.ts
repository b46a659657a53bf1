/** Model → the views that templates print: what is decided here is how NGINX says it, never what is served. */

import type { HttpSettings } from '../model/http-settings.ts'
import type { LocationSettings } from '../model/location-settings.ts'
import { type Action, type Capabilities, hostKey, type Model, type Server, type Upstream } from '../model/model.ts'
import { httpAccessView, limitKeysOf } from './access.ts'
import type { DispatchedLocation } from './canaries.ts'
import { escapingView } from './escaping.ts'
import { type AuthLocationView, authLocationView } from './external-auth.ts'
import { forwardingView } from './forwarding.ts'
import { matchViewsOf } from './location-matches.ts'
import { locationView } from './locations.ts'
import { addressOf, endpointName, namedEndpoints, sessionGroup, sessionSchemeOf } from './sessions.ts'

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
  /** Connections that wait to be accepted; said once an address. */
  readonly backlog: number
}

/** A server whose locations say which backend each request gets. */
export type DispatchedServer = Server & { readonly locations: readonly DispatchedLocation[] }

/** The `server { }` of a host. */
export function serverView(server: DispatchedServer, http: HttpSettings, context: RenderContext) {
  const isDefault = server.host.kind === 'any'
  const strictTransportSecurity = server.tls?.keyPair !== undefined && http.tls.strictTransportSecurity !== undefined
  return {
    host: server.host,
    isDefault,
    listens: listensOf(http, context, isDefault),
    rejectsUnknownNames: isDefault && http.tls.rejectUnknownNames,
    strictTransportSecurity,
    hiddenHeaders: http.proxy.hiddenHeaders,
    locations: matchViewsOf(server.locations).map(([location, match]) => locationView(location, match, strictTransportSecurity, http)),
    externalAuths: externalAuthsOf(server, strictTransportSecurity, http),
  }
}

/** Each once, however many locations ask by it. */
function externalAuthsOf(server: Server, strictTransportSecurity: boolean, http: HttpSettings): readonly AuthLocationView[] {
  const auths = new Map(server.locations.flatMap(({ settings: { externalAuth: auth } }) => (auth === undefined ? [] : [[auth.name, auth]])))
  const hasCors = server.locations.some(({ settings }) => settings.cors !== undefined)
  return [...auths.values()].map((auth) => authLocationView(auth, { strictTransportSecurity, hasCors }, http))
}

/**
 * NGINX asks for 511, and what comes while workers are busy or replaced is dropped beyond that, to be tried again by the
 * client's kernel a second later. Linux caps it at net.core.somaxconn, whose default has been 4096 since 5.4.
 */
export const LISTEN_BACKLOG = 4096

/** What stands before the port, for each family of addresses that is listened on. */
export function listenFamilies(http: HttpSettings, context: RenderContext): readonly string[] {
  return listensOnIpv6(http, context) ? ['', '[::]:'] : ['']
}

/** Whether IPv6 is listened on beside IPv4. */
export function listensOnIpv6(http: HttpSettings, context: Pick<RenderContext, 'ipv6'>): boolean {
  return context.ipv6 && http.client.ipv6
}

function listensOf(http: HttpSettings, context: RenderContext, defaultServer: boolean): readonly ListenView[] {
  const families = listenFamilies(http, context)
  const http2 = http.client.http2 && !context.capabilities.http2Directive
  const common = { proxyProtocol: http.forwarding.proxyProtocol, defaultServer, backlog: LISTEN_BACKLOG }
  return [
    ...families.map((family) => ({ ...common, address: `${family}${http.httpPort}`, ssl: false, http2: false })),
    ...families.map((family) => ({ ...common, address: `${family}${http.httpsPort}`, ssl: true, http2 })),
  ]
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
  const auth = authRootView(model, context.root)
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
    access: httpAccessView(http),
    limits: http.limits,
    gzip: http.gzip && { ...http.gzip, types: http.gzip.types.length === 0 ? undefined : http.gzip.types },
    log: logSettingsView(http, context),
    ...forwardingView(http),
    ...auth,
    hasCors: asks(model, ({ cors }) => cors !== undefined),
    redirectsToOtherHosts: model.servers.some(({ locations }) => locations.some(({ action }) => isToOtherHost(action))),
    hasSessions: model.upstreams.some(({ balancing }) => balancing?.kind === 'sessions'),
    upstreamZoneSize: zoneSizeOf(model.upstreams),
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
    publicHttpPort: http.publicHttpPort,
    publicHttpsPort: http.publicHttpsPort,
    defaultKeyPair: http.defaultKeyPair,
    ...namesHashOf(model.servers),
    variablesHash: variablesHashOf(variableCount, limitKeysOf(model).length, auth.escaping?.pieces.length ?? 0),
  }
}

function isToOtherHost(action: Action): boolean {
  return action.kind === 'redirect' && action.to.kind === 'host'
}

function asks(model: Model, isAsked: (settings: LocationSettings) => boolean): boolean {
  return model.servers.some(({ locations }) => locations.some(({ settings }) => isAsked(settings)))
}

/** NGINX's own, of buckets that hold one or two: enough for the variables that a root file has without these. */
const LEAST_VARIABLES = 1024

/** Room for those that locations, limits and escapes add. Without it NGINX warns, and takes longer to find one. */
function variablesHashOf(shared: number, limitKeys: number, escapes: number) {
  // A key takes two variables, and an escape three.
  const added = shared + 2 * limitKeys + 3 * escapes
  return added === 0 ? undefined : { bucketSize: 256, maxSize: Math.max(LEAST_VARIABLES, nextPowerOfTwo(8 * added)) }
}

/** Bytes of shared memory for a resolved name: some thirty addresses at 2 KB each, of which NGINX takes one. */
const ZONE_BYTES_PER_NAME = 64 * 1024
/** NGINX takes less than half of it, and no more for an upstream. */
const ZONE_BYTES_PER_ENDPOINT = 2 * 1024
const LEAST_ZONE_BYTES = 1024 * 1024

/**
 * Of the zone in which workers share whose turn it is: without one each of them begins with the first endpoint, anew after
 * every reload, and the last ones of many see little. One for all, for one each would cost megabytes. NGINX maps it and uses
 * what it needs; it grows in powers of two, so that an endpoint more seldom changes it.
 */
export function zoneSizeOf(upstreams: readonly Pick<Upstream, 'endpoints'>[]): number {
  const endpoints = upstreams.flatMap((upstream) => upstream.endpoints)
  const names = endpoints.filter(({ kind }) => kind === 'name').length
  const bytes = names * ZONE_BYTES_PER_NAME + (upstreams.length + endpoints.length - names) * ZONE_BYTES_PER_ENDPOINT
  return Math.max(LEAST_ZONE_BYTES, nextPowerOfTwo(bytes))
}

function namesIn(model: Model): number {
  return model.upstreams.reduce((count, { endpoints }) => count + endpoints.filter(({ kind }) => kind === 'name').length, 0)
}

/**
 * What only external authentication needs, of which the root file says nothing where nobody asks for it: the escaped URI
 * takes variables, for which every request has a place (some 1 us of 33), and the cache two processes.
 */
function authRootView({ servers }: Model, root: string) {
  const auths = servers.flatMap(({ locations }) => locations.flatMap(({ settings: { externalAuth } }) => externalAuth ?? []))
  return {
    escaping: auths.length === 0 ? undefined : escapingView(),
    authCache: auths.some(({ cache }) => cache !== undefined) ? `${root}/temp/auth-cache` : undefined,
  }
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
  const sessions = balancing?.kind === 'sessions' ? balancing : undefined
  const scheme = sessions && sessionSchemeOf(sessions.by, capabilities)
  const group = sessions && scheme?.isByRoute === true ? sessionGroup(scheme, sessions.group) : undefined
  const isByHash = balancing?.kind === 'hash' || scheme?.isByRoute === false
  return {
    name,
    endpoints: endpoints.map((endpoint) => ({
      kind: endpoint.kind,
      address: endpoint,
      route: group && `${group}.${endpointName(endpoint)}`,
    })),
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
    keepAlive: upstream.keepAlive === 0 ? undefined : idleConnectionsOf(model.upstreams.length, upstream.keepAlive),
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

const LEAST_IDLE_CONNECTIONS = 32
const IDLE_CONNECTIONS_OF_ALL = 65_536

/**
 * Idle connections to an upstream that a worker keeps, `wanted` at most. NGINX reserves their memory, some 150 bytes each, when it reads
 * the configuration: 320 for each of 1,000 upstreams are 45 MB, and twice that during a reload. Sizes shrink in powers
 * of two, so that a new upstream seldom changes them.
 */
export function idleConnectionsOf(upstreams: number, wanted: number): number {
  const share = 2 ** Math.floor(Math.log2(IDLE_CONNECTIONS_OF_ALL / Math.max(1, upstreams)))
  return Math.min(wanted, Math.max(LEAST_IDLE_CONNECTIONS, share))
}

export function nextPowerOfTwo(number: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, number)))
}
