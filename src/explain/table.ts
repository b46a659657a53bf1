/** Rows of a mark, a name, a verdict and what is said, aligned for a terminal. */
import { styleText } from 'node:util'
import type { Level } from './schema.ts'

export type TextSettings = {
  /** Columns. */
  readonly width: number
  readonly colour: boolean
  /** Every Ingress and every line, however many there are. */
  readonly verbose: boolean
}

export const MARKS: Readonly<Record<Level, string>> = { blocked: '✗', ignored: '!', different: '~', fine: '✓' }
export const COLOURS = { blocked: 'red', ignored: 'yellow', different: 'cyan', fine: 'green' } as const
const LONGEST_LABEL = 34
/** What is said needs so many columns beside names and verdicts, or has lines of its own. */
export const NARROWEST = 40
export const MESSAGE_INDENT = 6

/** What is said in one row: mark, name, verdict, and the rest below one another. */
export type Row = {
  readonly level: Level
  readonly label: string
  readonly verdict: string
  readonly details: readonly Detail[]
}
/** `faint`: what may be read over. */
export type Detail = { readonly text: string; readonly isFaint?: boolean; readonly isWhole?: boolean }

/** Wide enough for all but the longest. */
export function columnFor(labels: readonly string[]): number {
  return labels.reduce((most, { length }) => (length <= LONGEST_LABEL ? Math.max(most, length) : most), 0)
}

/** How wide names and verdicts are. */
export type Columns = { readonly names: number; readonly verdicts: number }

/** A row a name, with what is said beside it, or below where that is too narrow. */
export function table(rows: readonly Row[], columns: Columns, settings: TextSettings): readonly string[] {
  const { names, verdicts } = columns
  const beside = 2 + 2 + names + 2 + verdicts + 2
  const isNarrow = settings.width - beside < NARROWEST
  const indent = isNarrow ? MESSAGE_INDENT : beside
  const width = settings.width - indent
  return rows.flatMap(({ level, label, verdict, details }) => {
    const mark = paint(COLOURS[level], MARKS[level], settings)
    const texts = details.flatMap(({ text, isFaint, isWhole }) =>
      (isWhole ? [cut(text, width, settings)] : wrap(text, width)).map((line) => (isFaint ? paint('dim', line, settings) : line)),
    )
    const [first, ...others] = isNarrow || label.length > names ? [undefined, ...texts] : texts
    const padding = first === undefined ? '' : ' '.repeat(verdicts - verdict.length + 2)
    return [
      `  ${mark} ${label.padEnd(isNarrow ? 0 : names)}  ${paint(COLOURS[level], verdict, settings)}${padding}${first ?? ''}`,
      ...others.map((line) => `${' '.repeat(indent)}${line}`),
    ]
  })
}

/** Lines of whole words; a longer word has a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

/** A line of configuration stays one line, and can be had whole. */
export function cut(text: string, width: number, { verbose }: TextSettings): string {
  return verbose || text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

/** In that style, where there is colour. */
export function paint(style: Parameters<typeof styleText>[0], text: string, { colour }: TextSettings): string {
  return colour ? styleText(style, text, { validateStream: false }) : text
}
