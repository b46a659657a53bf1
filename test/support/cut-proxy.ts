/** A wire to an API server that a test may cut. It carries bytes as they are, TLS and all. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

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

  /** Timers of one length fire in the order in which they were set. */
  function carry(from: Socket, to: Socket) {
    const later = (pass: () => void) => setTimeout(() => manner !== 'hang' && pass(), latencyMs)
    from.on('data', (bytes) => later(() => to.write(bytes)))
    from.on('end', () => later(() => to.end()))
    from.on('error', () => to.destroy())
  }

  const server = createServer((client) => {
    own(client)
    if (manner === 'reset') return client.resetAndDestroy()
    if (manner === 'hang') return client.pause()
    const target = connect(targetPort, '127.0.0.1')
    own(target)
    carry(client, target)
    carry(target, client)
    return client
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    cut(how) {
      manner = how
      if (how === 'reset') for (const socket of sockets) socket.resetAndDestroy()
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
