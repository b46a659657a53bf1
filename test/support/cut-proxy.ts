/** A wire to an API server that a test may cut. It carries bytes as they are, TLS and all. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

export type CutProxy = AsyncDisposable & {
  readonly port: number
  /** From now on connections are reset, or they stand and nothing passes, as when a route is lost. */
  cut(manner: 'reset' | 'hang'): void
  /** What was cut stays so; new connections pass. */
  heal(): void
}

/** Listens on a port of its own. What passes arrives so much later, each way. */
export async function startCutProxy(targetPort: number, latencyMs = 0): Promise<CutProxy> {
  let manner: 'reset' | 'hang' | undefined
  const sockets = new Set<Socket>()
  const own = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }

  const server = createServer((client) => {
    own(client)
    if (manner === 'reset') return client.resetAndDestroy()
    if (manner === 'hang') return client.pause()
    const target = connect(targetPort, '127.0.0.1')
    own(target)
    client.pipe(delay(latencyMs)).pipe(target).pipe(delay(latencyMs)).pipe(client)
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
    return client
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    cut(how) {
      manner = how
      for (const socket of sockets) {
        if (how === 'reset') socket.resetAndDestroy()
        else socket.unpipe().pause()
      }
    },
    heal() {
      manner = undefined
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function delay(milliseconds: number): Transform {
  return new Transform({
    transform(chunk, _encoding, pass) {
      setTimeout(() => pass(undefined, chunk), milliseconds)
    },
  })
}
