/**
 * An API server made of paper. It exists to misbehave: a real one cannot be asked to send half a line, an old event or
 * a page of HTML, nor to forget its history this very moment. What it does when it behaves is what the real one does
 * (lists in pages with a snapshot's token, watches from a version, bookmarks, 410), and tests against the real one in
 * test/e2e/ hold that.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IngressBuilder, Manifest } from './objects.ts'

export type ApiObject = Manifest | IngressBuilder
type Stored = { readonly key: string; readonly object: Record<string, unknown>; readonly version: number }
type Event = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly stored: Stored }

export type FakeRequest = {
  readonly method: string
  /** Last part of the collection's path: `ingresses`. */
  readonly resource: string
  readonly kind: 'list' | 'watch' | 'get'
  readonly path: string
  readonly query: URLSearchParams
}

/** What is done instead of answering; `drip` and `delay` come before or while an answer is given. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly reason?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'body'; readonly text: string; readonly type?: string }
  /** The connection is reset after so many bytes of the answer. */
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'drip'; readonly bytesPerSecond: number }

/** A watch that is open now. */
export type OpenWatch = {
  readonly resource: string
  /** Text as it is. */
  send(text: string): void
  /** Ends as a server does whose time is up. */
  end(): void
  reset(): void
  /** Nothing is sent any more, and nothing closed. */
  freeze(): void
}

