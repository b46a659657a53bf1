/** What NGINX does and uses, under the names that ingress-nginx gave them. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ConnectionCounts, ProcessUsage } from '../nginx/usage.ts'

const PREFIX = 'nginx_ingress_controller_nginx_process_'

/** Each may have nothing to say, as while NGINX starts: the figures of before then stay. */
export type NginxUsage = {
  readonly connections: () => Promise<ConnectionCounts | undefined>
  readonly processes: () => Promise<ProcessUsage | undefined>
}

/** Adds the figures to the registry; the function that is given asks for them anew. */
export function registerNginxMetrics(registry: Registry): (usage: NginxUsage) => Promise<void> {
  const registers = [registry]
  const requests = new Counter({ registers, name: `${PREFIX}requests_total`, help: 'Client requests since NGINX started.' })
  const connectionsTotal = new Counter({
    registers,
    name: `${PREFIX}connections_total`,
    help: 'Client connections since NGINX started.',
    labelNames: ['state'],
  })
  const connections = new Gauge({ registers, name: `${PREFIX}connections`, help: 'Client connections now.', labelNames: ['state'] })
  const processes = new Gauge({
    registers,
    name: `${PREFIX}num_procs`,
    help: 'NGINX processes: the master, its workers, and those of before a reload that still have connections.',
  })
  const cpu = new Counter({ registers, name: `${PREFIX}cpu_seconds_total`, help: 'CPU time of the NGINX processes that run now.' })
  const resident = new Gauge({ registers, name: `${PREFIX}resident_memory_bytes`, help: 'Resident memory of NGINX, master and workers.' })
  const virtual = new Gauge({ registers, name: `${PREFIX}virtual_memory_bytes`, help: 'Virtual memory of NGINX, master and workers.' })

  return async (usage) => {
    const [counts, sums] = await Promise.all([usage.connections(), usage.processes()])
    if (counts !== undefined) {
      for (const state of ['active', 'reading', 'writing', 'waiting'] as const) connections.set({ state }, counts[state])
      for (const state of ['accepted', 'handled'] as const) become(connectionsTotal, { state }, counts[state])
      become(requests, {}, counts.requests)
    }
    if (sums !== undefined) {
      processes.set(sums.processes)
      resident.set(sums.residentBytes)
      virtual.set(sums.virtualBytes)
      become(cpu, {}, sums.cpuSeconds)
    }
  }
}

/** A counter that somebody else counts; it begins anew where that one did. */
function become(counter: Counter, labels: Readonly<Record<string, string>>, value: number) {
  counter.remove(labels)
  counter.inc(labels, value)
}
