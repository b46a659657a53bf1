/** Who is let in, and how often → views. NGINX takes a location's own lists in place of all inherited ones, so they are printed whole. */
import type { AccessOverrides, BasicAuthSettings, SatisfySettings } from '../model/access.ts'
import type { AccessSettings, HttpSettings } from '../model/http-settings.ts'
import type { LimitKey, LimitSettings, LimitZone } from '../model/limits.ts'
import type { LocationSettings } from '../model/location-settings.ts'
import type { Model, RequestHeader } from '../model/model.ts'
import { type HeaderName, mustParse, parseHeaderName } from '../model/values.ts'

/** What the macros of access.njk print, a noun each. */
export function accessView({ access, satisfy, basicAuth, limits }: LocationSettings, http: HttpSettings) {
  return {
    access: access && listsView(access, http.access),
    satisfy: satisfy && satisfyView(satisfy, http.access),
    basicAuth: basicAuth && basicAuthView(basicAuth),
    limits: limits && limitsView(limits),
  }
}

/** Clients that are blocked come first: nothing that is said later lets them in. */
function listsView({ allowed, denied }: AccessOverrides, inherited: AccessSettings) {
  return {
    denied: [...new Set([...inherited.blocked, ...(denied ?? inherited.denied)])],
    allowed: allowed ?? inherited.allowed,
  }
}

/** A login satisfies `any` where an address does not, and blocked clients are kept out all the same. */
function satisfyView({ mode }: SatisfySettings, { blocked }: AccessSettings) {
  return { mode, refusesBlocked: mode === 'any' && blocked.length > 0 }
}

function basicAuthView({ realm, users }: BasicAuthSettings) {
  return { realm, usersFile: `secrets/${users}` }
}

function limitsView({ requests, connections }: LimitSettings) {
  return { requests, connections }
}

const AUTHORIZATION: HeaderName = mustParse(parseHeaderName('Authorization'))

/** The password is for us, and no backend sees it. */
export function accessHeaders({ basicAuth }: LocationSettings): readonly RequestHeader[] {
  return basicAuth === undefined ? [] : [{ name: AUTHORIZATION, value: '' }]
}

/** The lists of the http block, and those that `$is_blocked` is made of. */
export function httpAccessView({ access }: HttpSettings) {
  return {
    denied: [...new Set([...access.blocked, ...access.denied])],
    allowed: access.allowed,
    blocked: access.blocked.length > 0 ? access.blocked : undefined,
  }
}

/** Every key that some zone counts by, once. */
export function limitKeysOf({ limitZones }: Pick<Model, 'limitZones'>): readonly LimitKey[] {
  return [...new Map(limitZones.flatMap(({ key }) => (key === undefined ? [] : [[key.name, key] as const]))).values()]
}

/** Variables for a key: whether the client is exempt, and its address or nothing. */
export function limitKeyView({ name, exempt }: LimitKey) {
  return { isExempt: `$${name}`, variable: keyVariable(name), exempt }
}

function keyVariable(name: string): string {
  return `$counted_${name}`
}

/**
 * Shared memory of a zone. 1 MiB has room for 8,000 clients at once, 128 bytes each; of more, NGINX forgets the one it has
 * not seen for longest. ingress-nginx takes 5 MiB; a zone is one Ingress' own, and there may be thousands.
 */
const ZONE_BYTES = 1024 * 1024

export function limitZoneView({ name, key, counts }: LimitZone) {
  return {
    name,
    variable: key === undefined ? '$binary_remote_addr' : keyVariable(key.name),
    size: ZONE_BYTES,
    rate: counts.kind === 'requests' ? { count: counts.rate, per: counts.per } : undefined,
  }
}
