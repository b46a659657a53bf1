/**
 * The format of the access log: text, and variables of an allow-list. NGINX refuses a whole configuration for a variable
 * that it does not know, and expands whatever follows a dollar sign; so neither is ever printed as it was written.
 */
import { LONGEST_TOKEN_BYTES, literalBytes, variableBytes } from './token.ts'
import { hasControlCharacter, type Parsed } from './values.ts'

export type LogPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'variable'; readonly name: string }
export type LogFormat = readonly LogPart[]
/** One of connections and datagrams, which have other variables. */
export type StreamLogFormat = readonly LogPart[]

/** Variables that every NGINX from 1.22 on has, and those that our own configuration defines. */
export const logVariables: ReadonlySet<string> = new Set([
  ...['remote_addr', 'remote_port', 'remote_user', 'realip_remote_addr', 'proxy_protocol_addr', 'proxy_protocol_port', 'the_real_ip'],
  ...['time_local', 'time_iso8601', 'msec', 'pid', 'hostname', 'connection', 'connection_requests', 'pipe', 'nginx_version'],
  ...['request', 'request_method', 'request_uri', 'uri', 'document_uri', 'args', 'query_string', 'is_args', 'host', 'scheme', 'https'],
  ...['server_protocol', 'server_addr', 'server_port', 'server_name', 'request_id', 'request_length', 'request_time', 'request_completion'],
  ...['content_type', 'content_length', 'status', 'body_bytes_sent', 'bytes_sent', 'gzip_ratio', 'best_http_host'],
  ...['upstream_addr', 'upstream_status', 'upstream_response_time', 'upstream_response_length', 'upstream_connect_time'],
  ...['upstream_header_time', 'upstream_bytes_sent', 'upstream_bytes_received', 'upstream_cache_status'],
  ...['ssl_protocol', 'ssl_cipher', 'ssl_curves', 'ssl_server_name', 'ssl_session_reused', 'ssl_early_data', 'http2'],
  ...['namespace', 'ingress_name', 'service_name', 'service_port', 'proxy_upstream_name', 'proxy_alternative_upstream_name', 'req_id'],
  ...['proxy_add_x_forwarded_for', 'proxy_host', 'proxy_port', 'pass_access_scheme', 'pass_port', 'pass_server_port'],
])

/** Fields of the request and of both answers, by name. */
const FIELD = /^(http|sent_http|upstream_http)_[a-z0-9_]{1,60}$/
/** What proves who somebody is has no place in a log. */
const SECRET = /^(http_(authorization|proxy_authorization|cookie)|(sent|upstream)_http_set_cookie)$/

const LONGEST_FORMAT = 3000

/** The same of TCP and UDP services: those that every stream module from 1.22 on has, and our own. */
const streamLogVariables: ReadonlySet<string> = new Set([
  ...['remote_addr', 'remote_port', 'realip_remote_addr', 'realip_remote_port', 'proxy_protocol_addr', 'proxy_protocol_port'],
  ...['proxy_protocol_server_addr', 'proxy_protocol_server_port', 'server_addr', 'server_port', 'protocol', 'status'],
  ...['time_local', 'time_iso8601', 'msec', 'pid', 'hostname', 'connection', 'nginx_version'],
  ...['bytes_sent', 'bytes_received', 'session_time', 'upstream_addr', 'upstream_bytes_sent', 'upstream_bytes_received'],
  ...['upstream_connect_time', 'upstream_first_byte_time', 'upstream_session_time', 'proxy_upstream_name'],
])

/** Reads `$variable` and `${variable}`; line breaks become spaces. */
export function parseLogFormat(given: string): Parsed<LogFormat> {
  return parseFormat(given, isLogVariable)
}

/** The same for TCP and UDP services. */
export function parseStreamLogFormat(given: string): Parsed<StreamLogFormat> {
  return parseFormat(given, isStreamLogVariable)
}

function parseFormat(given: string, isKnown: (name: string) => boolean): Parsed<readonly LogPart[]> {
  const text = given.trim().replace(/\s*[\r\n]+\s*/g, ' ')
  if (text.length > LONGEST_FORMAT) return { ok: false, reason: `is longer than ${LONGEST_FORMAT} characters` }
  if (hasControlCharacter(text) || !text.isWellFormed()) return { ok: false, reason: 'has a control character or half of one' }
  const parts: LogPart[] = []
  for (const [part, braced, bare] of text.matchAll(/\$\{([a-z0-9_]+)\}|\$([a-z0-9_]+)|\$|[^$]+/g)) {
    if (!part.startsWith('$')) {
      parts.push({ kind: 'text', text: part })
      continue
    }
    const name = braced ?? bare
    if (name === undefined) return { ok: false, reason: 'has a $ that begins no variable' }
    if (!isKnown(name)) return { ok: false, reason: `has $${name}, which may not be logged or does not exist` }
    parts.push({ kind: 'variable', name })
  }
  if (parts.length === 0) return { ok: false, reason: 'is empty' }
  const bytes = parts.reduce((sum, part) => sum + (part.kind === 'text' ? literalBytes(part.text) : variableBytes(part.name)), 0)
  // Quotes and backslashes are escaped, and names get braces.
  if (bytes > LONGEST_TOKEN_BYTES) return { ok: false, reason: `is longer than ${LONGEST_TOKEN_BYTES} bytes as it is printed` }
  return { ok: true, value: parts }
}

/** Whether a variable may be logged. */
export function isLogVariable(name: string): boolean {
  return logVariables.has(name) || (FIELD.test(name) && !SECRET.test(name))
}

/** Whether a variable may be logged of TCP and UDP services. */
export function isStreamLogVariable(name: string): boolean {
  return streamLogVariables.has(name)
}
