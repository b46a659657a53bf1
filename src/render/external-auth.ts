/** How NGINX asks another server whether a request may pass. */
import type { ExternalAuth, HeaderTemplate } from '../model/external-auth.ts'
import type { HttpSettings } from '../model/http-settings.ts'
import { hasVariables, literalTemplate, type Template } from '../model/template.ts'
import { mustParse, parseHeaderName } from '../model/values.ts'
import { aliasesOf, forwardedView, OWN_HEADERS } from './forwarding.ts'
import { type ResponseHeadersView, signInHeadersView } from './response-headers.ts'

/** What a location says of it: `authRequest` and `authHeaders` in templates/external-auth.njk. */
export function authRequestView({ name, signIn, responseHeaders }: ExternalAuth, http: HttpSettings) {
  const copied = responseHeaders.map((header, index) => ({
    header,
    variable: `$auth_header_${index + 1}`,
    source: `$upstream_http_${header.toLowerCase().replaceAll('-', '_')}`,
  }))
  return {
    name,
    hasSignIn: signIn !== undefined,
    copied,
    aliases: http.client.underscoresInHeaders ? responseHeaders.flatMap(aliasesOf) : [],
  }
}

export type AuthLocationView = {
  readonly name: string
  readonly headers: readonly { readonly name: string; readonly value: Template }[]
  readonly aliases: readonly string[]
  readonly method: string | undefined
  readonly tlsName: Template | undefined
  /** Where variables are in the URL, which is then written into the request. */
  readonly rewrite: Template | undefined
  readonly pass: Template
  readonly cache: { readonly key: Template; readonly compared: Template; readonly validity: ExternalAuthValidity } | undefined
  readonly signIn: { readonly url: Template; readonly responseHeaders: ResponseHeadersView } | undefined
}
type ExternalAuthValidity = readonly { readonly statuses: readonly number[]; readonly seconds: number }[]

/** The internal locations of a server: `authLocations` in templates/external-auth.njk. */
export function authLocationView(
  auth: ExternalAuth,
  server: { readonly strictTransportSecurity: boolean; readonly hasCors: boolean },
  http: HttpSettings,
): AuthLocationView {
  const target = [...auth.path, ...(auth.query === undefined ? [] : [...literalTemplate('?'), ...auth.query])]
  const origin = literalTemplate(`${auth.scheme}://${auth.upstream}`)
  return {
    name: auth.name,
    headers: headersOf(auth, http),
    aliases: http.client.underscoresInHeaders ? [...CLEARED, ...SET].flatMap(aliasesOf) : [],
    method: auth.method,
    tlsName: auth.scheme === 'https' ? auth.host : undefined,
    rewrite: hasVariables(target) ? target : undefined,
    pass: hasVariables(target) ? origin : [...origin, ...target],
    cache: auth.cache && {
      key: [...literalTemplate(`${auth.name} `), ...auth.cache.key],
      compared: auth.cache.key.filter(({ kind }) => kind === 'variable'),
      validity: auth.cache.validity,
    },
    signIn: auth.signIn && { url: auth.signIn, responseHeaders: signInHeadersView(server.strictTransportSecurity, server.hasCors) },
  }
}

/**
 * Headers of the client that an authentication server might take for ours, or that would have it answer with less than
 * a whole response; the request has no body, is no upgrade, and is no part of a conversation between caches.
 */
const CLEARED = [
  ...OWN_HEADERS,
  ...['X-Forwarded-Uri', 'X-Forwarded-Method', 'Forwarded', 'Proxy', 'Content-Length', 'Connection', 'Upgrade'],
  ...['If-Modified-Since', 'If-Unmodified-Since', 'If-None-Match', 'If-Match', 'Range', 'If-Range'],
]
const SET = ['X-Original-Method', 'X-Original-URI', 'X-Auth-Request-Redirect', 'X-Sent-From']

/** As ingress-nginx sends them; what the ConfigMap of headers names comes in place of ours. */
function headersOf(auth: ExternalAuth, http: HttpSettings): readonly HeaderTemplate[] {
  const variable = (name: string): Template => [{ kind: 'variable', name }]
  // Scheme and host as a proxy in front says, where one is believed.
  const [scheme, host] = [variable('pass_access_scheme'), variable('best_http_host')]
  const url = [...scheme, ...literalTemplate('://'), ...host, ...variable('request_uri')]
  const headers = new Map<string, HeaderTemplate>()
  const set = (name: string, value: Template) => headers.set(name.toLowerCase(), { name: mustParse(parseHeaderName(name)), value })
  for (const name of CLEARED) set(name, [])
  set('Host', auth.host)
  set('X-Request-ID', variable('req_id'))
  set('X-Real-IP', variable('remote_addr'))
  set('X-Forwarded-For', variable(forwardedView(http).for.replace('$', '')))
  set('X-Forwarded-Host', host)
  set('X-Original-URL', url)
  set('X-Original-URI', variable('request_uri'))
  set('X-Original-Method', variable('request_method'))
  set('X-Scheme', scheme)
  set('X-Sent-From', literalTemplate('nginx-ingress-controller'))
  set('X-Auth-Request-Redirect', auth.redirect)
  for (const { name, value } of auth.requestHeaders) set(name, value)
  return [...headers.values()]
}
