/** Prints a Model as the files of an NGINX configuration. Pure and synchronous. */

import type { LimitKey, LimitZone } from '../model/limits.ts'
import { hostKey, type KeyPair, type Model, type SecretFile, type Server, type Upstream } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import { limitKeysOf, limitKeyView, limitZoneView } from './access.ts'
import { dispatched } from './canaries.ts'
import { print } from './environment.ts'
import { sessionVariables } from './sessions.ts'
import { streamRootView, streamView } from './streams.ts'
import type { VariableBlock } from './variables.ts'
import { endpointNames, nextPowerOfTwo, type RenderContext, rootView, serverView, upstreamSettingsView, upstreamView } from './views.ts'

export type { NameServer, RenderContext } from './views.ts'

/** One file that never changes: its name carries the hash of its text. */
export type ConfigFile = { readonly path: string; readonly text: string }

/** A whole configuration, not yet anywhere on disk. */
export type ConfigSet = {
  readonly files: readonly ConfigFile[]
  /** Written beside the files; a pair keeps its name when it is renewed with its key kept. */
  readonly keyPairs: readonly KeyPair[]
  /** Written beside the files, for NGINX alone to read; servers name them. */
  readonly secretFiles: readonly SecretFile[]
  /** Of all that a reload would bring: equal hashes, equal behaviour. */
  readonly hash: string
  /** Each server and the file it is printed in. */
  readonly servers: readonly { readonly server: Server; readonly path: string }[]
  /** The file that includes all others, for a generation number of the caller's. */
  rootFile(generation: number): string
}

/** Files of earlier renderings, kept while what they print is the very same object. */
export type RenderMemo = {
  context: RenderContext | undefined
  http: string
  servers: WeakMap<Server, PrintedServer>
  /** The hashes by which servers, upstreams and limits are dealt to shards. */
  readonly places: WeakMap<Sharded, number>
  shards: Map<string, { readonly inputs: readonly unknown[]; readonly file: ConfigFile }>
}

type PrintedServer = { readonly file: ConfigFile; readonly variables: readonly VariableBlock[] }

type Sharded = Server | Upstream | LimitKey | LimitZone

export function createRenderMemo(): RenderMemo {
  return { context: undefined, http: '', servers: new WeakMap(), places: new WeakMap(), shards: new Map() }
}

/** Servers to a shard, about: a change rewrites its server's file and one shard's list. */
const SHARD_SIZE = 64

/** The memo changes how fast the answer comes, never the answer. */
export function render(model: Model, context: RenderContext, memo: RenderMemo = createRenderMemo()): ConfigSet {
  forgetIfSettingsChanged(model, context, memo)
  const servers = model.servers.map((server) => ({ server, ...printServer(server, model, context, memo.servers) }))
  const shards = shardsOf(model, context, memo)
  const certificateShards = certificateShardsOf(model.servers, memo)
  const hostShards = hostShardsOf(model.servers, memo)
  const variables = distinct([...servers.flatMap(({ variables }) => variables), ...sessionVariables(model.upstreams, context.capabilities)])
  const variableShards = variableShardsOf(variables, memo)
  const endpointShards = endpointShardsOf(model, context, memo)
  const streams = model.streams.services.length === 0 ? [] : [fileOf('streams', print('stream.njk', 'stream', streamView(model, context)))]
  const files = {
    shards: shards.map(({ path }) => path),
    certificateShards: certificateShards.map(({ path }) => path),
    hostShards: hostShards.map(({ path }) => path),
    variableShards: variableShards.map(({ path }) => path),
    endpointShards: endpointShards.map(({ path }) => path),
  }
  const view = { ...rootView(model, context, files, variables.length), stream: streamRootView(model, context, streams[0]?.path) }
  const hash = hashOf(print('nginx.conf.njk', 'root', { ...view, generation: 0, hash: 'none' }))
  return {
    files: [
      ...servers.map(({ file }) => file),
      ...shards,
      ...certificateShards,
      ...hostShards,
      ...variableShards,
      ...endpointShards,
      ...streams,
    ],
    keyPairs: model.keyPairs,
    secretFiles: model.secretFiles,
    hash,
    servers: servers.map(({ server, file }) => ({ server, path: file.path })),
    rootFile: (generation) => print('nginx.conf.njk', 'root', { ...view, generation, hash }),
  }
}

