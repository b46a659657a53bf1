/** What a configuration of ours may consist of: a directive that is not listed got there by somebody's trick. */
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

const LOCATION: Record<string, Grammar[string]> = {
  proxy_buffering: { args: [1] },
  proxy_buffers: { args: [2] },
  proxy_busy_buffers_size: { args: [1] },
  proxy_max_temp_file_size: { args: [1] },
  proxy_http_version: { args: [1] },
  proxy_request_buffering: { args: [1] },
  client_max_body_size: { args: [1] },
  client_body_buffer_size: { args: [1] },
  set: { args: [2] },
  if: { args: [1, 3], block: { return: { args: [2] }, set: { args: [2] }, proxy_pass: { args: [1] }, grpc_pass: { args: [1] } } },
  add_header: { args: [3] },
  return: { args: [1] },
  proxy_set_header: { args: [2] },
  grpc_set_header: { args: [2] },
  proxy_pass: { args: [1] },
  grpc_pass: { args: [1] },
}

for (const module of ['proxy', 'grpc']) {
  for (const name of ['connect_timeout', 'read_timeout', 'send_timeout', 'buffer_size', 'next_upstream_tries', 'next_upstream_timeout'])
    LOCATION[`${module}_${name}`] = { args: [1] }
  LOCATION[`${module}_next_upstream`] = { args: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }
}

const SERVER: Grammar = {
  listen: { args: [1, 2, 3, 4] },
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
  zone: { args: [2] },
  server: { args: [2, 3] },
  keepalive: { args: [1] },
  keepalive_timeout: { args: [1] },
  keepalive_requests: { args: [1] },
  keepalive_time: { args: [1] },
}

const FOLDERS: Readonly<Record<string, Grammar>> = {
  servers: { server: { args: [0], block: SERVER } },
  shards: { upstream: { args: [1], block: UPSTREAM }, include: { args: [1] } },
  variables: { map: MAP, split_clients: { args: [2], entries: isShare } },
}

const CERTIFICATE_KEY = /^(\\[a-z0-9.-]+|~\*\^\[\^\.\]\+\\\.[a-z0-9.\\-]+\$)$/
const ROUTED_HOST_KEY = /^\\([a-z0-9.-]+)\|\1$/
const CERTIFICATE_FILE = /^[0-9a-f]{20}\.pem$/

/** What has no business in a configuration: each file is made of its folder's directives, a shard of certificates of names and files, one of hosts of names. */
export function strangersIn(configSet: ConfigSet): readonly string[] {
  return configSet.files.flatMap(({ path, text }) => {
    const [folder = ''] = path.split('/')
    const tree = parseDirectives(text)
    if (folder === 'endpoints') return tree.filter((entry) => !isEndpointName(entry)).map(describe)
    if (folder === 'hosts') return tree.filter((entry) => !isRoutedHost(entry)).map(describe)
    if (folder === 'certificates') return tree.filter((entry) => !isCertificate(entry)).map(describe)
    return strangersAmong(tree, FOLDERS[folder] ?? {})
  })
}

function strangersAmong(directives: readonly Directive[], grammar: Grammar): readonly string[] {
  return directives.flatMap((directive) => {
    const { name, args, block } = directive
    const rule = Object.hasOwn(grammar, name) ? grammar[name] : undefined
    const hasBlock = rule?.block !== undefined || rule?.entries !== undefined
    const isKnown = rule?.args.includes(args.length) === true && hasBlock === (block !== undefined)
    if (!isKnown) return [describe(directive)]
    const { entries } = rule
    if (entries === undefined) return strangersAmong(block ?? [], rule.block ?? {})
    const isOurs = OUR_VARIABLE.test(args[1] ?? '')
    return [...(isOurs ? [] : [describe(directive)]), ...(block ?? []).filter((entry) => !entries(entry)).map(describe)]
  })
}

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

/** The locations of a server as NGINX will read them: modifier and path. */
export function locationsIn(text: string): readonly (readonly string[])[] {
  const [server] = parseDirectives(text)
  return (server?.block ?? []).filter(({ name }) => name === 'location').map(({ args }) => args)
}
