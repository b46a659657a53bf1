/** What a configuration of ours may consist of: a directive that is not listed got there by somebody's trick. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { project } from '../../scripts/project.ts'
import { parseCidr } from '../../src/model/values.ts'
import type { ConfigSet } from '../../src/render/render.ts'
import { type Directive, parseDirectives } from './directive-tree.ts'

/** For each directive: how many arguments it has, and what may stand in its block: directives, or the entries of a map. */
type Grammar = {
  readonly [name: string]: { readonly args: readonly number[]; readonly block?: Grammar; readonly entries?: (entry: Directive) => boolean }
}

const NUMBER = /^\d{1,3}$/
const OUR_VARIABLE = /^\$(kept|session|renewed|canary|canary_(weight|cookie|header)|set_cookie)_[0-9a-f]{12}$/
/** A value: a number, a letter, a capture, or a cookie made of our variables. */
const MAP_VALUE =
  /^(|\d{1,3}|[anw]|\$2|\$\{(kept|session|renewed)_[0-9a-f]{12}\}|\$\{session_group\}\.\$\{(request_id|endpoint_name)\}|[A-Za-z0-9_.~-]+=\$\{renewed_[0-9a-f]{12}\}\$\{session_attributes\})$/

/** Keys are `default`, or an expression; nothing that a map would do something else with. */
function isMapEntry({ name, args, block }: Directive): boolean {
  return /^(default|~.*|)$/s.test(name) && args.length === 1 && MAP_VALUE.test(args[0] ?? '') && block === undefined
}

function isShare({ name, args, block }: Directive): boolean {
  return /^(\*|\d{1,2}\.\d{2}%)$/.test(name) && args.length === 1 && NUMBER.test(args[0] ?? '') && block === undefined
}

const MAP = { args: [2], entries: isMapEntry }

/** Words of a list that NGINX has; some of our own lists are shorter. */
const MOST_WORDS = 12

/** The directives that a template has lines of: as many arguments as the line has, up to a dozen where it loops. */
function simpleDirectives(template: string): Grammar {
  const lines = readFileSync(join(project, 'templates', template), 'utf8').matchAll(/^ *((?:\{\{ module \| keyword \}\})?[a-z_]+)(.*);$/gm)
  return Object.fromEntries(
    [...lines].flatMap(([, name = '', rest = '']) => {
      const names = name.startsWith('{{') ? ['proxy', 'grpc'].map((module) => name.replace(/\{\{.*\}\}/, module)) : [name]
      const words = rest
        .replace(/\{\{.*?\}\}/g, 'x')
        .trim()
        .split(/\s+/).length
      const args = rest.includes('{%') ? Array.from({ length: MOST_WORDS }, (_, index) => index + 1) : [words]
      return names.map((each) => [each, { args }])
    }),
  )
}

const LOCATION: Record<string, Grammar[string]> = {
  ...simpleDirectives('location-settings.njk'),
  ...simpleDirectives('backend-tls.njk'),
  satisfy: { args: [1] },
  deny: { args: [1] },
  allow: { args: [1] },
  auth_basic: { args: [1] },
  auth_basic_user_file: { args: [1] },
  limit_req: { args: [3] },
  limit_conn: { args: [2] },
  set: { args: [2] },
  // `($plain_http)`; `($http_origin ~* "…")` and `($cors_preflight ~ "…")`.
  if: { args: [1, 3, 4], block: { return: { args: [1, 2] }, set: { args: [2] }, proxy_pass: { args: [1] }, grpc_pass: { args: [1] } } },
  add_header: { args: [2, 3] },
  proxy_hide_header: { args: [1] },
  grpc_hide_header: { args: [1] },
  auth_request: { args: [1] },
  auth_request_set: { args: [2] },
  error_page: { args: [3] },
  return: { args: [1, 2] },
  rewrite: { args: [3] },
  proxy_set_header: { args: [2] },
  grpc_set_header: { args: [2] },
  proxy_pass: { args: [1] },
  grpc_pass: { args: [1] },
}

/** Where only NGINX itself comes to: it asks an authentication server, or redirects to where clients sign in. */
const INTERNAL_LOCATION: Grammar = {
  internal: { args: [0] },
  client_max_body_size: { args: [1] },
  proxy_pass_request_body: { args: [1] },
  proxy_set_header: { args: [2] },
  proxy_method: { args: [1] },
  proxy_ssl_server_name: { args: [1] },
  proxy_ssl_name: { args: [1] },
  set: { args: [2] },
  proxy_buffering: { args: [1] },
  proxy_cache: { args: [1] },
  proxy_cache_key: { args: [1] },
  proxy_cache_bypass: { args: [1] },
  proxy_no_cache: { args: [1] },
  proxy_cache_valid: { args: Array.from({ length: 51 }, (_, index) => index + 1) },
  rewrite: { args: [3] },
  proxy_pass: { args: [1] },
  add_header: { args: [2, 3] },
  return: { args: [2] },
}

