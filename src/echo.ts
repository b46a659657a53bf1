/** Stands in for Services without endpoints: answers every request with what arrived and which Service it was for. */
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type EchoAnswer = {
  readonly service: { readonly namespace: string; readonly name: string; readonly port: string }
  readonly method: string
  readonly path: string
  readonly host: string
  readonly headers: IncomingMessage['headers']
}

/** Any account's workers may connect; the directory decides who gets this far. */
const SOCKET_MODE = 0o666

/** Listens on a unix socket until the signal aborts. `header` is the request header that names the chosen Service. */
export async function startEcho(socketPath: string, header: string, signal: AbortSignal): Promise<void> {
  await rm(socketPath, { force: true })
  const server = createServer((request, response) => answer(request, response, header.toLowerCase()))
  server.listen(socketPath)
  await once(server, 'listening')
  await chmod(socketPath, SOCKET_MODE)
  signal.addEventListener('abort', () => server.close().closeAllConnections(), { once: true })
}

function answer(request: IncomingMessage, response: ServerResponse, header: string) {
  const { [header]: chosen, ...headers } = request.headers
  const { namespace, service, port } = JSON.parse(String(chosen ?? '{}'))
  const body: EchoAnswer = {
    service: { namespace, name: service, port },
    method: request.method ?? '',
    path: request.url ?? '',
    host: request.headers.host ?? '',
    headers,
  }
  request.resume()
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(body, null, 2)}\n`)
  })
}
