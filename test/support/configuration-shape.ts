/** What a configuration of ours may consist of: a directive that is not listed got there by somebody's trick. */
import type { ConfigSet } from '../../src/render/render.ts'
import { type Directive, parseDirectives } from './directive-tree.ts'

/** For each directive: how many arguments it has, and what may stand in its block. */
type Grammar = { readonly [name: string]: { readonly args: readonly number[]; readonly block?: Grammar } }

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
  if: { args: [1, 4], block: { return: { args: [1, 2] } } },
  return: { args: [1, 2] },
  rewrite: { args: [3] },
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
}

const CERTIFICATE_KEY = /^(\\[a-z0-9.-]+|~\*\^\[\^\.\]\+\\\.[a-z0-9.\\-]+\$)$/
const ROUTED_HOST_KEY = /^\\([a-z0-9.-]+)\|\1$/
const CERTIFICATE_FILE = /^[0-9a-f]{20}\.pem$/

/** What has no business in a configuration: each file is made of its folder's directives, a shard of certificates of names and files, one of hosts of names. */
export function strangersIn(configSet: ConfigSet): readonly string[] {
  return configSet.files.flatMap(({ path, text }) => {
    const [folder = ''] = path.split('/')
    const tree = parseDirectives(text)
    if (folder === 'hosts') return tree.filter((entry) => !isRoutedHost(entry)).map(describe)
    if (folder === 'certificates') return tree.filter((entry) => !isCertificate(entry)).map(describe)
    return strangersAmong(tree, FOLDERS[folder] ?? {})
  })
}

function strangersAmong(directives: readonly Directive[], grammar: Grammar): readonly string[] {
  return directives.flatMap((directive) => {
    const { name, args, block } = directive
    const rule = Object.hasOwn(grammar, name) ? grammar[name] : undefined
    const isKnown =
      rule?.args.includes(args.length) === true && (rule.block === undefined) === (block === undefined) && isWellMade(directive)
    return isKnown ? strangersAmong(block ?? [], rule.block ?? {}) : [describe(directive)]
  })
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
  if (name === 'if') return first === '($plain_http)' || (first === '($rewritten' && args.length === 4)
  if (name === 'set')
    return (
      first === '$route' || first === '$proxy_upstream_name' || (first === '$rewritten' && /^(?:[A-Za-z0-9\-._~/:]|\$[1-9])+$/.test(second))
    )
  if (name !== 'return') return true
  return args.length === 1 ? /^[0-9]{3}$/.test(first) : REDIRECT_URL.test(second)
}

/** A whole URL without any variable, or one of a scheme and a host of the request's. */
const REDIRECT_URL =
  /^(?:https?:\/\/[^$\s]+|https:\/\/\$host(?::[0-9]+)?\$request_uri|\$[a-z_]+:\/\/\$[a-z_]+\/[^$\s]*|\$[a-z_]+:\/\/[a-z0-9.-]+\$named_port\$request_uri)$/

function isCertificate({ name, args, block }: Directive): boolean {
  return CERTIFICATE_KEY.test(name) && args.length === 1 && CERTIFICATE_FILE.test(args[0] ?? '') && block === undefined
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