/** Every server prints the ports and what the binary can do. */
function forgetIfSettingsChanged(model: Model, context: RenderContext, memo: RenderMemo) {
  const http = JSON.stringify(model.http)
  if (memo.context === context && memo.http === http) return
  memo.context = context
  memo.http = http
  memo.servers = new WeakMap()
  memo.shards = new Map()
}

function printServer(server: Server, model: Model, context: RenderContext, memo: WeakMap<Server, PrintedServer>): PrintedServer {
  const known = memo.get(server)
  if (known !== undefined) return known
  const { text, variables } = serverTextOf(server, model, context)
  const printed = { file: fileOf('servers', text), variables }
  memo.set(server, printed)
  return printed
}

/** The text of a server, and the variables that its locations need. */
function serverTextOf(
  server: Server,
  { http }: Model,
  context: RenderContext,
): { readonly text: string; readonly variables: readonly VariableBlock[] } {
  const locations = dispatched(server.locations, context.capabilities)
  return {
    text: print('server.njk', 'server', serverView({ ...server, locations }, http, context)),
    variables: locations.flatMap(({ dispatch }) => dispatch?.blocks ?? []),
  }
}

/** A variable's name comes of what it says: those of one name are equal. */
function distinct(variables: readonly VariableBlock[]): readonly VariableBlock[] {
  const byName = new Map(variables.map((block) => [block.variable, block]))
  return [...byName.keys()].sort().flatMap((name) => byName.get(name) ?? [])
}

function variableShardsOf(variables: readonly VariableBlock[], memo: RenderMemo): readonly ConfigFile[] {
  return inShards(variables, ({ variable }) => variable).map(([key, blocks]) =>
    rememberShard(
      memo,
      `variables ${key}`,
      blocks.map(({ variable }) => variable),
      () => print('variables.njk', 'variables', { blocks }),
      'variables',
    ),
  )
}

function endpointShardsOf(model: Model, context: RenderContext, memo: RenderMemo): readonly ConfigFile[] {
  return inShards(endpointNames(model, context), ({ name }) => name).map(([key, endpoints]) =>
    rememberShard(
      memo,
      `endpoints ${key}`,
      endpoints.map(({ address }) => address),
      () => print('endpoints.njk', 'endpoints', { names: endpoints }),
      'endpoints',
    ),
  )
}

function shardsOf(model: Model, context: RenderContext, memo: RenderMemo): readonly ConfigFile[] {
  const upstreamShards = shard(model.upstreams, ({ name }) => name, memo)
  const serverShards = shard(model.servers, ({ host }) => hostKey(host), memo)
  const limitKeyShards = shard(limitKeysOf(model), ({ name }) => name, memo)
  const limitZoneShards = shard(model.limitZones, ({ name }) => name, memo)
  const settings = upstreamSettingsView(model)
  const keys = [upstreamShards, serverShards, limitKeyShards, limitZoneShards].flatMap((shards) => [...shards.keys()])
  return inOrder(keys).map((key) => {
    const upstreams = upstreamShards.get(key) ?? []
    const limitKeys = limitKeyShards.get(key) ?? []
    const limitZones = limitZoneShards.get(key) ?? []
    const servers = (serverShards.get(key) ?? []).map((server) => printServer(server, model, context, memo.servers).file.path)
    return rememberShard(
      memo,
      `servers ${key}`,
      [...limitKeys, ...limitZones, ...upstreams, ...servers, settings.keepAlive],
      () => printShard({ limitKeys, limitZones, upstreams, servers, settings }, model, context),
      'shards',
    )
  })
}

type ShardParts = {
  readonly limitKeys: readonly LimitKey[]
  readonly limitZones: readonly LimitZone[]
  readonly upstreams: readonly Upstream[]
  /** Paths of their files. */
  readonly servers: readonly string[]
  readonly settings: ReturnType<typeof upstreamSettingsView>
}