const SERVER: Grammar = {
  listen: { args: [1, 2, 3, 4, 5] },
  server_name: { args: [1] },
  ssl_certificate: { args: [1] },
  ssl_certificate_key: { args: [1] },
  ssl_reject_handshake: { args: [1] },
  add_header: { args: [3] },
  proxy_hide_header: { args: [1] },
  grpc_hide_header: { args: [1] },
  location: { args: [2], block: LOCATION },
}

const UPSTREAM: Grammar = {
  least_conn: { args: [0] },
  hash: { args: [2] },
  sticky: { args: [2] },
  zone: { args: [1, 2] },
  server: { args: [2, 3] },
  keepalive: { args: [1] },
  keepalive_timeout: { args: [1] },
  keepalive_requests: { args: [1] },
  keepalive_time: { args: [1] },
}

const STREAM_SERVER: Grammar = {
  listen: { args: [2, 3] },
  set_real_ip_from: { args: [1] },
  set: { args: [2] },
  proxy_responses: { args: [1] },
  proxy_protocol: { args: [1] },
  proxy_pass: { args: [1] },
}

const STREAM_UPSTREAM: Grammar = { zone: { args: [2] }, least_conn: { args: [0] }, server: { args: [2, 3] } }

const FOLDERS: Readonly<Record<string, Grammar>> = {
  servers: { server: { args: [0], block: SERVER } },
  shards: {
    upstream: { args: [1], block: UPSTREAM },
    limit_req_zone: { args: [3] },
    limit_conn_zone: { args: [2] },
    include: { args: [1] },
  },
  streams: { upstream: { args: [1], block: STREAM_UPSTREAM }, server: { args: [0], block: STREAM_SERVER } },
  variables: { map: MAP, split_clients: { args: [2], entries: isShare } },
}

const CERTIFICATE_KEY = /^(\\[a-z0-9.-]+|~\*\^\[\^\.\]\+\\\.[a-z0-9.\\-]+\$)$/
const ROUTED_HOST_KEY = /^\\([a-z0-9.-]+)\|\1$/
/** Of clients that are not limited: a list of networks by its hash, and the address of everybody else. */
const EXEMPTION = /^\$except_[0-9a-f]{20}$/
const COUNTED = /^\$counted_except_[0-9a-f]{20}$/
const CERTIFICATE_FILE = /^[0-9a-f]{20}\.pem$/

/** What has no business in a configuration: each file is made of its folder's directives, a shard of certificates of names and files, one of hosts of names. */
export function strangersIn(configSet: ConfigSet): readonly string[] {
  return configSet.files.flatMap(({ path, text }) => {
    const [folder = ''] = path.split('/')
    const tree = parseDirectives(text)
    if (folder === 'endpoints') return tree.filter((entry) => !isEndpointName(entry)).map(describe)
    if (folder === 'hosts') return tree.filter((entry) => !isRoutedHost(entry)).map(describe)
    if (folder === 'certificates') return tree.filter((entry) => !isCertificate(entry)).map(describe)
    const others = folder === 'shards' ? tree.filter((entry) => !isLimitKey(entry)) : tree
    return strangersAmong(others, FOLDERS[folder] ?? {})
  })
}

function strangersAmong(directives: readonly Directive[], grammar: Grammar): readonly string[] {
  return directives.flatMap((directive) => {
    const { name, args, block } = directive
    const known = Object.hasOwn(grammar, name) ? grammar[name] : undefined
    const rule = name === 'location' && isInternal(args) ? { args: [1, 2], block: INTERNAL_LOCATION } : known
    const hasBlock = rule?.block !== undefined || rule?.entries !== undefined
    const isKnown =
      rule?.args.includes(args.length) === true &&
      hasBlock === (block !== undefined) &&
      (grammar === INTERNAL_LOCATION || isWellMade(directive))
    if (!isKnown) return [describe(directive)]
    const { entries } = rule
    if (entries === undefined) return strangersAmong(block ?? [], rule.block ?? {})
    const isOurs = OUR_VARIABLE.test(args[1] ?? '')
    return [...(isOurs ? [] : [describe(directive)]), ...(block ?? []).filter((entry) => !entries(entry)).map(describe)]
  })
}