export type FakeApiServer = {
  readonly url: string
  readonly requests: readonly FakeRequest[]
  apply(...objects: readonly ApiObject[]): void
  remove(resource: string, namespace: string, name: string): void
  /** The names of what is there, by namespace/name. */
  keys(resource: string): readonly string[]
  objects(resource: string): readonly Record<string, unknown>[]
  version(): number
  /** Versions up to now can be watched from no longer, and tokens of lists expire. */
  compact(): void
  /** Everything is gone, and counting begins anew: an etcd restored from nothing. Watches go on, and stay silent. */
  restoreEmpty(): void
  /** Bookmarks to every watch. */
  bookmark(): void
  watches(resource?: string): readonly OpenWatch[]
  /** Asked for every request; the first fault that is given is done. */
  faults: (request: FakeRequest) => Fault | undefined
  /** Changes the lines of events on their way to one watch: doubled, or followed by old ones. */
  mangle: (lines: readonly string[], watch: OpenWatch) => readonly string[]
  /** Closes every connection and refuses new ones. */
  stop(): Promise<void>
  start(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const RESOURCES: Readonly<Record<string, string>> = {
  Ingress: 'ingresses',
  IngressClass: 'ingressclasses',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  Namespace: 'namespaces',
}

export async function startFakeApiServer(): Promise<FakeApiServer> {
  let revision = 1000
  let compacted = 0
  const objects = new Map<string, Map<string, Stored>>()
  const history: { readonly resource: string; readonly event: Event }[] = []
  const snapshots = new Map<string, { readonly version: number; readonly rest: readonly Stored[] }>()
  const requests: FakeRequest[] = []
  const open = new Map<
    OpenWatch,
    { readonly namespace: string | undefined; readonly from: number; readonly deliver: (lines: readonly string[]) => void }
  >()
  const sockets = new Set<Socket>()
  let port = 0
  let http: Server | undefined

  const collection = (resource: string) => {
    const existing = objects.get(resource) ?? new Map<string, Stored>()
    objects.set(resource, existing)
    return existing
  }

  function record(resource: string, event: Event): void {
    history.push({ resource, event })
    for (const [watch, { namespace, from, deliver }] of open) {
      if (watch.resource === resource && event.stored.version > from && isWithin(event.stored, namespace)) deliver([lineOf(event)])
    }
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake')
    const { resource, namespace, name } = placeOf(url.pathname)
    const kind = name !== undefined ? 'get' : url.searchParams.get('watch') === 'true' ? 'watch' : 'list'
    const asked: FakeRequest = { method: request.method ?? '', resource, kind, path: url.pathname, query: url.searchParams }
    requests.push(asked)
    const fault = server.faults(asked)
    const go = (write: (text: string) => void, end: () => void) => {
      if (kind === 'watch') watch(asked, namespace, response, write)
      else send(kind === 'get' ? get(resource, `${namespace ?? ''}/${name}`) : list(asked, namespace), response, write, end)
    }
    void misbehave(fault, request, response, go)
  }

  async function misbehave(
    fault: Fault | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    go: (write: (text: string) => void, end: () => void) => void,
  ): Promise<void> {
    const write = (text: string) => void (response.writableEnded || response.destroyed || response.write(text))
    const end = () => void response.end()
    switch (fault?.kind) {
      case undefined:
        return go(write, end)
      case 'status': {
        response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
        response.end(JSON.stringify(statusOf(fault.status, fault.reason ?? 'Fault')))
        return
      }
      case 'reset':
        request.socket.resetAndDestroy()
        return
      case 'hang':
        return
      case 'body':
        response.writeHead(200, { 'content-type': fault.type ?? 'application/json' })
        response.end(fault.text)
        return
      case 'cut': {
        let left = fault.bytes
        const cut = (text: string) => {
          const part = Buffer.from(text).subarray(0, left)
          left -= part.length
          response.write(part, () => left <= 0 && request.socket.resetAndDestroy())
        }
        return go(cut, () => request.socket.resetAndDestroy())
      }
      case 'delay':
        await sleep(fault.ms)
        return go(write, end)
      case 'drip': {
        let queue = Promise.resolve()
        const step = Math.max(1, Math.floor(fault.bytesPerSecond / 20))
        const drip = (text: string) => {
          const bytes = Buffer.from(text)
          queue = queue.then(async () => {
            for (let at = 0; at < bytes.length && !response.destroyed; at += step) {
              response.write(bytes.subarray(at, at + step))
              await sleep(50)
            }
          })
        }
        return go(drip, () => void queue.then(end))
      }
    }
  }

  function list(request: FakeRequest, namespace: string | undefined): Answer {
    const { query, resource } = request
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY
    const token = query.get('continue')
    const snapshot = token === null ? snapshotOf(resource, namespace) : snapshots.get(token)
    if (snapshot === undefined) return [410, statusOf(410, 'Expired')]
    const rest = snapshot.rest.slice(limit)
    const next = rest.length === 0 ? undefined : `token-${revision}-${snapshots.size}`
    if (next !== undefined) snapshots.set(next, { version: snapshot.version, rest })
    const metadata = { resourceVersion: String(snapshot.version), ...(next === undefined ? {} : { continue: next }) }
    return [200, { kind: 'List', metadata, items: snapshot.rest.slice(0, limit).map(({ object }) => withoutType(object)) }]
  }

  function snapshotOf(resource: string, namespace: string | undefined) {
    return { version: revision, rest: [...collection(resource).values()].filter((stored) => isWithin(stored, namespace)) }
  }

  function get(resource: string, key: string): Answer {
    const stored = collection(resource).get(key)
    return stored === undefined ? [404, statusOf(404, 'NotFound')] : [200, stored.object]
  }

  function watch(request: FakeRequest, namespace: string | undefined, response: ServerResponse, write: (text: string) => void): void {
    if (response.destroyed) return
    const from = Number(request.query.get('resourceVersion'))
    const { resource } = request
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (from < compacted) {
      write(`${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired') })}\n`)
      response.end()
      return
    }
    let isFrozen = false
    const opened: OpenWatch = {
      resource,
      send: (text) => void (isFrozen || write(text)),
      end: () => void response.end(),
      reset: () => void response.socket?.resetAndDestroy(),
      freeze: () => {
        isFrozen = true
      },
    }
    const deliver = (lines: readonly string[]) => {
      for (const line of server.mangle(lines, opened)) opened.send(line)
    }
    const seconds = Number(request.query.get('timeoutSeconds') ?? 600)
    const timer = setTimeout(() => response.end(), seconds * 1000)
    open.set(opened, { namespace, from, deliver })
    response.on('close', () => {
      clearTimeout(timer)
      open.delete(opened)
    })
    const missed = history.filter(
      ({ resource: of, event }) => of === resource && event.stored.version > from && isWithin(event.stored, namespace),
    )
    deliver(missed.map(({ event }) => lineOf(event)))
  }

  const server: FakeApiServer = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    requests,
    faults: () => undefined,
    mangle: (lines) => lines,
    apply(...given) {
      for (const one of given) {
        const manifest = structuredClone('toManifest' in one ? (one as IngressBuilder).toManifest() : one) as Record<string, unknown>
        const resource = RESOURCES[manifest['kind'] as string]
        if (resource === undefined) throw new Error(`there is no kind ${manifest['kind']}`)
        revision += 1
        const metadata = manifest['metadata'] as Record<string, unknown>
        metadata['resourceVersion'] = String(revision)
        const stored = { key: `${metadata['namespace'] ?? ''}/${metadata['name']}`, object: manifest, version: revision }
        const type = collection(resource).has(stored.key) ? 'MODIFIED' : 'ADDED'
        collection(resource).set(stored.key, stored)
        record(resource, { type, stored })
      }
    },
    remove(resource, namespace, name) {
      const before = collection(resource).get(`${namespace}/${name}`)
      if (before === undefined) return
      collection(resource).delete(before.key)
      revision += 1
      const metadata = { ...(before.object['metadata'] as object), resourceVersion: String(revision) }
      record(resource, { type: 'DELETED', stored: { key: before.key, object: { ...before.object, metadata }, version: revision } })
    },
    keys: (resource) => [...collection(resource).keys()].sort(),
    objects: (resource) => [...collection(resource).values()].map(({ object }) => object),
    version: () => revision,
    compact() {
      // A version from before is too old even where nothing has happened since.
      revision += 1
      compacted = revision
      history.length = 0
      snapshots.clear()
    },
    restoreEmpty() {
      objects.clear()
      history.length = 0
      snapshots.clear()
      revision = 1
      compacted = 0
    },
    bookmark() {
      for (const watch of open.keys())
        watch.send(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision) } } })}\n`)
    },
    watches: (resource) => [...open.keys()].filter((watch) => resource === undefined || watch.resource === resource),
    async start() {
      http = createServer(answer)
      http.on('connection', (socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => sockets.delete(socket))
      })
      http.listen(port, '127.0.0.1')
      await once(http, 'listening')
      port = (http.address() as AddressInfo).port
    },
    async stop() {
      const closing = http
      if (closing === undefined) return
      http = undefined
      const closed = once(closing, 'close')
      closing.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async [Symbol.asyncDispose]() {
      await server.stop()
    },
  }
  await server.start()
  return server
}

type Answer = readonly [status: number, body: unknown]

function send([status, body]: Answer, response: ServerResponse, write: (text: string) => void, end: () => void): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  write(JSON.stringify(body))
  end()
}

/** The items of typed lists do not say what they are. */
function withoutType({ kind: _, apiVersion: __, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest
}

function lineOf({ type, stored }: Event): string {
  return `${JSON.stringify({ type, object: stored.object })}\n`
}

function statusOf(code: number, reason: string): Record<string, unknown> {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `a fault: ${reason}` }
}

function isWithin(stored: Stored, namespace: string | undefined): boolean {
  return namespace === undefined || stored.key.startsWith(`${namespace}/`)
}

/** `/api/v1/namespaces/shop/secrets/web-tls`, and all the shorter forms. */
function placeOf(path: string): { readonly resource: string; readonly namespace: string | undefined; readonly name: string | undefined } {
  const parts = path.split('/').filter((part) => part !== '')
  const below = parts.slice(parts[0] === 'api' ? 2 : 3)
  const [first = '', namespace, resource, name] = below
  if (first !== 'namespaces' || resource === undefined) return { resource: first, namespace: undefined, name: namespace }
  return { resource, namespace, name }
}
