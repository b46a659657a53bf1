/** What holds for every server. Sizes are in bytes, times in seconds; 0 is no limit where it makes sense as one. */
import type { LimitStatuses } from './limits.ts'
import type { LogFormat } from './log-format.ts'
import type { TlsCipher, TlsCurve, TlsProtocol } from './tls-settings.ts'
import type { Cidr, GeneratedName, HeaderName, MediaType, PortNumber } from './values.ts'

export type HttpSettings = {
  readonly httpPort: PortNumber
  readonly httpsPort: PortNumber
  /** The ports that clients see, which redirects and X-Forwarded-Port carry. */
  readonly publicHttpPort: PortNumber
  readonly publicHttpsPort: PortNumber
  readonly defaultKeyPair: GeneratedName
  readonly redirectCode: number
  readonly workers: WorkerSettings
  readonly client: ClientSettings
  readonly forwarding: ForwardingSettings
  readonly access: AccessSettings
  readonly limits: LimitStatuses
  readonly tls: TlsSettings
  readonly proxy: ProxySettings
  readonly upstream: UpstreamSettings
  readonly gzip: GzipSettings | undefined
  readonly log: LogSettings
}

export type WorkerSettings = {
  /** Undefined for one a CPU. */
  readonly processes: number | undefined
  /** Most connections and open files of a worker, as far as the machine allows; undefined for what it allows. */
  readonly connections: number
  readonly openFiles: number | undefined
  readonly multiAccept: boolean
  readonly shutdownTimeout: number
}

export type ClientSettings = {
  readonly maxBodySize: number
  readonly bodyBufferSize: number
  readonly bodyTimeout: number
  readonly headerBufferSize: number
  readonly headerTimeout: number
  readonly largeHeaderBuffers: { readonly number: number; readonly size: number }
  readonly underscoresInHeaders: boolean
  readonly keepAlive: number
  readonly keepAliveRequests: number
  readonly http2: boolean
  readonly http2Streams: number
  readonly ipv6: boolean
  /** Whether a request gets an ID when it brings none. */
  readonly generateRequestId: boolean
  readonly serverTokens: boolean
}

/** What is believed of what stands before us. */
export type ForwardingSettings = {
  /** Every connection begins with the PROXY protocol's header. */
  readonly proxyProtocol: boolean
  /** The header that names the client, from these networks; undefined where the connection does. */
  readonly realIp: { readonly header: HeaderName; readonly from: readonly Cidr[] } | undefined
  /** Whether X-Forwarded-Proto, -Host and -Port of those networks are believed too. */
  readonly trustsForwarded: boolean
  /** Whether X-Forwarded-For grows rather than starting anew. */
  readonly fullForwardedFor: boolean
}

export type AccessSettings = {
  /** Clients that are let in, undefined for all, where a location does not say otherwise. */
  readonly allowed: readonly Cidr[] | undefined
  /** Clients that are not, where a location does not say otherwise. */
  readonly denied: readonly Cidr[]
  /** Clients that are not, whatever else is said. */
  readonly blocked: readonly Cidr[]
}

export type TlsSettings = {
  readonly protocols: readonly TlsProtocol[]
  readonly ciphers: readonly TlsCipher[]
  /** Undefined for NGINX's own. */
  readonly curves: readonly TlsCurve[] | undefined
  /** Undefined for no cache. */
  readonly sessionCacheSize: number | undefined
  readonly sessionTimeout: number
  readonly sessionTickets: boolean
  /** Whether a handshake that names no server of ours is refused. */
  readonly rejectUnknownNames: boolean
  readonly strictTransportSecurity: StrictTransportSecurity | undefined
}

/** RFC 6797 section 6.1. */
export type StrictTransportSecurity = { readonly maxAge: number; readonly includeSubDomains: boolean; readonly preload: boolean }

/** Words of `proxy_next_upstream` that every supported NGINX knows, for gRPC too. */
export const nextUpstreamWords = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
] as const
export type NextUpstream = (typeof nextUpstreamWords)[number]

export type ProxySettings = {
  readonly connectTimeout: number
  readonly readTimeout: number
  readonly sendTimeout: number
  readonly buffering: boolean
  readonly bufferSize: number
  readonly buffersNumber: number
  readonly nextUpstream: readonly NextUpstream[]
  readonly nextUpstreamTimeout: number
  readonly nextUpstreamTries: number
  readonly hiddenHeaders: readonly HeaderName[]
}

export type UpstreamSettings = {
  readonly method: 'round-robin' | 'least-conn'
  readonly keepAlive: number
  readonly keepAliveTimeout: number
  readonly keepAliveRequests: number
  readonly keepAliveTime: number
  /** Whether names are resolved to IPv6 addresses too. */
  readonly resolvesIpv6: boolean
}

export type GzipSettings = { readonly level: number; readonly minLength: number; readonly types: readonly MediaType[] }

export type LogSettings = {
  readonly format: LogFormat
  readonly escape: 'default' | 'json' | 'none'
  readonly access: boolean
  /** Request URIs that are not logged. */
  readonly skippedUris: readonly string[]
  readonly errorLevel: string
}
