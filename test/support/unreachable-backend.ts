/** An endpoint that nobody can connect to, as one behind a firewall: it listens, takes no connection, and its queue is full. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'

export type UnreachableBackend = AsyncDisposable & { readonly name: string; readonly address: string; readonly port: number }

/** More than a queue for one connection takes: the kernel does not answer the others. */
const CONNECTIONS = 8

const LISTEN = `
  const server = require('node:net').createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(server.address().port))
`

export async function startUnreachableBackend(name: string): Promise<UnreachableBackend> {
  const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')).map(Number)
  // It has no turn any more in which it could accept.
  child.kill('SIGSTOP')
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(port ?? 0, '127.0.0.1').on('error', () => {}))
  await Promise.race(sockets.map((socket) => once(socket, 'connect')))
  return {
    name,
    address: '127.0.0.1',
    port: port ?? 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