function isLimitKey({ name, args, block = [] }: Directive): boolean {
  const [first = '', second = ''] = args
  if (name === 'geo') return args.length === 1 && EXEMPTION.test(first) && block.every(isExemption)
  return (
    name === 'map' &&
    args.length === 2 &&
    EXEMPTION.test(first) &&
    COUNTED.test(second) &&
    isDeepStrictEqual(
      block.map((entry) => [entry.name, ...entry.args]),
      [
        ['default', '$binary_remote_addr'],
        ['1', ''],
      ],
    )
  )
}

function isExemption({ name, args, block }: Directive): boolean {
  const isDefault = name === 'default' && args[0] === '0'
  return args.length === 1 && block === undefined && (isDefault || (parseCidr(name).ok && args[0] === '1'))
}

/** Where text of tenants stands in an expression, in the replacement of a rewrite or in a URL, and what may stand beside it. */
function isWellMade({ name, args }: Directive): boolean {
  const [first = '', second = '', third = ''] = args
  if (name === 'location') return !first.startsWith('~') || /^\^\//.test(second)
  if (name === 'rewrite')
    return (
      /^\(\?i\)\^\//.test(first) &&
      /^(?:https?:\/\/[A-Za-z0-9.:[\]-]+)?(?:\/|\$[1-9]|$)(?:[A-Za-z0-9\-._~/:]|\$[1-9])*$/.test(second) &&
      /^(?:break|redirect)$/.test(third)
    )
  if (name === 'if') return CONDITION.test(args.join(' '))
  if (name === 'set') return SETTINGS.some(([variable, value]) => variable.test(first) && value.test(second))
  if (name !== 'return') return true
  return args.length === 1 ? /^[0-9]{3}$/.test(first) : REDIRECT_URL.test(second)
}

const CONDITION =
  /^\(\$(?:plain_http\)|is_blocked\)|scheme = https\)|(?:rewritten|http_origin|cors_preflight) ~\*? .*\)|canary_(?:[a-z]+_)?[0-9a-f]{12} = \d{1,3}\)|choice_by_scheme = https\d{1,3}\))$/s

/** The variables that are set, and to what. */
const SETTINGS: readonly (readonly [RegExp, RegExp])[] = [
  [/^\$(?:route|proxy_upstream_name|proxy_alternative_upstream_name|cors_[a-z_]+)$/, /^.*$/s],
  [/^\$rewritten$/, /^(?:[A-Za-z0-9\-._~/:]|\$[1-9])+$/],
  [/^\$session_groups?$/, /^[0-9a-f,]*$/],
  [/^\$choice_by_scheme$/, /^\$scheme\$canary_(?:[a-z]+_)?[0-9a-f]{12}$/],
  [/^\$backend_tls_name$/, /^[a-z0-9.-]+$/],
  [
    /^\$session_attributes$/,
    /^(?:; Path=\/[^;\s]*(?:; Max-Age=-?\d+)?(?:; Domain=[a-z0-9.-]+)?(?:; Secure|\$\{secure_cookie\})?; HttpOnly(?:; SameSite=(?:None|Lax|Strict)|\$\{same_site_none\})?)?$/,
  ],
]

/** A whole URL without any variable, or one of a scheme and a host of the request's. */
const REDIRECT_URL =
  /^(?:https?:\/\/[^$\s]+|https:\/\/\$host(?::[0-9]+)?\$request_uri|\$[a-z_]+:\/\/\$[a-z_]+\/[^$\s]*|\$[a-z_]+:\/\/[a-z0-9.-]+\$named_port\$request_uri)$/

function isCertificate({ name, args, block }: Directive): boolean {
  return CERTIFICATE_KEY.test(name) && args.length === 1 && CERTIFICATE_FILE.test(args[0] ?? '') && block === undefined
}

function isEndpointName({ name, args, block }: Directive): boolean {
  return /^\\[0-9a-f.:[\]]+:\d+$/.test(name) && args.length === 1 && /^[0-9a-f]{12}$/.test(args[0] ?? '') && block === undefined
}

function isRoutedHost({ name, args, block }: Directive): boolean {
  return ROUTED_HOST_KEY.test(name) && args.length === 1 && args[0] === '$http_host' && block === undefined
}

function describe({ name, args, block }: Directive): string {
  return JSON.stringify([name, ...args, ...(block === undefined ? [] : ['{}'])])
}

/** A name of our own making, which no path can have. */
function isInternal(args: readonly string[]): boolean {
  return /^(@sign-in-|= \/_external-auth-)[0-9a-f]{20}$/.test(args.join(' '))
}

/** The locations of a server as NGINX will read them: modifier and path; without those that only NGINX comes to. */
export function locationsIn(text: string): readonly (readonly string[])[] {
  const [server] = parseDirectives(text)
  return (server?.block ?? []).filter(({ name, args }) => name === 'location' && !isInternal(args)).map(({ args }) => args)
}
