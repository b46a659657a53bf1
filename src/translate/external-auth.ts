/**
 * What an Ingress says of external authentication → who is asked, and how. A location whose server cannot be asked, for
 * whatever reason, is closed: it answers 503.
 */

import type { ExternalAuthPatch, LocationPatch } from '../annotations/patch.ts'
import { spelledUnder } from '../annotations/prefixes.ts'
import { type Ingress, keyOf } from '../cluster/objects.ts'
import { authRequestOf } from '../model/auth-request.ts'
import type { ExternalAuth, HeaderTemplate } from '../model/external-auth.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import {
  type Backend,
  type Endpoint,
  type HostMatch,
  hostKey,
  type Location,
  type PathMatch,
  textOf,
  type Upstream,
} from '../model/model.ts'
import { hostTemplate, type RequestUrl } from '../model/request-url.ts'
import { shortHash } from '../model/short-hash.ts'
import { hasVariables, parseTemplate, type Template } from '../model/template.ts'
import { type GeneratedName, mustParse, type PortNumber, parseGeneratedName, parseHeaderName, parsePort } from '../model/values.ts'
import type { Options } from '../options.ts'
import { type BackendOptions, ECHO_UPSTREAM, resolveBackend } from './backends.ts'
import { type BackendRules, checkEndpoint } from './endpoints.ts'
import { parseExternalName } from './external-name.ts'
import type { Lookup } from './lookup.ts'
import { isBelow } from './routes.ts'

/** An Ingress whose locations are protected, what is said of that, and what is wrong with it where it is said. */
export type AuthAsker = { readonly ingress: Ingress; readonly patch: ExternalAuthPatch; readonly wrong: TellWrong }

/** An Issue of the annotation, or of the key of the ConfigMap. */
type TellWrong = (key: AuthKey, code: IssueCode, message: string) => Issue
type AuthKey = 'auth-url' | 'auth-proxy-set-headers'

export type AuthSurroundings = { readonly lookup: Lookup; readonly options: BackendOptions; readonly rules: BackendRules }

export type ProtectedLocations = {
  /** In the same order. */
  readonly locations: readonly Location[]
  readonly upstreams: readonly Upstream[]
  readonly issues: readonly Issue[]
}

/** What the ConfigMap says for all Ingresses. */
export type GlobalAuth = Omit<AuthAsker, 'ingress'>

/** What an Ingress says itself, else what is said for all that do not want to be left out. */
export function authAskerOf(ingress: Ingress, patch: LocationPatch, forAll: GlobalAuth | undefined): AuthAsker | undefined {
  if (patch.externalAuth !== undefined) {
    const wrong: TellWrong = (key, code, message) => issue(code, ingress, { annotation: spelledUnder(ingress.annotations, key), message })
    return { ingress, patch: patch.externalAuth, wrong }
  }
  return forAll === undefined || patch.globalAuth?.isWanted === false ? undefined : { ingress, ...forAll }
}

/** Undefined where nobody is asked for all of them. */
export function globalAuthOf(options: Options): GlobalAuth | undefined {
  const url = options.globalAuthUrl
  if (url === undefined) return undefined
  const configMap = options.configmap && { kind: 'ConfigMap', ...options.configmap }
  const request = authRequestOf({
    url,
    method: options.globalAuthMethod,
    signIn: options.globalAuthSignin,
    signInParameter: options.globalAuthSigninRedirectParam,
    responseHeaders: options.globalAuthResponseHeaders,
    requestRedirect: options.globalAuthRequestRedirect,
    cacheKey: options.globalAuthCacheKey,
    cacheDurations: options.globalAuthCacheDuration,
    alwaysSetsCookie: options.globalAuthAlwaysSetCookie,
  })
  return {
    patch: { ...request, requestHeaders: undefined },
    wrong: (key, code, message) => issue(code, configMap, { field: `data.global-${key}`, message }),
  }
}

/** Gives each location of a host that has an asker what NGINX needs to ask for it, or closes it. They come in the order they are tried. */
export function protectLocations(
  host: HostMatch,
  locations: readonly Location[],
  askerOf: (location: Location) => AuthAsker | undefined,
  { lookup, options, rules }: AuthSurroundings,
): ProtectedLocations {
  const upstreams = new Map<string, Upstream>()
  const issues: Issue[] = []
  const found = new Map<Ingress, Settled>()
  const ownPaths = () => locations.map((location) => ({ location, isProtected: askerOf(location) !== undefined }))
  function settle(asker: AuthAsker): Settled {
    const { ingress } = asker
    const known = found.get(ingress)
    if (known !== undefined) return known
    const place = placeOf(asker, host, ownPaths(), { lookup, options, rules })
    const headers = requestHeadersOf(asker, lookup)
    for (const each of [place, headers]) if (!each.ok) issues.push(each.issue)
    if (place.ok && place.upstream !== undefined) upstreams.set(place.upstream.name, place.upstream)
    const settled: Settled = place.ok && headers.ok ? { kind: 'open', place, headers: headers.headers } : { kind: 'closed' }
    found.set(ingress, settled)
    return settled
  }

  const settledLocations = locations.map((location): Location => {
    const asker = askerOf(location)
    if (asker === undefined || location.action.kind !== 'proxy') return location
    const settled = settle(asker)
    if (settled.kind === 'closed')
      return { ...location, action: { kind: 'respond', status: 503, service: location.action.backend.service } }
    return { ...location, settings: { ...location.settings, externalAuth: externalAuthOf(asker.patch, settled, host, location) } }
  })
  return { locations: settledLocations, upstreams: [...upstreams.values()], issues }
}

