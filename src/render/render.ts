/** Prints a Model as the files of an NGINX configuration. Pure and synchronous. */
import { hash as hashText } from 'node:crypto'
import { hostKey, type KeyPair, type Model, type Server, type Upstream } from '../model/model.ts'
import { print } from './environment.ts'
import { nextPowerOfTwo, type RenderContext, rootView, serverView, upstreamSettingsView, upstreamView } from './views.ts'

export type { NameServer, RenderContext } from './views.ts'

/** One file that never changes: its name carries the hash of its text. */
export type ConfigFile = { readonly path: string; readonly text: string }

/** A whole configuration, not yet anywhere on disk. */
export type ConfigSet = {
  readonly files: readonly ConfigFile[]
  /** Written beside the files; a pair keeps its name when it is renewed with its key kept. */
  readonly keyPairs: readonly KeyPair[]
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
  servers: WeakMap<Server, ConfigFile>
  /** The hashes by which servers and upstreams are dealt to shards. */
  readonly places: WeakMap<Server | Upstream, number>
  shards: Map<string, { readonly inputs: readonly unknown[]; readonly file: ConfigFile }>
}

export function createRenderMemo(): RenderMemo {
  return { context: undefined, http: '', servers: new WeakMap(), places: new WeakMap(), shards: new Map() }
}

/** Servers to a shard, about: a change rewrites its server's file and one shard's list. */
const SHARD_SIZE = 64

/** The memo changes how fast the answer comes, never the answer. */
export function render(model: Model, context: RenderContext, memo: RenderMemo = createRenderMemo()): ConfigSet {
  forgetIfSettingsChanged(model, context, memo)
  const servers = model.servers.map((server) => ({ server, file: serverFile(server, model, context, memo.servers) }))
  const shards = shardsOf(model, context, memo)
  const certificateShards = certificateShardsOf(model.servers, memo)
  const hostShards = hostShardsOf(model.servers, memo)
  const view = rootView(model, context, {
    shards: shards.map(({ path }) => path),
    certificateShards: certificateShards.map(({ path }) => path),
    hostShards: hostShards.map(({ path }) => path),
  })
  const hash = hashOf(print('nginx.conf.njk', 'root', { ...view, generation: 0, hash: 'none' }))
  return {
    files: [...servers.map(({ file }) => file), ...shards, ...certificateShards, ...hostShards],
    keyPairs: model.keyPairs,
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

function serverFile(server: Server, model: Model, context: RenderContext, memo: WeakMap<Server, ConfigFile>): ConfigFile {
  const known = memo.get(server)
  if (known !== undefined) return known
  const file = fileOf('servers', print('server.njk', 'server', serverView(server, model.http, context)))
  memo.set(server, file)
  return file
}

function shardsOf(model: Model, context: RenderContext, memo: RenderMemo): readonly ConfigFile[] {
  const upstreamShards = shard(model.upstreams, ({ name }) => name, memo)
  const serverShards = shard(model.servers, ({ host }) => hostKey(host), memo)
  const settings = upstreamSettingsView(model)
  return inOrder([...upstreamShards.keys(), ...serverShards.keys()]).map((key) => {
    const upstreams = upstreamShards.get(key) ?? []
    const servers = (serverShards.get(key) ?? []).map((server) => serverFile(server, model, context, memo.servers).path)
    return rememberShard(
      memo,
      `servers ${key}`,
      [...upstreams, ...servers, settings.zoneSize],
      () =>
        print('shard.njk', 'shard', {
          upstreams: upstreams
            .toSorted((a, b) => (a.name < b.name ? -1 : 1))
            .map((upstream) => upstreamView(upstream, model.http, context)),
          servers,
          settings,
        }),
      'shards',
    )
  })
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

/** Deals items out by the hash of their name, so that a change moves few of them. */
function shard<Item extends Server | Upstream>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  { places }: RenderMemo,
): ReadonlyMap<number, readonly Item[]> {
  const count = nextPowerOfTwo(Math.ceil(items.length / SHARD_SIZE))
  const shards = new Map<number, Item[]>()
  for (const item of items) {
    let place = places.get(item)
    if (place === undefined) {
      place = Number.parseInt(hashOf(nameOf(item)).slice(0, 6), 16)
      places.set(item, place)
    }
    const key = place % count
    const found = shards.get(key)
    if (found === undefined) shards.set(key, [item])
    else found.push(item)
  }
  return shards
}

function fileOf(folder: string, text: string): ConfigFile {
  return { path: `${folder}/${hashOf(text)}.conf`, text }
}

function hashOf(text: string): string {
  return hashText('sha256', text).slice(0, 20)
}
