/** A gRPC service and its client on bare HTTP/2: messages are length-prefixed, the outcome comes in a trailer. */
import { once } from 'node:events'
import {
  type ClientHttp2Stream,
  connect,
  createSecureServer,
  createServer,
  type Http2Session,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { eventually } from './eventually.ts'

export type GrpcBackend = AsyncDisposable & { readonly name: string; readonly address: string; readonly port: number }

const MESSAGE_PREFIX_BYTES = 5

/** One message, uncompressed: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function frame(message: string): Buffer {
  const prefix = Buffer.alloc(MESSAGE_PREFIX_BYTES)
  prefix.writeUInt32BE(Buffer.byteLength(message), 1)
  return Buffer.concat([prefix, Buffer.from(message)])
}

/** The whole messages in the bytes, and the bytes that are left over. */
function unframe(bytes: Buffer): { readonly messages: readonly string[]; readonly rest: Buffer } {
  const messages: string[] = []
  let rest = bytes
  while (rest.length >= MESSAGE_PREFIX_BYTES) {
    const end = MESSAGE_PREFIX_BYTES + rest.readUInt32BE(1)
    if (rest.length < end) break
    messages.push(rest.toString('utf8', MESSAGE_PREFIX_BYTES, end))
    rest = rest.subarray(end)
  }
  return { messages, rest }
}

/** Answers each message at once with `NAME: message`, and ends with grpc-status 0, or 5 (NOT_FOUND) for the method /fail. */
export async function startGrpcBackend(name: string, tls?: SecureServerOptions): Promise<GrpcBackend> {
  const server = tls === undefined ? createServer() : createSecureServer(tls)
  const sessions = new Set<Http2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    // A client that has gone is no failure of the backend.
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': headers[':path'] === '/fail' ? '5' : '0', 'grpc-message': name }))
    let unread: Buffer = Buffer.alloc(0)
    stream.on('data', (bytes: Buffer) => {
      const { messages, rest } = unframe(Buffer.concat([unread, bytes]))
      unread = rest
      for (const message of messages) stream.write(frame(`${name}: ${message}`))
    })
    stream.on('end', () => stream.end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    name,
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export type GrpcCall = AsyncDisposable & {
  send(message: string): void
  /** No more messages of ours. */
  end(): void
  /** All messages received so far, once there are this many. */
  messages(count: number): Promise<readonly string[]>
  /** The `grpc-status` of the trailers. */
  status(): Promise<string | undefined>
}

/** Calls a method over TLS and HTTP/2, as gRPC clients do. */
export async function callGrpc(port: number, host: string, path: string): Promise<GrpcCall> {
  const session = connect(`https://127.0.0.1:${port}`, { servername: host, rejectUnauthorized: false })
  await once(session, 'connect')
  const stream: ClientHttp2Stream = session.request({
    ':method': 'POST',
    ':path': path,
    ':authority': host,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const received: string[] = []
  let unread: Buffer = Buffer.alloc(0)
  let status: string | undefined
  let failure: Error | undefined
  let hasEnded = false
  stream.on('data', (bytes: Buffer) => {
    const { messages, rest } = unframe(Buffer.concat([unread, bytes]))
    unread = rest
    received.push(...messages)
  })
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status'])
  })
  stream.on('error', (error) => {
    failure = error
  })
  stream.on('close', () => {
    hasEnded = true
  })
  return {
    send: (message) => void stream.write(frame(message)),
    end: () => void stream.end(),
    messages: (count) =>
      eventually(() => {
        if (received.length < count) throw new Error(`${received.length} messages arrived, not ${count}`, { cause: failure })
        return received
      }),
    status: () =>
      eventually(() => {
        if (!hasEnded) throw new Error('the call has not ended')
        return status
      }),
    async [Symbol.asyncDispose]() {
      session.destroy()
      if (!session.closed) await once(session, 'close')
    },
  }
}
