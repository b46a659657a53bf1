/**
 * What NGINX is to serve, in NGINX's own nouns and free of Kubernetes' objects: the contract between translate, which
 * makes a Model from Ingresses, and render, which prints one.
 */
import type { BackendTls } from './backend-tls.ts'
import type { Balancing, SessionCookie, Sessions } from './balancing.ts'
import type { Canary } from './canary.ts'
import type { HttpSettings } from './http-settings.ts'
import type { ObjectRef } from './issue.ts'
import type { LimitZone } from './limits.ts'
import type { LocationSettings } from './location-settings.ts'
import type { Pattern } from './pattern.ts'
import type { RedirectStatus, RedirectTarget } from './redirect.ts'
import type { Streams } from './streams.ts'
import type { GeneratedName, HeaderName, HostHeader, IpAddress, ObjectName, PortNumber, ServerName, UriPath } from './values.ts'

export type Model = {
  readonly http: HttpSettings
  /** One a host, sorted by host; the first is the catch-all. */
  readonly servers: readonly Server[]
  readonly upstreams: readonly Upstream[]
  readonly keyPairs: readonly KeyPair[]
  readonly secretFiles: readonly SecretFile[]
  readonly limitZones: readonly LimitZone[]
  readonly streams: Streams
}

/** Which request hosts a server answers: one name, one label below a name, or all that no other server names. */
export type HostMatch =
  | { readonly kind: 'exact'; readonly name: ServerName }
  | { readonly kind: 'wildcard'; readonly parent: ServerName }
  | { readonly kind: 'any' }

/** As messages call it. */
export function describeHost(host: HostMatch): string {
  return hostKey(host) || 'any host'
}

/** The path, or the text of the expression. */
export function textOf(match: PathMatch): string {
  return match.kind === 'regex' ? match.pattern.text : match.path
}

/** A host as a text that sorts and compares: `shop.test`, `*.shop.test`, empty for the catch-all. */
export function hostKey(host: HostMatch): string {
  if (host.kind === 'any') return ''
  return host.kind === 'exact' ? host.name : `*.${host.parent}`
}

/** One `server { }`: a host and everything served under it. */
export type Server = {
  readonly host: HostMatch
  /** Oldest owner first, or, where any match is an expression, in the order in which they are tried; matches are distinct. */
  readonly locations: readonly Location[]
  readonly tls: TlsTermination | undefined
  /** Who answers when NGINX refuses it; each location names its own. */
  readonly owners: readonly ObjectRef[]
}

export type TlsTermination = {
  /** The pair to show, undefined for the default one. */
  readonly keyPair: GeneratedName | undefined
}

/**
 * How a request's path is matched, by Kubernetes' rules; a prefix goes by whole segments. An expression is matched at the
 * beginning and without case.
 */
export type PathMatch =
  | { readonly kind: 'exact'; readonly path: UriPath }
  | { readonly kind: 'prefix'; readonly path: UriPath }
  | { readonly kind: 'regex'; readonly pattern: Pattern }

/** One path of a host and what becomes of its requests. */
export type Location = {
  readonly match: PathMatch
  readonly owner: Owner | undefined
  /** Answers plain http with a redirect. */
  readonly redirectToHttps: boolean
  readonly settings: LocationSettings
  readonly action: Action
  /** Of a backend that is proxied to: others that get some of its requests, in the order in which they are asked. */
  readonly canaries?: readonly Canary[]
}

/** The Ingress that a location comes from; its names go into comments and log variables, hence vetted. */
export type Owner = { readonly namespace: ObjectName; readonly ingress: ObjectName }

export type Action =
  | {
      readonly kind: 'proxy'
      readonly backend: Backend
      /** For requests that came over TLS, where it is another. */
      readonly backendOverTls?: Backend | undefined
    }
  | { readonly kind: 'respond'; readonly status: 404 | 503; readonly service: ServicePort | undefined }
  | { readonly kind: 'redirect'; readonly status: RedirectStatus; readonly to: RedirectTarget }

export type BackendProtocol = 'http' | 'https' | 'grpc' | 'grpcs'

export type Backend = {
  readonly upstream: GeneratedName
  readonly protocol: BackendProtocol
  readonly service: ServicePort
  /** Set on the request beside the usual ones. */
  readonly requestHeaders: readonly RequestHeader[]
  /** What it is told as the Host; undefined for what the client asked for. */
  readonly host?: HostHeader | undefined
  /** Undefined for a backend without TLS, and for one to which nothing but TLS is asked for. */
  readonly tls?: BackendTls | undefined
  /** How clients keep their endpoint, where the upstream is balanced so, and the cookie that they are given. */
  readonly session?: { readonly by: Sessions; readonly group: GeneratedName; readonly cookie: SessionCookie }
}

/** Names the backend in logs; `port` is what the Ingress called it. */
export type ServicePort = { readonly name: ObjectName; readonly port: string }

export type RequestHeader = { readonly name: HeaderName; readonly value: string }

/** One `upstream { }`, never empty. */
export type Upstream = {
  readonly name: GeneratedName
  readonly endpoints: readonly Endpoint[]
  readonly balancing?: Balancing
}

export type Endpoint =
  | { readonly kind: 'tcp'; readonly address: IpAddress; readonly port: PortNumber }
  /** Resolved by NGINX, again and again, for as long as it runs. */
  | { readonly kind: 'name'; readonly name: ServerName; readonly port: PortNumber }
  | { readonly kind: 'unix'; readonly path: string }

/** A certificate chain with its private key, as one PEM text that NGINX reads. */
export type KeyPair = {
  /** Stable across renewals that keep the key, which then need no reload. */
  readonly name: GeneratedName
  readonly pem: string
}

/** A file that only NGINX may read. It never changes: its name is the hash of its text. */
export type SecretFile = { readonly name: GeneratedName; readonly text: string }

/** What the NGINX binary can do; templates ask for these, never for versions. */
export type Capabilities = {
  /** `http2 on;` in place of `listen … http2` (1.25.1). */
  readonly http2Directive: boolean
  /** `keepalive_min_timeout` (1.27.4): idle connections outlive a reload by this long. */
  readonly keepaliveMinTimeout: boolean
  /** `ssl_certificate_cache` (1.27.4). */
  readonly sslCertificateCache: boolean
  /** `server … resolve` in an upstream (1.27.3). */
  readonly resolvesNames: boolean
  /** `proxy_pass_trailers` (1.27.2). */
  readonly proxyPassTrailers: boolean
  /** `sticky route` in an upstream (1.29.6). */
  readonly stickyRoutes: boolean
  /** TCP and UDP; undefined without the module. */
  readonly stream: StreamModule | undefined
}

/** Where the stream module is: the path of its file, undefined where it is part of the binary. */
export type StreamModule = { readonly file: string | undefined }
