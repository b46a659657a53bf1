/** What annotations ask for an upstream → how it is balanced, and the cookie that clients are given. */
import type { UpstreamPatch } from '../annotations/patch.ts'
import type { Balancing, SessionCookie } from '../model/balancing.ts'
import type { Endpoint, PathMatch } from '../model/model.ts'
import { type CookiePath, type GeneratedName, mustParse, parseCookieName, parseCookiePath } from '../model/values.ts'

/** ingress-nginx's. */
const DEFAULT_COOKIE = mustParse(parseCookieName('INGRESSCOOKIE'))

/**
 * Sessions come before a hash, and a hash before a method; undefined where none is asked for. `group` is the same for all
 * ways to speak to these endpoints.
 */
export function balancingOf(
  { affinity, balance }: UpstreamPatch,
  endpoints: readonly Endpoint[],
  group: GeneratedName,
): Balancing | undefined {
  if (affinity?.isOn === true) {
    const { cookieName = DEFAULT_COOKIE, mode = 'balanced', changeOnFailure = false } = affinity
    // What a name resolves to while NGINX runs has no name in a cookie.
    const isNamed = endpoints.some(({ kind }) => kind === 'name')
    return { kind: 'sessions', by: { cookie: cookieName, mode: isNamed ? 'balanced' : mode, changeOnFailure }, group }
  }
  if (balance?.hashBy !== undefined) return { kind: 'hash', key: balance.hashBy }
  return balance?.method && { kind: balance.method }
}

/** The cookie of sessions at a path. */
export function sessionCookieOf({ affinity = {} }: UpstreamPatch, match: PathMatch | undefined): SessionCookie {
  return {
    name: affinity.cookieName ?? DEFAULT_COOKIE,
    path: affinity.cookiePath ?? pathFor(match),
    maxAge: affinity.maxAge,
    domain: affinity.domain,
    secure: affinity.secure,
    sameSite: affinity.sameSite,
    conditionalSameSiteNone: affinity.conditionalSameSiteNone === true,
  }
}

/** Browsers compare the path as the URI has it; what says no such path is for all of the host, and so is an expression. */
function pathFor(match: PathMatch | undefined): CookiePath {
  const encoded = encodeURI(match === undefined || match.kind === 'regex' ? '/' : match.path).replace(/[;,#?]/g, encodeURIComponent)
  const parsed = parseCookiePath(encoded)
  return parsed.ok ? parsed.value : ('/' as CookiePath)
}
