/** Prometheus metrics, under the names ingress-nginx gave them where there is one. */
import { X509Certificate } from 'node:crypto'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Outcome } from '../controller.ts'
import type { KeyPair, Model } from '../model/model.ts'
import { hostKey } from '../model/model.ts'
import { type NginxUsage, registerNginxMetrics } from './nginx-metrics.ts'

export type Metrics = {
  readonly registry: Registry
  /** All of it in Prometheus' text format, with the figures of NGINX as they are now. */
  text(usage: NginxUsage): Promise<string>
  record(outcome: Outcome): void
  /** How often NGINX's master has ended unasked since its agent started. */
  mastersLost(count: number): void
  /** Whether this replica is the leader. */
  leads(isLeader: boolean): void
}

/** Labels of every metric, by which ingress-nginx's dashboards choose the controller. */
export type MetricLabels = {
  readonly controller_class?: string
  readonly controller_namespace?: string
  readonly controller_pod?: string
}

const STAGE_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60]
const PREFIX = 'nginx_ingress_controller_'

/** `now` gives milliseconds since 1970. */
export function createMetrics(now: () => number, labels: MetricLabels = {}): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels(labels)
  const registers = [registry]
  const reloads = new Counter({ registers, name: `${PREFIX}success`, help: 'Configurations that NGINX took.' })
  const refusals = new Counter({ registers, name: `${PREFIX}errors`, help: 'Configurations that NGINX refused.' })
  const lastReloadSuccessful = new Gauge({
    registers,
    name: `${PREFIX}config_last_reload_successful`,
    help: 'Whether NGINX took the last configuration (1) or refused it (0).',
  })
  const lastReloadTime = new Gauge({
    registers,
    name: `${PREFIX}config_last_reload_successful_timestamp_seconds`,
    help: 'When NGINX last took a configuration.',
  })
  const configHash = new Gauge({
    registers,
    name: `${PREFIX}config_hash`,
    help: 'Running configuration, as the first 32 bits of its hash.',
  })
  const refusedOwner = new Gauge({
    registers,
    name: 'nginx_ts_refused_configuration',
    help: 'Owner of the block that NGINX refuses now.',
    labelNames: ['kind', 'namespace', 'name'] as const,
  })
  const issues = new Gauge({
    registers,
    name: 'nginx_ts_issues',
    help: 'Issues now.',
    labelNames: ['code', 'severity'] as const,
  })
  const generation = new Gauge({ registers, name: 'nginx_ts_generation', help: 'Number of the configuration that every worker serves.' })
  const stages = new Histogram({
    registers,
    name: 'nginx_ts_stage_duration_seconds',
    help: 'Time of each stage from a change to confirmed workers.',
    labelNames: ['stage'] as const,
    buckets: STAGE_SECONDS,
  })
  const restarts = new Counter({
    registers,
    name: 'nginx_ts_master_restarts_total',
    help: 'Times that the NGINX master ended unasked and was started again.',
  })

  const leader = new Gauge({
    registers,
    name: `${PREFIX}leader_election_status`,
    help: 'Whether this replica is the one that writes status and Events (1).',
  })
  const certificateExpiry = new Gauge({
    registers,
    name: `${PREFIX}ssl_expire_time_seconds`,
    help: 'When the certificate of a host ends, in seconds since 1970; host "_" is the default certificate.',
    labelNames: ['host'] as const,
  })
  const refreshNginx = registerNginxMetrics(registry)
  let model: Model | undefined

  return {
    registry,
    async text(usage) {
      await refreshNginx(usage)
      certificateExpiry.reset()
      for (const [host, time] of model === undefined ? [] : certificateEnds(model)) certificateExpiry.set({ host }, time / 1000)
      return await registry.metrics()
    },
    mastersLost(count) {
      restarts.reset()
      restarts.inc(count)
    },
    leads: (isLeader) => leader.set(isLeader ? 1 : 0),
    record({ result, times, issues: found, model: planned }) {
      model = planned
      for (const [stage, time] of Object.entries(times)) stages.observe({ stage }, time / 1000)
      issues.reset()
      for (const { code, severity } of found) issues.inc({ code, severity })
      refusedOwner.reset()
      for (const { code, object } of found) {
        if (code !== 'configuration-refused') continue
        refusedOwner.set({ kind: object?.kind ?? '', namespace: object?.namespace ?? '', name: object?.name ?? '' }, 1)
      }
      if (result.kind === 'refused') {
        refusals.inc()
        lastReloadSuccessful.set(0)
        return
      }
      lastReloadSuccessful.set(1)
      generation.set(result.generation.number)
      configHash.set(Number.parseInt(result.generation.hash.slice(0, 8), 16))
      if (result.kind === 'applied') {
        reloads.inc()
        lastReloadTime.set(now() / 1000)
      }
    },
  }
}

/** Milliseconds since 1970 by host, as `_` for the default certificate. */
function certificateEnds({ servers, keyPairs, http }: Model): readonly (readonly [string, number])[] {
  const byName = new Map(keyPairs.map((pair) => [pair.name, pair]))
  const shown = servers.flatMap(({ host, tls }) => (tls?.keyPair === undefined ? [] : [[hostKey(host), tls.keyPair] as const]))
  return [['_', http.defaultKeyPair] as const, ...shown].flatMap(([host, name]) => {
    const pair = byName.get(name)
    return pair === undefined ? [] : [[host, endOf(pair)] as const]
  })
}

const ends = new WeakMap<KeyPair, number>()

function endOf(pair: KeyPair): number {
  const known = ends.get(pair) ?? Date.parse(new X509Certificate(pair.pem).validTo)
  ends.set(pair, known)
  return known
}
