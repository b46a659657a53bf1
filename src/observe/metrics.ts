/** Prometheus metrics, under the names ingress-nginx gave them where there is one. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Outcome } from '../controller.ts'
import type { ObjectRef } from '../model/issue.ts'

export type Metrics = {
  readonly registry: Registry
  record(outcome: Outcome): void
  masterLost(): void
}

const STAGE_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60]
const PREFIX = 'nginx_ingress_controller_'

/** `now` gives milliseconds since 1970. */
export function createMetrics(now: () => number): Metrics {
  const registry = new Registry()
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
    help: 'Issues in the manifests now.',
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

  function recordRefusal(offender: ObjectRef | undefined, isTemporary: boolean) {
    refusals.inc()
    lastReloadSuccessful.set(0)
    if (!isTemporary) refusedOwner.set({ kind: offender?.kind ?? '', namespace: offender?.namespace ?? '', name: offender?.name ?? '' }, 1)
  }

  return {
    registry,
    masterLost: () => restarts.inc(),
    record({ result, times, issues: found }) {
      for (const [stage, time] of Object.entries(times)) stages.observe({ stage }, time / 1000)
      issues.reset()
      for (const { code, severity } of found) issues.inc({ code, severity })
      refusedOwner.reset()
      if (result.kind === 'refused') {
        recordRefusal(result.offender, result.isTemporary)
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