type Settled =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly place: Extract<Place, { readonly ok: true }>; readonly headers: readonly HeaderTemplate[] }

function externalAuthOf(
  patch: ExternalAuthPatch,
  { place, headers }: Extract<Settled, { readonly kind: 'open' }>,
  host: HostMatch,
  { match }: Location,
): ExternalAuth {
  const auth = {
    upstream: place.upstreamName,
    scheme: place.scheme,
    host: place.host,
    path: patch.url.path,
    query: patch.url.query,
    method: patch.method,
    requestHeaders: headers,
    redirect: patch.redirect,
    signIn: patch.signIn,
    responseHeaders: patch.responseHeaders,
    alwaysSetsCookie: patch.alwaysSetsCookie,
    cache: patch.cache,
  }
  // An answer that is kept holds for the path it was given for: the server may decide by it.
  const kept = patch.cache === undefined ? [] : [match.kind, textOf(match)]
  const name = shortHash(JSON.stringify([hostKey(host), auth, kept]), 20)
  return { ...auth, name: mustParse(parseGeneratedName(name)) }
}

type Place =
  | {
      readonly ok: true
      readonly upstreamName: GeneratedName
      /** Undefined where it is another location's. */
      readonly upstream: Upstream | undefined
      readonly scheme: 'http' | 'https'
      readonly host: Template
    }
  | Unavailable

type Unavailable = { readonly ok: false; readonly issue: Issue }

type OwnPath = { readonly location: Location; readonly isProtected: boolean }

/** Who answers a URL. */
function placeOf(
  { ingress, patch: { url }, wrong }: AuthAsker,
  host: HostMatch,
  ownPaths: readonly OwnPath[],
  { lookup, options, rules }: AuthSurroundings,
): Place {
  const refuse = (reason: string, code: IssueCode = 'protection-unavailable'): Unavailable => ({
    ok: false,
    issue: wrong('auth-url', code, reason),
  })
  const { scheme } = url
  const port = url.port ?? mustParse(parsePort(scheme === 'https' ? 443 : 80))
  const shown = JSON.stringify(url.host.kind === 'requested' ? '$host' : url.host.kind === 'name' ? url.host.name : url.host.address)
  if (isOwnHost(url, host)) {
    const own = ownBackend(url, ownPaths)
    if (!own.ok) return refuse(`${shown} is this host itself, of which ${own.reason}; requests get 503`)
    const protocol = own.backend.protocol === 'https' ? 'https' : 'http'
    return {
      ok: true,
      upstreamName: own.backend.upstream,
      upstream: undefined,
      scheme: protocol,
      host: hostTemplate({ kind: 'requested' }),
    }
  }
  if (url.host.kind === 'requested') return refuse('has a port beside $host, which clients choose; requests get 503')

  const named = parseExternalName(url.host.kind === 'name' ? url.host.name : url.host.address)
  if (!named.ok) return refuse(`${shown} ${named.reason}; requests get 503`)
  const reached = (endpoints: readonly Endpoint[]): Place => {
    const upstream = { name: upstreamName(scheme, shown, port), endpoints }
    return { ok: true, upstreamName: upstream.name, upstream, scheme, host: hostTemplate(url.host) }
  }
  if (named.value.kind === 'address') {
    const checked = checkEndpoint(named.value.address, port, rules)
    return checked.ok ? reached([checked.endpoint]) : refuse(`${checked.reason}; requests get 503`)
  }
  const service = clusterService(named.value.name)
  if (service !== undefined && lookup.service(keyOf(service.namespace, service.name)) !== undefined) {
    // Nothing may stand in for a server that decides who is let in: the echo lets everybody in.
    const resolved = resolveBackend(
      { kind: 'service', name: service.name, port },
      { namespace: service.namespace, ingress, field: 'auth-url', patch: {} },
      lookup,
      options,
      { ...rules, echoSocket: undefined },
    )
    if (resolved.upstream !== undefined) return reached(resolved.upstream.endpoints)
    const [first] = resolved.issues.toReversed()
    return refuse(first?.message ?? 'cannot be asked; requests get 503', first?.code)
  }
  if (!rules.canResolveNames)
    return refuse(
      `names ${shown}, which is no Service that is known here, and this NGINX (before 1.27.3, or without a DNS server) cannot follow a name; requests get 503`,
    )
  return reached([{ kind: 'name', name: named.value.name, port }])
}

/** Whether the request for authentication would come back to the server that sends it. */
function isOwnHost({ host: asked, port, scheme }: RequestUrl, host: HostMatch): boolean {
  if (port !== undefined && port !== (scheme === 'https' ? 443 : 80)) return false
  return asked.kind === 'requested' || (asked.kind === 'name' && host.kind === 'exact' && asked.name === host.name)
}

