/** The figures as a table for people. */
import { megabytes, ms, table } from '../report.ts'
import { percentileOf } from '../statistics.ts'
import type { TimedChanges } from './changes.ts'
import type { InClusterFigures } from './measure.ts'
import type { CpuSeconds, Memory, MemoryUse } from './usage.ts'

type Row = readonly [name: string, pick: (figures: InClusterFigures) => string]

const rows: readonly Row[] = [
  ['cold start: to all served', ({ coldStart }) => ms(coldStart.servedMs)],
  ['cold start: to ready', ({ coldStart }) => ms(coldStart.readyMs)],
  ['cold start: CPU seconds', ({ coldStart }) => describeCpu(coldStart.cpu)],
  ['new Ingress: to the first right answer', ({ newIngress }) => describeTimes(newIngress.times)],
  ['new Ingress: CPU seconds each', ({ newIngress }) => describeCpuEach(newIngress)],
  ['new Ingress: reloads', ({ newIngress }) => `${newIngress.reloads} for ${newIngress.times.length}`],
  ['new endpoint: to its first answer', ({ newEndpoint }) => describeTimes(newEndpoint.times.map(({ firstMs }) => firstMs))],
  ['new endpoint: to the last old answer', ({ newEndpoint }) => describeTimes(newEndpoint.times.map(({ lastMs }) => lastMs))],
  ['new endpoint: CPU seconds each', ({ newEndpoint }) => describeCpuEach(newEndpoint)],
  ['new endpoint: reloads', ({ newEndpoint }) => `${newEndpoint.reloads} for ${newEndpoint.times.length}`],
  ['a turn, by stage', ({ stages }) => describeStages(stages)],
  ['memory, started: controller', ({ memory }) => describeMemory(memory.started.controller)],
  ['memory, started: init, agent, NGINX', ({ memory }) => describeOthers(memory.started)],
  ['memory, after all changes: controller', ({ memory }) => describeMemory(memory.changed.controller)],
  ['memory, after all changes: init, agent, NGINX', ({ memory }) => describeOthers(memory.changed)],
  ['another class: its Ingresses, changes', ({ settings, foreign }) => `${settings.foreign}, ${foreign?.changes ?? 0}`],
  ['another class: our CPU, of a core', ({ foreign }) => share(foreign?.cpu, foreign?.seconds)],
  ['another class, idle: our CPU, of a core', ({ foreign, settings }) => share(foreign?.idleCpu, settings.foreignSeconds)],
  ['another class: our reloads', ({ foreign }) => `${foreign?.reloads ?? 0}`],
]

/** Markdown. */
export function inClusterTable(figures: readonly InClusterFigures[]): string {
  const heading = ['', ...figures.map(({ settings }) => `${settings.ingresses} Ingresses`)]
  return table([heading, ...rows.map(([name, pick]) => [name, ...figures.map(pick)])])
}

function describeTimes(times: readonly number[]): string {
  return `p50 ${ms(percentileOf(times, 50))}, p95 ${ms(percentileOf(times, 95))} (${ms(percentileOf(times, 0))} to ${ms(percentileOf(times, 100))})`
}

function describeCpu({ controller, agent, tests, nginx }: CpuSeconds, digits = 2): string {
  const sum = (controller + agent + tests + nginx).toFixed(digits)
  const parts = [`controller ${controller.toFixed(digits)}`, `agent ${agent.toFixed(digits)}`, `nginx -t ${tests.toFixed(digits)}`]
  return `${sum} (${[...parts, `NGINX ${nginx.toFixed(digits)}`].join(', ')})`
}

function describeCpuEach({ cpu, times }: TimedChanges<unknown>): string {
  const each = (seconds: number) => seconds / times.length
  return describeCpu({ controller: each(cpu.controller), agent: each(cpu.agent), tests: each(cpu.tests), nginx: each(cpu.nginx) }, 3)
}

function describeStages(stages: Readonly<Record<string, number>>): string {
  return Object.entries(stages)
    .map(([stage, time]) => `${stage} ${ms(time)}`)
    .join(', ')
}

function describeMemory({ resident, peak }: Memory): string {
  return `${megabytes(resident)} resident, ${megabytes(peak)} at most`
}

function describeOthers({ init, agent, nginx }: MemoryUse): string {
  return `${megabytes(init.resident)}, ${megabytes(agent.resident)}, ${megabytes(nginx.own)} (shared pages once)`
}

function share(cpu: CpuSeconds | undefined, seconds: number | undefined): string {
  if (cpu === undefined || seconds === undefined) return '–'
  const percent = (used: number) => `${((100 * used) / seconds).toFixed(2)} %`
  const { controller, agent, tests, nginx } = cpu
  return `${percent(controller + agent + tests + nginx)} (controller ${percent(controller)}, agent ${percent(agent)}, NGINX ${percent(nginx)})`
}
