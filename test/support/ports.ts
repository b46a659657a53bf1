/** Ports for servers of the tests. */
import { createServer } from 'node:net'

/**
 * Below those from which the kernel takes one for each connection that leaves (ip_local_port_range): it might be taken while a
 * server is down, for longer than a test lasts, or a client that tries to reach the server be connected to itself.
 */
const [FIRST_PORT, LAST_PORT] = [12_000, 32_000]
/** Suites that run side by side look in different places. */
const WORKERS = 8
const PORTS_EACH = Math.floor((LAST_PORT - FIRST_PORT) / WORKERS)
const firstOfOurs = FIRST_PORT + ((Number(process.env['JEST_WORKER_ID'] ?? 1) - 1) % WORKERS) * PORTS_EACH
let portsTaken = Math.floor(Math.random() * PORTS_EACH)

/** A port that nobody listens on, and that is given once only until all were. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS_EACH; tries += 1) {
    portsTaken += 1
    const port = firstOfOurs + (portsTaken % PORTS_EACH)
    if (await canListen(port)) return port
  }
  throw new Error(`every port from ${firstOfOurs} to ${firstOfOurs + PORTS_EACH - 1} is taken`)
}

/** On any address of this machine. */
async function canListen(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}
