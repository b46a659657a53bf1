/** The Pods of the benchmark: a process that listens on every address, and answers which one it was asked at. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { ENDPOINT_PORT } from './shops.ts'

export async function startBackends(): Promise<AsyncDisposable> {
  const child: ChildProcess = fork(import.meta.filename, { execArgv: [], stdio: 'inherit' })
  await once(child, 'message')
  return {
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => response.end(request.socket.localAddress))
  server.listen(ENDPOINT_PORT, '0.0.0.0')
  await once(server, 'listening')
  process.on('disconnect', () => process.exit())
  process.send?.('listening')
}
