/** A backend that speaks HTTP and HTTPS on one port, by what a connection begins with; it answers `http` or `https`, and its name in `X-Backend`. */
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

export type TlsOrNotBackend = AsyncDisposable & { readonly name: string; readonly address: string; readonly port: number }

/** The type of the record that a TLS client sends first: RFC 8446 section 5.1. */
const HANDSHAKE = 0x16

export async function startTlsOrNotBackend(name: string, tls: { readonly cert: string; readonly key: string }): Promise<TlsOrNotBackend> {
  const say =
    (scheme: string): RequestListener =>
    (_, response) =>
      response.setHeader('x-backend', name).end(scheme)
  const [plain, secure] = [createServer({ keepAliveTimeout: 30_000 }, say('http')), createHttpsServer(tls, say('https'))]
  const sockets = new Set<Socket>()
  const door = createTcpServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (first === null) return
      socket.unshift(first)
      ;(first[0] === HANDSHAKE ? secure : plain).emit('connection', socket)
    })
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  return {
    name,
    address: '127.0.0.1',
    port: (door.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      door.close()
      await once(door, 'close')
    },
  }
}
