/** Backends of the tests: real servers on loopback addresses that say who they are and what arrived. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What a backend saw of a request. */
export type Seen = {
  readonly backend: string
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly bodyLength: number
  /** In hexadecimal. */
  readonly bodySha256: string
  /** Counts the connections of this backend; equal numbers, one connection. */
  readonly connection: number
}

export type Backend = AsyncDisposable & { readonly name: string; readonly address: string; readonly port: number; readonly server: Server }

export type BackendOptions = {
  readonly address?: string
  /** One of the system's choice when not given. */
  readonly port?: number
  /** PEM texts, for an HTTPS backend; and whether it asks clients for a certificate, which it takes from anybody. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly requestCert?: boolean; readonly rejectUnauthorized?: boolean }
  /** In place of the answer that says what was seen. */
  readonly answer?: RequestListener
}

/** Starts a backend. */
export async function startBackend(name: string, options: BackendOptions = {}): Promise<Backend> {
  let connections = 0
  const numbers = new WeakMap<Socket, number>()
  const listener: RequestListener =
    options.answer ?? ((request, response) => void sayWhatWasSeen(name, numbers.get(request.socket) ?? 0, request, response))
  const server =
    options.tls === undefined ? createServer({ keepAliveTimeout: 30_000 }, listener) : createHttpsServer({ ...options.tls }, listener)
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => numbers.set(socket, ++connections))
  server.listen(options.port ?? 0, options.address ?? '127.0.0.1')
  await once(server, 'listening')
  return {
    name,
    address: options.address ?? '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function sayWhatWasSeen(backend: string, connection: number, request: IncomingMessage, response: ServerResponse) {
  const body = await buffer(request)
  const seen: Seen = {
    backend,
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    trailers: request.trailers,
    bodyLength: body.length,
    bodySha256: createHash('sha256').update(body).digest('hex'),
    connection,
  }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(seen))
}
