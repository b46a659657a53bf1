/** Locations → the views that templates/location.njk prints. */
import type { HttpSettings } from '../model/http-settings.ts'
import type { Action, Backend, BackendProtocol, Owner, RequestHeader, ServicePort } from '../model/model.ts'
import type { HostHeader, ServerName } from '../model/values.ts'
import { accessHeaders } from './access.ts'
import { type BackendTlsView, backendTlsView, tlsNameOf } from './backend-tls.ts'
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
  /** The choice of a canary, where its backend depends on the scheme too. */
  readonly choiceByScheme: string | undefined
  /** Undefined where no backend has sessions. */
  readonly session: SessionView | undefined
  readonly sessionGroups: string | undefined
} & ReturnType<typeof locationSettingsView>

/** Where a request goes whose choice is this number. */
type CanaryView = WayView & {
  readonly variable: string
  readonly number: number
  readonly session: SessionView | undefined
  readonly upstreamName: string | undefined
  readonly tlsName: ServerName | undefined
  /** Where those go that came over TLS, where it is elsewhere. */
  readonly overTls: WayView | undefined
}

/** How a backend is passed to. */
type WayView = { readonly module: string; readonly scheme: string; readonly upstream: string }

/** What the log says of a location's requests. */
type LogView = {
  /** `namespace ingress service port`, each `-` where there is none. */
  readonly route: string
  /** `namespace-service-port`, as ingress-nginx calls an upstream. */
  readonly upstreamName: string | undefined
}

type PassView = WayView & {
  /** Modules that canaries are passed by and the main backend is not. */
  readonly otherModules: readonly string[]
  readonly hasOwnHeaders: boolean
  readonly forwarded: ForwardedView
  readonly requestHeaders: readonly RequestHeader[]
  /** What the backend is told as the Host, where it is not what the client asked for. */
  readonly host: HostHeader | undefined
  readonly tls: BackendTlsView | undefined
  readonly tlsName: ServerName | undefined
  /** Where requests go that came over TLS, where it is elsewhere. */
  readonly overTls: WayView | undefined
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
  const canaries = dispatch?.canaries ?? []
  const pass = action.kind === 'proxy' ? passView(location, action, http) : undefined
  return {
    modifier,
    path,
    owner: location.owner,
    log: logView(location.owner, serviceOf(action)),
    redirect: location.redirectToHttps ? { code: http.redirectCode, port: http.publicHttpsPort } : undefined,
    ...locationSettingsView(location.settings, http),
    responseHeaders: responseHeadersView(location.settings, setCookies, strictTransportSecurity, http),
    pass,
    respond: action.kind === 'respond' ? action.status : undefined,
    rewrite: action.kind === 'proxy' ? rewriteView(location.match, location.settings.rewrite) : undefined,
    moved: redirectView(action, http),
    movedByRewrite: action.kind === 'redirect' && action.to.kind === 'rewrite' ? rewriteView(location.match, action.to.target) : undefined,
    canaries: canaries.map((canary) => canaryView(canary, location.owner, setCookies.length > 0, pass?.tls)),
    choiceByScheme: canaries.find(({ backendOverTls }) => backendOverTls !== undefined)?.variable,
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
  { variable, number, backend, backendOverTls, session }: Dispatch['canaries'][number],
  owner: Owner | undefined,
  hasSessions: boolean,
  tls: BackendTlsView | undefined,
): CanaryView {
  return {
    ...wayView(backend),
    variable,
    number,
    session: hasSessions ? session : undefined,
    upstreamName: upstreamNameOf(owner, backend.service),
    tlsName: tlsNameOf(backendOverTls ?? backend, tls),
    overTls: backendOverTls && wayView(backendOverTls),
  }
}

function wayView({ protocol, upstream }: Backend): WayView {
  return { ...PASS[protocol], upstream }
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
  const canaries = dispatch?.canaries.map((canary) => canary.backendOverTls ?? canary.backend) ?? []
  const main = backendOverTls ?? backend
  const tls = backendTlsView([main, ...canaries])
  const { module } = PASS[backend.protocol]
  return {
    ...wayView(backend),
    otherModules: [...new Set(canaries.map(({ protocol }) => PASS[protocol].module))].filter((other) => other !== module),
    hasOwnHeaders: requestHeaders.length > 0 || backend.host !== undefined || takesAuthHeaders,
    forwarded: forwardedView(http),
    requestHeaders,
    host: backend.host,
    tls,
    tlsName: tlsNameOf(main, tls),
    overTls: backendOverTls && wayView(backendOverTls),
  }
}