type OwnBackend = { readonly ok: true; readonly backend: Backend } | { readonly ok: false; readonly reason: string }

/**
 * What serves a path of the host. It is asked directly: no way out of the cluster and back in, and no name to resolve.
 * A path that is protected in the same way would ask itself for ever, and one without a backend would let nobody in.
 */
function ownBackend({ path }: RequestUrl, ownPaths: readonly OwnPath[]): OwnBackend {
  if (hasVariables(path)) return { ok: false, reason: 'no path can be told while it has variables' }
  const asked = path.map((part) => (part.kind === 'text' ? part.text : '')).join('')
  const found = matchOf(asked, ownPaths)
  if (found === undefined) return { ok: false, reason: `no path takes ${JSON.stringify(asked)}` }
  if (found.isProtected) return { ok: false, reason: `${JSON.stringify(textOf(found.location.match))} would ask for itself` }
  const { action } = found.location
  if (found.location.settings.rewrite !== undefined)
    return { ok: false, reason: `${JSON.stringify(textOf(found.location.match))} is rewritten` }
  if (action.kind !== 'proxy' || action.backend.upstream === ECHO_UPSTREAM)
    return { ok: false, reason: `${JSON.stringify(textOf(found.location.match))} has no backend that could be asked` }
  if (action.backend.protocol !== 'http' && action.backend.protocol !== 'https')
    return { ok: false, reason: `${JSON.stringify(textOf(found.location.match))} has a backend that speaks ${action.backend.protocol}` }
  return { ok: true, backend: action.backend }
}

/** As NGINX finds it: the longest, or where there are expressions, the first. */
function matchOf(path: string, ownPaths: readonly OwnPath[]): OwnPath | undefined {
  const taking = ownPaths.filter(({ location: { match } }) => takes(match, path))
  if (ownPaths.some(({ location: { match } }) => match.kind === 'regex')) return taking[0]
  const length = ({ location: { match } }: OwnPath) => textOf(match).length + (match.kind === 'exact' ? 0.5 : 0)
  return taking.toSorted((a, b) => length(b) - length(a))[0]
}

function takes(match: PathMatch, path: string): boolean {
  if (match.kind === 'regex') return new RegExp(`^${match.pattern.text.replaceAll('(?i)', '')}`, 'i').test(path)
  return match.kind === 'exact' ? match.path === path : isBelow(path, match.path)
}

/** `NAME.NAMESPACE.svc`, with the domain that most clusters have or without. */
function clusterService(name: string): { readonly name: string; readonly namespace: string } | undefined {
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?$/.exec(name) ?? []
  return service === undefined || namespace === undefined ? undefined : { name: service, namespace }
}

/** Apart from those of backends: NGINX keeps connections by upstream and address, whether they are over TLS or not. */
function upstreamName(scheme: string, host: string, port: PortNumber): GeneratedName {
  const hash = shortHash(JSON.stringify(['external-auth', scheme, host, port]), 12)
  return mustParse(parseGeneratedName(`${hash}_auth_${port}`))
}

type RequestHeaders = { readonly ok: true; readonly headers: readonly HeaderTemplate[] } | Unavailable

const MOST_HEADERS = 50
const LONGEST_VALUE = 1000
/** Printable ASCII but for the dollar sign, which begins a variable. */
const VALUE_TEXT = /^[\x20-\x23\x25-\x7e]*$/
/** Those that say where a message ends, or how long its connection lives. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy-.*)$/i

function requestHeadersOf({ ingress, patch: { requestHeaders }, wrong }: AuthAsker, lookup: Lookup): RequestHeaders {
  if (requestHeaders === undefined) return { ok: true, headers: [] }
  const { namespace = ingress.namespace, name } = requestHeaders
  const described = `ConfigMap ${namespace}/${name}`
  const refuse = (reason: string): Unavailable => ({
    ok: false,
    issue: wrong('auth-proxy-set-headers', 'protection-unavailable', `${described} ${reason}; requests get 503`),
  })
  if (namespace !== ingress.namespace) return refuse('is of another namespace')
  const configMap = lookup.configMap(keyOf(namespace, name))
  if (configMap === undefined) return refuse('does not exist')
  const entries = Object.entries(configMap.data)
  if (entries.length > MOST_HEADERS) return refuse(`has more than ${MOST_HEADERS} headers`)
  const headers = new Map<string, HeaderTemplate>()
  for (const [key, text] of entries) {
    const header = parseHeaderName(key)
    if (!header.ok || FRAMING.test(key)) return refuse(`has the key ${JSON.stringify(key)}, which is no header that may be set`)
    const value = text.length > LONGEST_VALUE ? undefined : parseTemplate(text.trim(), VALUE_TEXT)
    if (value?.ok !== true) return refuse(`has a value of ${key} that ${value?.reason ?? `is longer than ${LONGEST_VALUE} characters`}`)
    headers.set(key.toLowerCase(), { name: header.value, value: value.value })
  }
  return { ok: true, headers: [...headers.values()].sort((a, b) => (a.name < b.name ? -1 : 1)) }
}
