/** What a configuration of ours may consist of: a directive that is not listed got there by somebody's trick. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../../scripts/project.ts'
import type { ConfigSet } from '../../src/render/render.ts'
import { type Directive, parseDirectives } from './directive-tree.ts'

/** For each directive: how many arguments it has, and what may stand in its block. */
type Grammar = { readonly [name: string]: { readonly args: readonly number[]; readonly block?: Grammar } }

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
  set: { args: [2] },
  if: { args: [1, 3], block: { return: { args: [2] }, proxy_pass: { args: [1] } } },
  return: { args: [1] },
  proxy_set_header: { args: [2] },
  grpc_set_header: { args: [2] },
  proxy_pass: { args: [1] },
  grpc_pass: { args: [1] },
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
    const isKnown = rule?.args.includes(args.length) === true && (rule.block === undefined) === (block === undefined)
    return isKnown ? strangersAmong(block ?? [], rule.block ?? {}) : [describe(directive)]
  })
}

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
