/** `/healthz`, `/readyz` and `/metrics`, for kubelets and Prometheus. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Metrics } from './metrics.ts'
import type { NginxUsage } from './nginx-metrics.ts'

export type Health = {
  /** Whether this process does its work. */
  readonly isHealthy: () => boolean
  /** Whether everything that was there at the start is served. */
  readonly isReady: () => boolean
}

/** What Prometheus is told. */
export type MetricsPage = { readonly metrics: Metrics; readonly usage: NginxUsage }

/** Listens on every address of the port until the signal aborts; `/metrics` is there for who has any. */
export async function startStatusServer(port: number, health: Health, page: MetricsPage | undefined, signal: AbortSignal): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0]
    if (path === '/metrics' && page !== undefined) {
      response.writeHead(200, { 'content-type': page.metrics.registry.contentType }).end(await page.metrics.text(page.usage))
    } else if (path === '/healthz' || path === '/readyz') {
      const isGood = path === '/healthz' ? health.isHealthy() : health.isReady()
      response.writeHead(isGood ? 200 : 503, { 'content-type': 'text/plain' }).end(isGood ? 'ok\n' : 'not yet\n')
    } else {
      response
        .writeHead(404, { 'content-type': 'text/plain' })
        .end(`${page === undefined ? '' : '/metrics, '}/healthz and /readyz are here\n`)
    }
  })
  server.listen(port)
  await once(server, 'listening')
  signal.addEventListener('abort', () => server.close().closeAllConnections(), { once: true })
  return server
}
