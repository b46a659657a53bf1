/**
 * The program of the Pods in a real cluster's tests, run by the Node of our own image, so that the tests need no other
 * one. It says who answers and what arrived, and ends as Kubernetes asks of a server: told to stop, it serves on while others
 * learn of it. It imports nothing of ours.
 */
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Within this time whoever sends requests knows, on a machine that has much else to do too. */
const SERVES_ON_MS = 15_000

const { SERVICE: backend = '', VERSION: version = '' } = process.env
const [PORT, IDLE_CONNECTION_MS] = [8080, 60_000]

const server = createServer({ keepAliveTimeout: IDLE_CONNECTION_MS }, async (request, response) => {
  const { method, url = '', headers } = request
  const { searchParams } = new URL(url, 'http://backend')
  await sleep(Number(searchParams.get('seconds') ?? 0) * 1000)
  const text = searchParams.get('text')
  if (text !== null) return void response.end(text)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ backend, version, pod: hostname(), method, url, headers, remote: request.socket.remoteAddress }))
})
server.listen(PORT)

process.once('SIGTERM', async () => {
  await sleep(SERVES_ON_MS)
  server.close(() => process.exit())
  server.closeIdleConnections()
})
