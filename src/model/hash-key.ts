/**
 * What endpoints are chosen by: text, and variables of an allow-list. NGINX refuses a whole configuration for a variable
 * that it does not know, and expands whatever follows a dollar sign; so neither is ever printed as it was written.
 */
import type { VariableText } from './balancing.ts'
import type { Parsed } from './values.ts'

/** Known before a backend is chosen, to every NGINX from 1.22 on. */
const HASH_VARIABLES: ReadonlySet<string> = new Set([
  ...['remote_addr', 'binary_remote_addr', 'remote_port', 'remote_user', 'realip_remote_addr', 'proxy_protocol_addr', 'the_real_ip'],
  ...['request_uri', 'uri', 'document_uri', 'args', 'query_string', 'request_method', 'request_id', 'req_id', 'content_type'],
  ...['host', 'best_http_host', 'server_name', 'server_port', 'server_protocol', 'scheme', 'https', 'ssl_session_id', 'ssl_server_name'],
])
/** Fields, cookies and arguments of the request, by name. */
const BY_NAME = /^(http|cookie|arg)_[a-z0-9_]{1,60}$/

const LONGEST_KEY = 500

/** Reads `$variable`, `${variable}`, and text of letters, digits and `_.:/-` between them; at least one variable. */
export function parseHashKey(given: string): Parsed<VariableText> {
  if (given.length > LONGEST_KEY) return refuse(`is longer than ${LONGEST_KEY} characters`)
  const parts: VariableText[number][] = []
  for (const [part, braced, bare] of given.matchAll(/\$\{([A-Za-z0-9_]+)\}|\$([A-Za-z0-9_]+)|[A-Za-z0-9_.:/-]+|./gs)) {
    const written = braced ?? bare
    if (written === undefined) {
      if (!/^[A-Za-z0-9_.:/-]+$/.test(part)) return refuse('is not made of variables, letters, digits and _.:/-')
      parts.push({ kind: 'text', text: part })
      continue
    }
    // Names of variables are compared without case.
    const name = written.toLowerCase()
    if (!isHashVariable(name)) return refuse(`has $${written}, which may not be hashed by or does not exist`)
    parts.push({ kind: 'variable', name })
  }
  return parts.some(({ kind }) => kind === 'variable')
    ? { ok: true, value: parts }
    : refuse('has no variable, so that all requests would go to one endpoint')
}

function isHashVariable(name: string): boolean {
  return HASH_VARIABLES.has(name) || BY_NAME.test(name)
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
