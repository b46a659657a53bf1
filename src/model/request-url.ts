/** URLs of http and https whose path and query NGINX completes for each request. */
import { fitsTemplate, hasVariables, literalTemplate, parseTemplate, type Template } from './template.ts'
import { type IpAddress, type Parsed, type PortNumber, parseIpAddress, parsePort, parseServerName, type ServerName } from './values.ts'

export type RequestUrl = {
  readonly scheme: 'http' | 'https'
  readonly host: UrlHost
  /** Undefined for the scheme's own. */
  readonly port: PortNumber | undefined
  /** Begins with `/`. */
  readonly path: Template
  /** Without its `?`. */
  readonly query: Template | undefined
}

/** A name or an address, or the host that the request itself is for; there is no variable within a name, for clients choose it. */
export type UrlHost =
  | { readonly kind: 'name'; readonly name: ServerName }
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'requested' }

const LONGEST_URL = 1500
const URL_PARTS = /^(https?):\/\/(\[[^\]]*\]|[^/?#:]*)(?::(\d{1,5}))?(\/[^?#]*)?(?:\?([^#]*))?$/i
const REQUESTED_HOST = /^\$(?:\{(?:host|http_host|best_http_host)\}|(?:host|http_host|best_http_host))$/
/** RFC 3986, without `'`, `;` and `$`. */
const PATH_TEXT = /^(?:[A-Za-z0-9._~!*(),:@/+=&-]|%[0-9A-Fa-f]{2})*$/
const QUERY_TEXT = /^(?:[A-Za-z0-9._~!*(),:@/+=&?-]|%[0-9A-Fa-f]{2})*$/

/** Reads an absolute URL, without user, password or fragment. */
export function parseRequestUrl(text: string): Parsed<RequestUrl> {
  if (text.length > LONGEST_URL) return refuse(`is longer than ${LONGEST_URL} characters`)
  const [whole, scheme = '', authority = '', portText, pathText = '/', queryText] = URL_PARTS.exec(text) ?? []
  if (whole === undefined) return refuse('is not a URL of http or https such as https://auth.example.com/check')
  const host = parseUrlHost(authority)
  if (!host.ok) return refuse(`has a host that ${host.reason}`)
  const port = portText === undefined ? undefined : parsePort(Number(portText))
  if (port?.ok === false) return refuse(`has a port that ${port.reason}`)
  const path = parseTemplate(pathText, PATH_TEXT)
  if (!path.ok) return refuse(`has a path that ${path.reason}`)
  const query = queryText === undefined ? undefined : parseTemplate(queryText, QUERY_TEXT)
  if (query?.ok === false) return refuse(`has a query that ${query.reason}`)
  // One token has both.
  if (!fitsTemplate([...path.value, ...(query?.value ?? [])])) return refuse('has too many variables')
  return {
    ok: true,
    value: {
      scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http',
      host: host.value,
      port: port?.value,
      path: path.value,
      query: query?.value,
    },
  }
}

function parseUrlHost(text: string): Parsed<UrlHost> {
  if (REQUESTED_HOST.test(text)) return { ok: true, value: { kind: 'requested' } }
  const address = parseIpAddress(text.startsWith('[') ? text.slice(1, -1) : text)
  if (address.ok) return { ok: true, value: { kind: 'address', address: address.value } }
  const name = parseServerName(text.toLowerCase().replace(/\.$/, ''))
  return name.ok ? { ok: true, value: { kind: 'name', name: name.value } } : name
}

/** The URL as one text, for a client to follow. */
export function urlTemplate({ scheme, host, port, path, query }: RequestUrl): Template {
  return [
    ...literalTemplate(`${scheme}://`),
    ...hostTemplate(host),
    ...literalTemplate(port === undefined ? '' : `:${port}`),
    ...path,
    ...(query === undefined ? [] : [...literalTemplate('?'), ...query]),
  ]
}

/** The host as a Host header says it, without a port. */
export function hostTemplate(host: UrlHost): Template {
  if (host.kind === 'requested') return [{ kind: 'variable', name: 'host' }]
  if (host.kind === 'name') return literalTemplate(host.name)
  return literalTemplate(host.address.includes(':') ? `[${host.address}]` : host.address)
}

/** The names of the query's parameters, those that variables make apart. */
export function parameterNames(query: Template): readonly string[] {
  const text = query.map((part) => (part.kind === 'text' ? part.text : '$')).join('')
  return text.split('&').map((pair) => pair.split('=')[0] ?? '')
}

/** Variables whose text may hold what would end a path, `?` above all. */
const BEYOND_PATHS: ReadonlySet<string> = new Set(['request_uri', 'escaped_request_uri', 'best_http_host', 'host'])

/**
 * Why NGINX cannot be told to ask for this path itself, which it takes as decoded when a variable is anywhere in the
 * URL; undefined when it can.
 */
export function whyNotAskable({ path, query }: RequestUrl): string | undefined {
  if (!hasVariables(path) && (query === undefined || !hasVariables(query))) return undefined
  if (path.some((part) => part.kind === 'variable' && BEYOND_PATHS.has(part.name)))
    return 'has a variable in its path that may stand in the query only'
  if (path.some((part) => part.kind === 'text' && part.text.includes('%'))) return 'has a percent sign in its path beside variables'
  return undefined
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
