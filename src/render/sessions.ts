/**
 * Sessions by cookie. A location sets the group of its upstream and the attributes of the cookie; the rest are variables
 * that all upstreams with cookies of one name share. NGINX remembers what a map came to for the rest of a request: what
 * names the endpoint must not be read before there is an answer, and the group not be set after it has been read.
 */
import type { SessionCookie, Sessions, VariableText } from '../model/balancing.ts'
import type { Backend, Capabilities, Endpoint, Upstream } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import type { CookieName, GeneratedName } from '../model/values.ts'
import { mapBlock, otherwise, ours, text, type VariableBlock, variable } from './variables.ts'

/** What the cookie is called and how it is renewed: upstreams with the same scheme share its variables. */
export type SessionScheme = {
  readonly id: string
  readonly cookie: CookieName
  readonly isByRoute: boolean
  /** What endpoints are chosen by: the session, or the endpoint's name. */
  readonly chosenBy: string
  /** Holds the Set-Cookie header, empty where none is due. */
  readonly setCookie: string
  readonly blocks: readonly VariableBlock[]
}

/** `$request_id`, and what is left of the 32 characters that a route may have. */
const [SESSION_DIGITS, ENDPOINT_DIGITS] = [32, 12]
const GROUP = variable('$session_group')
const FRESH = [GROUP, text('.'), variable('$request_id')]
const ENDPOINT = [GROUP, text('.'), variable('$endpoint_name')]

/** An older NGINX cannot go by the names of endpoints: a hash is the next best. */
export function sessionSchemeOf({ cookie, mode, changeOnFailure }: Sessions, { stickyRoutes }: Capabilities): SessionScheme {
  const isByRoute = mode === 'persistent' && stickyRoutes
  const id = shortHash(`${cookie} ${isByRoute} ${changeOnFailure}`, 12).slice(0, 6)
  const kept = mapBlock(
    'kept',
    [GROUP, text('|'), variable('$http_cookie')],
    [
      otherwise(),
      {
        key: { kind: 'kept', cookie, group: id, digits: isByRoute ? ENDPOINT_DIGITS : SESSION_DIGITS },
        value: [variable('$2')],
      },
    ],
  )
  const renewed = isByRoute ? renewedRoute(id, kept, changeOnFailure) : renewedSession(id, kept, changeOnFailure)
  const setCookie = mapBlock(
    'set_cookie',
    [variable(renewed.variable)],
    [otherwise(text(`${cookie}=`), variable(renewed.variable), variable('$session_attributes')), { key: { kind: 'empty' }, value: [] }],
  )
  const session = mapBlock(
    'session',
    [variable(kept.variable)],
    [otherwise(variable(kept.variable)), { key: { kind: 'empty' }, value: FRESH }],
  )
  return {
    id,
    cookie,
    isByRoute,
    chosenBy: isByRoute ? kept.variable : session.variable,
    setCookie: setCookie.variable,
    blocks: [kept, ...(isByRoute ? [] : [session]), renewed, setCookie],
  }
}

/** A new session, where there was none and an endpoint answered; and, where it is to change, after others had failed. */
function renewedSession(id: string, kept: VariableBlock, changeOnFailure: boolean): VariableBlock {
  return mapBlock(
    'renewed',
    [GROUP, text('|'), variable(kept.variable), text('|'), variable('$upstream_addr')],
    [
      otherwise(),
      ours(`^${id}[0-9a-f]{12}\\|\\|.`, ...FRESH),
      ...(changeOnFailure ? [ours(`^${id}[0-9a-f]{12}\\|[^|]*\\|.*,`, ...FRESH)] : []),
    ],
  )
}

/** The endpoint that answered, where it is not the one that the client knows; not for a failure, unless that is to count. */
function renewedRoute(id: string, kept: VariableBlock, changeOnFailure: boolean): VariableBlock {
  return mapBlock(
    'renewed',
    [GROUP, text('|'), variable(kept.variable), text('|'), variable('$endpoint_name'), text('|'), variable('$upstream_addr')],
    [
      otherwise(),
      ours('^([0-9a-f]+)\\|\\1\\.([0-9a-f]+)\\|\\2\\|'),
      ...(changeOnFailure ? [] : [ours('^[0-9a-f]+\\|[^|]+\\|[^|]*\\|.*,')]),
      ours(`^${id}[0-9a-f]{12}\\|[^|]*\\|[0-9a-f]+\\|`, ...ENDPOINT),
    ],
  )
}

/** What cookies of these upstreams begin with: their scheme, and what tells them from others. */
export function sessionGroup({ id }: SessionScheme, group: GeneratedName): string {
  return `${id}${shortHash(group, 12)}`
}

/** An endpoint's name in cookies, the same in all groups. */
export function endpointName(endpoint: Endpoint): string {
  return shortHash(`endpoint ${addressOf(endpoint)}`, 12)
}

/** As `$upstream_addr` has it. */
export function addressOf(endpoint: Endpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`
  if (endpoint.kind === 'name') return `${endpoint.name}:${endpoint.port}`
  return endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`
}

/** What stands in the Set-Cookie header after name and value. */
export function cookieAttributes(cookie: SessionCookie): VariableText {
  const { path, maxAge, domain, secure, sameSite, conditionalSameSiteNone } = cookie
  const attributes = [
    text(`; Path=${path}${maxAge === undefined ? '' : `; Max-Age=${maxAge}`}${domain === undefined ? '' : `; Domain=${domain}`}`),
    secure === undefined ? variable('$secure_cookie') : text(secure ? '; Secure' : ''),
    text('; HttpOnly'),
    sameSite === 'None' && conditionalSameSiteNone
      ? variable('$same_site_none')
      : text(sameSite === undefined ? '' : `; SameSite=${sameSite}`),
  ]
  return attributes.filter((part) => part.kind === 'variable' || part.text !== '')
}

/** What a location sets for a backend, and the header that comes of it: empty texts for one without sessions. */
export type SessionView = { readonly group: string; readonly attributes: VariableText; readonly scheme: SessionScheme | undefined }

export function sessionView({ session }: Backend, capabilities: Capabilities): SessionView {
  if (session === undefined) return { group: '', attributes: [], scheme: undefined }
  const scheme = sessionSchemeOf(session.by, capabilities)
  return { group: sessionGroup(scheme, session.group), attributes: cookieAttributes(session.cookie), scheme }
}

/**
 * What upstreams are chosen by, each scheme's once. An upstream may be there without a location that passes to it: for one
 * that is closed, or a canary that nothing asks for.
 */
export function sessionVariables(upstreams: readonly Upstream[], capabilities: Capabilities): readonly VariableBlock[] {
  const sessions = upstreams.flatMap(({ balancing }) => (balancing?.kind === 'sessions' ? [balancing.by] : []))
  const distinct = new Map(sessions.map((by) => [`${by.cookie} ${by.mode} ${by.changeOnFailure}`, by]))
  return [...distinct.values()].flatMap((by) => sessionSchemeOf(by, capabilities).blocks)
}

/** The addresses of all endpoints that sessions are kept to by name, each once, in order. */
export function namedEndpoints(upstreams: readonly Upstream[], { stickyRoutes }: Capabilities): readonly Endpoint[] {
  if (!stickyRoutes) return []
  const persistent = upstreams.filter(({ balancing }) => balancing?.kind === 'sessions' && balancing.by.mode === 'persistent')
  const byAddress = new Map(persistent.flatMap(({ endpoints }) => endpoints.map((endpoint) => [addressOf(endpoint), endpoint] as const)))
  return [...byAddress.keys()].sort().flatMap((address) => byAddress.get(address) ?? [])
}
