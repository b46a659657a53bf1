/** The figures as tables for people. */
import type { AppliedFigures, ChangeFigures, ControlPlaneFigures } from './control-plane.ts'
import type { DataPathFigures } from './data-path.ts'
import type { ReflectorFigures } from './reflector.ts'
import { describeSpread } from './statistics.ts'

type Row = readonly [name: string, pick: (figures: ControlPlaneFigures) => string]

const controlPlaneRows: readonly Row[] = [
  ['everything: translate + render', ({ full }) => `${ms(full.translate + full.render)} (${ms(full.translate)} + ${ms(full.render)})`],
  ['everything: files, size', ({ full }) => `${full.files}, ${kilobytes(full.bytes)}`],
  ['everything: written', ({ start }) => `${kilobytes(start.bytes)} in ${ms(start.write)}`],
  ['everything: nginx -t', ({ start }) => ms(start.test)],
  ['everything: start to confirmed', ({ start }) => ms(start.reload)],
  ...changeRows('one Ingress changed', ({ ingressChange }) => ingressChange),
  ...changeRows('one EndpointSlice changed', ({ endpointsChange }) => endpointsChange),
  ['memory after gc: heap', ({ memory }) => megabytes(memory.heap)],
  ['memory after gc: resident', ({ memory }) => `${megabytes(memory.resident)} (${megabytes(memory.empty)} with no Ingress)`],
  ['memory: resident peak', ({ memory }) => megabytes(memory.peak)],
]

function changeRows(name: string, pick: (figures: ControlPlaneFigures) => ChangeFigures): readonly Row[] {
  const applied = (show: (figures: AppliedFigures) => string) => (figures: ControlPlaneFigures) => show(pick(figures).applied)
  return [
    [`${name}: translate + render`, (figures) => describePlanning(pick(figures))],
    [`${name}: servers rendered`, (figures) => String(pick(figures).serversRendered)],
    [`${name}: written`, applied(({ bytes, write }) => `${kilobytes(bytes)} in ${ms(write)}`)],
    [`${name}: nginx -t`, applied(({ test }) => ms(test))],
    [`${name}: reload to confirmed`, applied(({ reload }) => ms(reload))],
  ]
}

function describePlanning({ median, translate, render, first }: ChangeFigures): string {
  return `${ms(median)} (${ms(translate)} + ${ms(render)}; the first ${ms(first)})`
}

export function controlPlaneTable(figures: readonly ControlPlaneFigures[]): string {
  const heading = ['', ...figures.map(({ ingresses }) => `${ingresses} Ingresses`)]
  return table([heading, ...controlPlaneRows.map(([name, pick]) => [name, ...figures.map(pick)])])
}

export function dataPathTable(figures: readonly DataPathFigures[]): string {
  const heading = ['ours / ideal', 'requests/s', 'ratio', 'p99', 'ratio', 'CPU a request', 'ratio', 'socket errors']
  const rows = figures.map(({ hosts, scheme, ours, ideal, ratios, socketErrors }) => [
    `${scheme}, ${hosts} hosts`,
    `${ours.requestsPerSecond.toFixed(0)} / ${ideal.requestsPerSecond.toFixed(0)}`,
    describeSpread(ratios.requestsPerSecond, 3),
    `${ours.p99Ms.toFixed(2)} / ${ideal.p99Ms.toFixed(2)} ms`,
    describeSpread(ratios.p99, 2),
    `${ours.cpuMicroseconds.toFixed(1)} / ${ideal.cpuMicroseconds.toFixed(1)} µs`,
    describeSpread(ratios.cpu, 3),
    String(socketErrors),
  ])
  return table([heading, ...rows])
}

const reflectorRows: readonly (readonly [name: string, pick: (figures: ReflectorFigures) => string])[] = [
  ['EndpointSlices, endpoints of each', ({ slices, endpoints }) => `${slices}, ${endpoints}`],
  ['first list: time', ({ listMs }) => ms(listMs)],
  ['first list: longest hold of the event loop', ({ longestHoldMs }) => ms(longestHoldMs)],
  ['first list: resident peak', ({ peakMemory, emptyMemory }) => `${megabytes(peakMemory)} (${megabytes(emptyMemory)} before it)`],
  ['listed again: longest hold of the event loop', ({ longestHoldAgainMs }) => ms(longestHoldAgainMs)],
  ['listed again: resident peak', ({ peakMemoryAgain }) => megabytes(peakMemoryAgain)],
  ['memory after gc: heap', ({ heapAfterwards }) => megabytes(heapAfterwards)],
]

export function reflectorTable(runs: readonly (readonly [name: string, figures: ReflectorFigures])[]): string {
  const heading = ['', ...runs.map(([name]) => name)]
  return table([heading, ...reflectorRows.map(([name, pick]) => [name, ...runs.map(([, figures]) => pick(figures))])])
}

/** Markdown, aligned, so that it reads well in a terminal too. */
export function table(rows: readonly (readonly string[])[]): string {
  const [heading = []] = rows
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  return [line(heading), rule, ...rows.slice(1).map(line)].join('\n')
}

export function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
