/**
 * What is said of a server that decides, for each request, whether it may pass: by the annotations of an Ingress, or by
 * the ConfigMap for all of them. Schemas of the values, and what comes of them together.
 */
import { type AuthCache, type AuthMethod, authMethods, type CacheValidity } from './external-auth.ts'
import { parameterNames, parseRequestUrl, type RequestUrl, urlTemplate, whyNotAskable } from './request-url.ts'
import { boolean, fromText, listOf, oneOf, parseGrpcHeaderName } from './schemas.ts'
import { hasVariables, literalTemplate, parseKeyTemplate, parseTemplate, type Template } from './template.ts'
import type { HeaderName, Parsed } from './values.ts'

/** Who is asked, and how. */
export type AuthRequest = {
  readonly url: RequestUrl
  readonly method: AuthMethod | undefined
  readonly redirect: Template
  readonly signIn: Template | undefined
  readonly responseHeaders: readonly HeaderName[]
  readonly alwaysSetsCookie: boolean
  readonly cache: AuthCache | undefined
}

/** The values as they are given; undefined for what is not said. */
export type AuthRequestValues = {
  readonly url: RequestUrl
  readonly method: AuthMethod | undefined
  readonly signIn: RequestUrl | undefined
  readonly signInParameter: string | undefined
  readonly responseHeaders: readonly HeaderName[] | undefined
  readonly requestRedirect: Template | undefined
  readonly cacheKey: Template | undefined
  readonly cacheDurations: readonly CacheValidity[] | undefined
  readonly alwaysSetsCookie: boolean | undefined
}

const MOST_HEADERS = 50
/** Where names may have underscores, each dash may be one to a backend, and every spelling is cleared at each location. */
const MOST_SPELLINGS = 1000
/** Those that say where a message ends or how long a connection lives, and those that are ours to set. */
const RESERVED_HEADERS =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy(?:-.*)?|forwarded|x-forwarded-(?:for|host|port|proto|scheme|prefix|server|ssl)|x-real-ip|x-request-id|x-scheme|x-original-.*|x-rewrite-url|ssl-client-.*|x-nginx-ts-.*)$/i

const LONGEST_TEMPLATE = 1500
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400 }
const LONGEST_CACHE_SECONDS = 7 * 86_400
const MOST_DURATIONS = 20
const MOST_STATUSES = 50

const DEFAULT_VALIDITY: readonly CacheValidity[] = [{ statuses: [200, 202, 401], seconds: 300 }]
const DEFAULT_REDIRECT: Template = [{ kind: 'variable', name: 'request_uri' }]
const DEFAULT_PARAMETER = 'rd'
/** The URL that was asked for, to be come back to. */
const RETURN_URL: Template = [
  { kind: 'variable', name: 'pass_access_scheme' },
  { kind: 'text', text: '://' },
  { kind: 'variable', name: 'best_http_host' },
  { kind: 'variable', name: 'escaped_request_uri' },
]

const responseHeader = (word: string): Parsed<HeaderName> =>
  RESERVED_HEADERS.test(word) ? { ok: false, reason: 'is no header that an authentication server may set' } : parseGrpcHeaderName(word)

/** With dashes or underscores. */
const spellingsOf = (headers: readonly HeaderName[]) => headers.reduce((sum, header) => sum + 2 ** (header.split('-').length - 1), 0)

/** Each value from its text. */
export const authRequestSchemas = {
  url: fromText((given) => {
    const url = parseRequestUrl(given)
    const reason = url.ok ? whyNotAskable(url.value) : undefined
    return reason === undefined ? url : { ok: false, reason }
  }),
  method: oneOf(...authMethods),
  signIn: fromText(parseRequestUrl),
  signInParameter: fromText((given) =>
    /^[A-Za-z0-9._~-]{1,64}$/.test(given) ? { ok: true, value: given } : { ok: false, reason: 'is not the name of a parameter' },
  ),
  responseHeaders: listOf(responseHeader, MOST_HEADERS).refine(
    (headers) => spellingsOf(headers) <= MOST_SPELLINGS,
    'has names with too many dashes, each of which may be an underscore to a backend',
  ),
  requestRedirect: fromText((given) => notTooLong(given, (text) => parseTemplate(text, /^[A-Za-z0-9._~!*(),:;@/+%=&?-]*$/))),
  cacheKey: fromText((given) => {
    const key = notTooLong(given, (text) => parseKeyTemplate(text, /^[A-Za-z0-9._~:|-]*$/))
    return key.ok && !hasVariables(key.value) ? { ok: false, reason: 'has no variable, and is the same for everybody' } : key
  }),
  cacheDurations: listOf(parseValidity, MOST_DURATIONS),
  alwaysSetsCookie: boolean,
} as const

function notTooLong(given: string, parse: (text: string) => Parsed<Template>): Parsed<Template> {
  return given.length > LONGEST_TEMPLATE ? { ok: false, reason: `is longer than ${LONGEST_TEMPLATE} characters` } : parse(given)
}

/** `200 202 401 5m`: statuses, and for how long their answers are kept. */
function parseValidity(text: string): Parsed<CacheValidity> {
  const words = text.split(/\s+/)
  const statuses = words.slice(0, -1)
  const [, number = '', unit = 's'] = /^(\d{1,7})([smhdw]?)$/.exec(words.at(-1) ?? '') ?? []
  const seconds = Number(number) * (SECONDS[unit || 's'] ?? 0)
  if (number === '' || statuses.length > MOST_STATUSES || !statuses.every((status) => /^[1-5]\d\d$/.test(status)))
    return { ok: false, reason: 'is not made of statuses and a time such as 200 202 5m' }
  if (seconds < 1 || seconds > LONGEST_CACHE_SECONDS) return { ok: false, reason: 'is not within a second and a week' }
  return { ok: true, value: { statuses: statuses.map(Number), seconds } }
}

/** What the values say together, with defaults for what they leave out. */
export function authRequestOf(values: AuthRequestValues): AuthRequest {
  const { url, method, signIn, cacheKey } = values
  return {
    url,
    method,
    redirect: values.requestRedirect ?? DEFAULT_REDIRECT,
    signIn: signIn && signInUrl(signIn, values.signInParameter ?? DEFAULT_PARAMETER),
    responseHeaders: distinctNames(values.responseHeaders ?? []),
    alwaysSetsCookie: values.alwaysSetsCookie ?? false,
    cache: cacheKey && { key: cacheKey, validity: values.cacheDurations ?? DEFAULT_VALIDITY },
  }
}

/** With the URL to come back to, unless it says one itself. */
function signInUrl(url: RequestUrl, parameterName: string): Template {
  if (url.query !== undefined && parameterNames(url.query).includes(parameterName)) return urlTemplate(url)
  const before = url.query === undefined ? [] : [...url.query, ...literalTemplate('&')]
  return urlTemplate({ ...url, query: [...before, ...literalTemplate(`${parameterName}=`), ...RETURN_URL] })
}

/** Names are without case. */
function distinctNames(headers: readonly HeaderName[]): readonly HeaderName[] {
  return [...new Map(headers.map((header) => [header.toLowerCase(), header])).values()]
}
