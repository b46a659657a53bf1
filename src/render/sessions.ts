/**
 * Sessions by cookie → the maps that an upstream and its locations need. All names are made of hashes. NGINX remembers
 * what a map came to for the rest of a request, so what names the endpoint is asked for only once there is an answer.
 */
import { createHash } from 'node:crypto'
import type { SessionCookie, Sessions, VariableText } from '../model/balancing.ts'
import type { Capabilities, Endpoint, Upstream } from '../model/model.ts'
import type { CookieName, GeneratedName } from '../model/values.ts'

/** A session's cookie is `group.member`, both in hexadecimal: which upstream it is of, and which session or endpoint. */
export type SessionKey = { readonly cookie: CookieName; readonly group: string; readonly digits: number }

/** The variables of an upstream's sessions. */
export function sessionVariables(upstream: GeneratedName) {
  const id = idOf(upstream)
  return {
    /** What the client brought, where it is of this upstream. */
    kept: `$kept_${id}`,
    /** What endpoints are chosen by. */
    session: `$session_${id}`,
    /** The endpoint that answered. */
    route: `$route_${id}`,
    /** What the client is to bring from now on; empty where that is what it brought. */
    renewed: `$renewed_${id}`,
  }
}

const ENDPOINT_DIGITS = 16
/** `$request_id`. */
const SESSION_DIGITS = 32

export type SessionsView = {
  readonly variables: ReturnType<typeof sessionVariables>
  readonly key: SessionKey
  /** Of each endpoint, its address as `$upstream_addr` has it and its name in the cookie; undefined by hash. */
  readonly routes: readonly { readonly address: string; readonly route: string }[] | undefined
  /** What a new session is called, by hash. */
  readonly fresh: VariableText
  /** What the renewal is decided by. */
  readonly decidedBy: VariableText
  readonly changesOnFailure: boolean
}

/** Endpoints that names resolve to are not known here, and an older NGINX cannot go by them: a hash is the next best. */
export function sessionsView(
  { name, endpoints }: Upstream,
  { cookie, mode, changeOnFailure }: Sessions,
  { stickyRoutes }: Capabilities,
): SessionsView {
  const group = idOf(name)
  const variables = sessionVariables(name)
  const byRoute = mode === 'persistent' && stickyRoutes && endpoints.every(({ kind }) => kind === 'tcp')
  const { kept, route } = variables
  return {
    variables,
    key: { cookie, group, digits: byRoute ? ENDPOINT_DIGITS : SESSION_DIGITS },
    routes: byRoute ? endpoints.map((endpoint) => ({ address: addressOf(endpoint), route: routeOf(name, endpoint) })) : undefined,
    fresh: [text(`${group}.`), variable('$request_id')],
    decidedBy: byRoute
      ? [variable(kept), text('|'), variable(route), text('|'), variable('$upstream_addr')]
      : [variable(kept), text('|'), variable('$upstream_addr')],
    changesOnFailure: changeOnFailure,
  }
}

/** An endpoint's name in cookies: NGINX takes no more than 32 characters. */
export function routeOf(upstream: GeneratedName, endpoint: Endpoint): string {
  return `${idOf(upstream)}.${createHash('sha256')
    .update(`${upstream} ${addressOf(endpoint)}`)
    .digest('hex')
    .slice(0, ENDPOINT_DIGITS)}`
}

function addressOf(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`
  if (endpoint.kind === 'name') return `${endpoint.name}:${endpoint.port}`
  return endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`
}

/** An upstream's name begins with its hash. */
function idOf(upstream: GeneratedName): string {
  return createHash('sha256').update(upstream).digest('hex').slice(0, 12)
}

/** The Set-Cookie header of a session that begins or changes. */
export function setCookieText(cookie: SessionCookie, upstream: GeneratedName): VariableText {
  const { name, path, maxAge, domain, secure, sameSite, conditionalSameSiteNone } = cookie
  const conditional = sameSite === 'None' && conditionalSameSiteNone
  return [
    text(`${name}=`),
    variable(sessionVariables(upstream).renewed),
    text(`; Path=${path}${maxAge === undefined ? '' : `; Max-Age=${maxAge}`}${domain === undefined ? '' : `; Domain=${domain}`}`),
    ...(secure === undefined ? [variable('$secure_cookie')] : [text(secure ? '; Secure' : '')]),
    text('; HttpOnly'),
    ...(conditional ? [variable('$same_site_none')] : [text(sameSite === undefined ? '' : `; SameSite=${sameSite}`)]),
  ].filter((part) => part.kind === 'variable' || part.text !== '')
}

export function text(value: string): VariableText[number] {
  return { kind: 'text', text: value }
}

/** `name` with its dollar sign. */
export function variable(name: string): VariableText[number] {
  return { kind: 'variable', name: name.slice(1) }
}
