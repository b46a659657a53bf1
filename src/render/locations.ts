/** Locations → the views that templates/location.njk prints. */
import type { BackendTls } from '../model/backend-tls.ts'
import type { HttpSettings } from '../model/http-settings.ts'
import type { Action, BackendProtocol, Owner, RequestHeader, ServicePort } from '../model/model.ts'
import type { HostHeader } from '../model/values.ts'
import { accessHeaders } from './access.ts'
import type { Dispatch, DispatchedLocation } from './canaries.ts'
import { type ForwardedView, forwardedView } from './forwarding.ts'
import type { MatchView } from './location-matches.ts'
import { locationSettingsView } from './location-settings.ts'
import { type RedirectView, type RewriteView, redirectView, rewriteView } from './redirects.ts'
import { type ResponseHeadersView, responseHeadersView } from './response-headers.ts'
import type { SessionView } from './sessions.ts'

type LocationView = MatchView & {
  readonly owner: Owner | undefined
  readonly log: LogView | undefined
  /** Of plain http: the status, and the port of the URL. */
  readonly redirect: { readonly code: number; readonly port: number } | undefined
  readonly responseHeaders: ResponseHeadersView | undefined
  readonly pass: PassView | undefined
  readonly respond: number | undefined
  readonly rewrite: RewriteView | undefined
  readonly moved: RedirectView | undefined
  readonly movedByRewrite: RewriteView | undefined
  readonly canaries: readonly CanaryView[]
  /** Undefined where no backend has sessions. */
  readonly session: SessionView | undefined
  readonly sessionGroups: string | undefined
} & ReturnType<typeof locationSettingsView>

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
  /** Modules that canaries are passed by and the main backend is not. */
  readonly otherModules: readonly string[]
  readonly scheme: string
  readonly upstream: string
  readonly hasOwnHeaders: boolean
  readonly forwarded: ForwardedView
  readonly requestHeaders: readonly RequestHeader[]
  /** What the backend is told as the Host, where it is not what the client asked for. */
  readonly host: HostHeader | undefined
  readonly tls: BackendTls | undefined
  /** Where requests go that came over TLS, where it is elsewhere. */
  readonly overTls: { readonly scheme: string; readonly upstream: string } | undefined
}

/** The `location { }` of a path. */
export function locationView(
  location: DispatchedLocation,
  { modifier, path }: MatchView,
  strictTransportSecurity: boolean,
  http: HttpSettings,
): LocationView {
  const { action, dispatch } = location
  const setCookies = dispatch?.setCookies ?? []
  return {
    modifier,
    path,
    owner: location.owner,
    log: logView(location.owner, serviceOf(action)),
    redirect: location.redirectToHttps ? { code: http.redirectCode, port: http.publicHttpsPort } : undefined,
    ...locationSettingsView(location.settings, http),
    responseHeaders: responseHeadersView(location.settings, setCookies, strictTransportSecurity, http),
    pass: action.kind === 'proxy' ? passView(location, action, http) : undefined,
    respond: action.kind === 'respond' ? action.status : undefined,
    rewrite: action.kind === 'proxy' ? rewriteView(location.match, location.settings.rewrite) : undefined,
    moved: redirectView(action, http),
    movedByRewrite: action.kind === 'redirect' && action.to.kind === 'rewrite' ? rewriteView(location.match, action.to.target) : undefined,
    canaries: dispatch?.canaries.map((canary) => canaryView(canary, location.owner, setCookies.length > 0)) ?? [],
    session: setCookies.length === 0 ? undefined : dispatch?.main,
    sessionGroups: dispatch?.groups,
  }
}

function serviceOf(action: Action): ServicePort | undefined {
  if (action.kind === 'redirect') return undefined
  return action.kind === 'proxy' ? action.backend.service : action.service
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

type ProxyAction = Extract<Action, { readonly kind: 'proxy' }>

function passView({ settings, dispatch }: DispatchedLocation, { backend, backendOverTls }: ProxyAction, http: HttpSettings): PassView {
  const requestHeaders = [...backend.requestHeaders, ...accessHeaders(settings)]
  const takesAuthHeaders = settings.externalAuth !== undefined && settings.externalAuth.responseHeaders.length > 0
  const canaries = dispatch?.canaries.map((canary) => canary.backend) ?? []
  const { module } = PASS[backend.protocol]
  return {
    ...PASS[backend.protocol],
    otherModules: [...new Set(canaries.map(({ protocol }) => PASS[protocol].module))].filter((other) => other !== module),
    upstream: backend.upstream,
    hasOwnHeaders: requestHeaders.length > 0 || backend.host !== undefined || takesAuthHeaders,
    forwarded: forwardedView(http),
    requestHeaders,
    host: backend.host,
    tls: [backendOverTls ?? backend, ...canaries].find(({ tls }) => tls !== undefined)?.tls,
    overTls: backendOverTls && { scheme: PASS[backendOverTls.protocol].scheme, upstream: backendOverTls.upstream },
  }
}
