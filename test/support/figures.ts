/** What a test of faults has seen, for a person and for `npm run faults`, which makes the table of it. */

/** A line on standard error that starts with this carries figures as JSON. */
export const FIGURES = 'nginx-ts-figures '

export type Figures = {
  /** Of the table of faults. */
  readonly row: number
  readonly what: string
  readonly seed: number
  /** In the order in which people read them. */
  readonly figures: Readonly<Record<string, string | number>>
}

export function reportFigures(figures: Figures): void {
  process.stderr.write(`${FIGURES}${JSON.stringify(figures)}\n`)
}

/** Milliseconds, as the table shows a distribution of them. */
export function describeTimes(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b)
  const quantile = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)
  return `p50 ${quantile(0.5)}, p95 ${quantile(0.95)}, longest ${quantile(1)} ms`
}

/** Requests of a load, as the table shows them. */
export function describeLoad(counts: {
  readonly sent: number
  readonly refused: number
  readonly cut: number
  readonly wrong: number
  readonly keepAliveClosed: number
}): Record<string, number> {
  const { sent, refused, cut, wrong, keepAliveClosed } = counts
  return { requests: sent, lost: refused + cut + wrong, 'reuse-close': keepAliveClosed }
}