function printShard({ limitKeys, limitZones, upstreams, servers, settings }: ShardParts, model: Model, context: RenderContext): string {
  return print('shard.njk', 'shard', {
    limitKeys: byName(limitKeys).map(limitKeyView),
    limitZones: byName(limitZones).map(limitZoneView),
    upstreams: byName(upstreams).map((upstream) => upstreamView(upstream, model.http, context)),
    servers,
    settings,
  })
}

/** The text of a part of a Model, for who wants to know what becomes of it: servers, then what stands beside them. */
export function printPart(part: Pick<Model, 'servers' | 'upstreams' | 'limitZones'>, model: Model, context: RenderContext): string {
  const servers = part.servers.map((server) => serverTextOf(server, model, context).text)
  const beside = { ...part, limitKeys: limitKeysOf(part), servers: [], settings: upstreamSettingsView(model) }
  return [...servers, ...(part.upstreams.length + part.limitZones.length === 0 ? [] : [printShard(beside, model, context)])].join('\n')
}

function certificateShardsOf(servers: readonly Server[], memo: RenderMemo): readonly ConfigFile[] {
  const withCertificate = servers.filter((server) => server.tls?.keyPair !== undefined)
  const shards = shard(withCertificate, ({ host }) => hostKey(host), memo)
  return inOrder(shards.keys()).map((key) => {
    const entries = (shards.get(key) ?? []).map(({ host, tls }) => ({ host: hostKey(host), keyPair: tls?.keyPair }))
    return rememberShard(
      memo,
      `certificates ${key}`,
      entries.flatMap(({ host, keyPair }) => [host, keyPair]),
      () => print('certificates.njk', 'certificates', { entries }),
      'certificates',
    )
  })
}

/** Names that requests are told from those of other hosts by; a wildcard has none of its own. */
function hostShardsOf(servers: readonly Server[], memo: RenderMemo): readonly ConfigFile[] {
  const shards = shard(
    servers.filter(({ host }) => host.kind === 'exact'),
    ({ host }) => hostKey(host),
    memo,
  )
  return inOrder(shards.keys()).map((key) => {
    const names = (shards.get(key) ?? []).map(({ host }) => hostKey(host))
    return rememberShard(memo, `hosts ${key}`, names, () => print('hosts.njk', 'hosts', { names }), 'hosts')
  })
}

function byName<Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] {
  return items.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function inOrder(keys: Iterable<number>): readonly number[] {
  return [...new Set(keys)].sort((a, b) => a - b)
}

function rememberShard(memo: RenderMemo, key: string, inputs: readonly unknown[], text: () => string, folder: string): ConfigFile {
  const known = memo.shards.get(key)
  if (known !== undefined && known.inputs.length === inputs.length && known.inputs.every((input, index) => input === inputs[index]))
    return known.file
  const file = fileOf(folder, text())
  memo.shards.set(key, { inputs, file })
  return file
}

/** The same for items that are made anew each time. */
function inShards<Item>(items: readonly Item[], nameOf: (item: Item) => string): readonly (readonly [number, readonly Item[]])[] {
  const shards = deal(items, (item) => placeOf(nameOf(item)))
  return inOrder(shards.keys()).map((key) => [key, shards.get(key) ?? []])
}

function deal<Item>(items: readonly Item[], place: (item: Item) => number): ReadonlyMap<number, readonly Item[]> {
  const count = nextPowerOfTwo(Math.ceil(items.length / SHARD_SIZE))
  return Map.groupBy(items, (item) => place(item) % count)
}

function placeOf(name: string): number {
  return Number.parseInt(hashOf(name).slice(0, 6), 16)
}

/** Deals items out by the hash of their name, so that a change moves few of them. */
function shard<Item extends Sharded>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  { places }: RenderMemo,
): ReadonlyMap<number, readonly Item[]> {
  return deal(items, (item) => {
    const known = places.get(item)
    if (known !== undefined) return known
    const place = placeOf(nameOf(item))
    places.set(item, place)
    return place
  })
}

function fileOf(folder: string, text: string): ConfigFile {
  return { path: `${folder}/${hashOf(text)}.conf`, text }
}

function hashOf(text: string): string {
  return shortHash(text, 20)
}
