/** Another server decides, for each request, whether it may pass. */
import { authMethods, type CacheValidity } from '../../model/external-auth.ts'
import { parameterNames, parseRequestUrl, type RequestUrl, urlTemplate, whyNotAskable } from '../../model/request-url.ts'
import { boolean, fromText, listOf, namedObject, oneOf } from '../../model/schemas.ts'
import { hasVariables, literalTemplate, parseKeyTemplate, parseTemplate, type Template } from '../../model/template.ts'
import { type HeaderName, type Parsed, parseHeaderName } from '../../model/values.ts'
import { annotation, defineFeature, refuse } from '../define.ts'

const MOST_HEADERS = 50
/** Those that say where a message ends or how long a connection lives, and those that are ours to set. */
const RESERVED_HEADERS =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy(?:-.*)?|forwarded|x-forwarded-(?:for|host|port|proto|scheme|prefix|server|ssl)|x-real-ip|x-request-id|x-scheme|x-original-.*|x-rewrite-url|ssl-client-.*|x-nginx-ts-.*)$/i

const responseHeader = (word: string): Parsed<HeaderName> =>
  RESERVED_HEADERS.test(word) ? { ok: false, reason: 'is no header that an authentication server may set' } : parseHeaderName(word)

const askable = fromText((given) => {
  const url = parseRequestUrl(given)
  const reason = url.ok ? whyNotAskable(url.value) : undefined
  return reason === undefined ? url : { ok: false, reason }
})

const parameter = fromText((given) =>
  /^[A-Za-z0-9._~-]{1,64}$/.test(given) ? { ok: true, value: given } : { ok: false, reason: 'is not the name of a parameter' },
)

const LONGEST_TEMPLATE = 1500

function notTooLong(given: string, parse: (text: string) => Parsed<Template>): Parsed<Template> {
  return given.length > LONGEST_TEMPLATE ? { ok: false, reason: `is longer than ${LONGEST_TEMPLATE} characters` } : parse(given)
}

const redirect = fromText((given) => notTooLong(given, (text) => parseTemplate(text, /^[A-Za-z0-9._~!*(),:;@/+%=&?-]*$/)))

const cacheKey = fromText((given) => {
  const key = notTooLong(given, (text) => parseKeyTemplate(text, /^[A-Za-z0-9._~:|-]*$/))
  return key.ok && !hasVariables(key.value) ? { ok: false, reason: 'has no variable, and is the same for everybody' } : key
})

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400 }
const LONGEST_CACHE_SECONDS = 7 * 86_400
const MOST_DURATIONS = 20
const MOST_STATUSES = 50

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

export default defineFeature({
  scope: 'location',
  risk: 'high',
  onInvalid: 'unavailable',
  annotations: {
    'auth-url': annotation({
      value: askable,
      summary:
        'Asked for each request: 2xx lets it pass, 401 and 403 go to the client, anything else is 500. `$host` as the host is what serves the path on this very host.',
      example: 'http://oauth2-proxy.auth.svc.cluster.local:4180/oauth2/auth',
      ingressNginx: {
        verdict: 'better',
        difference:
          'A Service of the cluster, and a path of the same host, are asked directly and need no DNS; other names need NGINX 1.27.3 and are guarded as ExternalName is. Variables are of a list, and none stands within the host or, if it can hold a query, in the path. What cannot be asked answers 503.',
      },
    }),
    'auth-method': annotation({
      value: oneOf(...authMethods),
      summary: 'Method of that request.',
      example: 'GET',
      ingressNginx: { verdict: 'approximated', difference: 'Neither CONNECT nor TRACE.' },
    }),
    'auth-signin': annotation({
      value: fromText(parseRequestUrl),
      summary: 'Where clients are redirected in place of a 401, with the URL they asked for as a parameter.',
      example: 'https://auth.example.com/oauth2/start?rd=$escaped_request_uri',
      ingressNginx: {
        verdict: 'approximated',
        difference:
          'Of a request URI with more than 32 characters that a query must escape, the path is kept, or nothing where even that has some; escapes of non-ASCII characters stay as they are.',
      },
    }),
    'auth-signin-redirect-param': annotation({
      value: parameter,
      summary: 'Name of the parameter with the URL that was asked for.',
      example: 'rd',
      ingressNginx: 'same',
    }),
    'auth-response-headers': annotation({
      value: listOf(responseHeader, MOST_HEADERS),
      summary: "Headers of the answer that the backend gets; the client's own of these names never pass.",
      example: 'X-Auth-Request-User, X-Auth-Request-Email',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'Headers that frame a message, and those that are set here on every request, are refused.',
      },
    }),
    'auth-request-redirect': annotation({
      value: redirect,
      summary: 'X-Auth-Request-Redirect of the request, in place of the URI that was asked for.',
      example: 'https://$host$request_uri',
      ingressNginx: { verdict: 'better', difference: 'A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-cache-key': annotation({
      value: cacheKey,
      summary: 'Keeps answers, for each value of these variables: cookies, headers, arguments.',
      example: '$cookie_session$http_authorization',
      ingressNginx: {
        verdict: 'better',
        difference: 'Requests for which it is empty are asked for each, where they shared one answer.',
      },
    }),
    'auth-cache-duration': annotation({
      value: listOf(parseValidity, MOST_DURATIONS),
      summary: 'For how long answers are kept, by status.',
      example: '200 202 10m, 401 1m',
      ingressNginx: { verdict: 'better', difference: 'At most a week. A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-always-set-cookie': annotation({
      value: boolean,
      summary: "Whether a Set-Cookie of the answer goes to the client with the backend's errors too.",
      example: 'true',
      ingressNginx: { verdict: 'better', difference: 'A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-proxy-set-headers': annotation({
      value: namedObject,
      summary: 'ConfigMap with headers for that request; values may have variables.',
      example: 'auth-headers',
      ingressNginx: { verdict: 'approximated', difference: 'Of the namespace of the Ingress; variables are of a list.' },
    }),
  },
  apply: (values) => {
    const { authUrl: url, authSignin, authCacheKey } = values
    // Somebody meant to keep people out: served without, the routes would be open.
    if (url === undefined) return refuse('auth-url', 'is not there, and what stands beside it means nothing without')
    return {
      externalAuth: {
        url,
        method: values.authMethod,
        redirect: values.authRequestRedirect ?? DEFAULT_REDIRECT,
        signIn: authSignin && signInUrl(authSignin, values.authSigninRedirectParam ?? DEFAULT_PARAMETER),
        responseHeaders: distinctNames(values.authResponseHeaders ?? []),
        alwaysSetsCookie: values.authAlwaysSetCookie ?? false,
        cache: authCacheKey && { key: authCacheKey, validity: values.authCacheDuration ?? DEFAULT_VALIDITY },
        requestHeaders: values.authProxySetHeaders,
      },
    }
  },
})
