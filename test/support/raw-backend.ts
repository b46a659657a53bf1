/** Backends on bare sockets, for what an HTTP server would not do. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type RawBackend = AsyncDisposable & {
  readonly name: string
  readonly address: string
  readonly port: number
  /** The head of each request that arrived. */
  readonly heads: readonly string[]
}

/** Gathers each connection's bytes up to the end of the head of its first request and hands the socket over. */
export async function startRawBackend(name: string, onHead: (head: string, socket: Socket) => void): Promise<RawBackend> {
  const sockets = new Set<Socket>()
  const heads: string[] = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // A test that cuts a connection expects the other side's complaint.
    socket.on('error', () => {})
    let received = ''
    const gather = (bytes: Buffer) => {
      received += bytes.toString('latin1')
      if (!received.includes('\r\n\r\n')) return
      socket.off('data', gather)
      heads.push(received)
      onHead(received, socket)
    }
    socket.on('data', gather)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    name,
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    heads,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** RFC 6455 section 1.3: what proves that the handshake was understood. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64')
}

/** Accepts the websocket handshake, greets, and sends back what it gets in upper case. A request that is none gets 426. */
export async function startWebSocketBackend(name: string): Promise<RawBackend> {
  return await startRawBackend(name, (head, socket) => {
    const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(head)?.[1]
    const isHandshake = /^Upgrade: websocket\r$/im.test(head) && /^Connection: upgrade\r$/im.test(head)
    if (key === undefined || !isHandshake) {
      socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      return
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\n\r\nwelcome;`,
    )
    socket.on('data', (bytes) => void socket.write(bytes.toString('latin1').toUpperCase(), 'latin1'))
  })
}
