/** An explanation of a values file for people: for a terminal, and in Markdown. The worst first; what works is counted. */
import { code, escaped, table as markdownTable } from './markdown.ts'
import { type Level, levelNames } from './schema.ts'
import { columnFor, MARKS, paint, type Row, type TextSettings, table, wrap } from './table.ts'
import { type ValueExplanation, type ValuesExplanation, type ValueVerdict, valueLevels } from './values-schema.ts'
import { countOf, numberOf } from './words.ts'

const VERDICT_WORDS: Readonly<Record<ValueVerdict, string>> = {
  same: 'same',
  default: 'asks for nothing',
  template: 'template',
  second: 'look again',
  'no-effect': 'no effect',
  'not-yet': 'not yet',
  refused: 'refused',
  unknown: 'unknown',
  invalid: 'invalid',
}
const LEVEL_WORDS: Readonly<Record<Level, string>> = {
  blocked: 'blocked',
  ignored: 'without effect',
  different: 'different',
  fine: 'as before',
}
const LEVEL_TITLES: Readonly<Record<Level, string>> = {
  blocked: 'To be mended first',
  ignored: 'Asked for, and without effect',
  different: 'To look at again, or without a meaning here',
  fine: 'As it was',
}

export function printValuesText(explanation: ValuesExplanation, settings: TextSettings): string {
  const { values } = explanation
  if (values.length === 0) return 'No values.'
  const shown = levelNames.filter((level) => level !== 'fine' || settings.verbose)
  const told = values.filter(({ level }) => shown.includes(level))
  const columns = {
    names: columnFor(told.map(({ path }) => path)),
    verdicts: Math.max(0, ...told.map(({ verdict }) => VERDICT_WORDS[verdict].length)),
  }
  return [
    wrap(headOf(explanation), settings.width)
      .map((line) => paint('bold', line, settings))
      .join('\n'),
    ...shown.flatMap((level) => {
      const those = told.filter((value) => value.level === level)
      if (those.length === 0) return []
      return [[paint('bold', LEVEL_TITLES[level], settings), ...table(those.map(rowOf), columns, settings)].join('\n')]
    }),
    ...closing(explanation, settings.verbose).map((text) => wrap(text, settings.width).join('\n')),
  ].join('\n\n')
}

function rowOf({ level, path, verdict, message, source }: ValueExplanation): Row {
  const where = level === 'blocked' && source !== undefined ? `${source}: ` : ''
  return { level, label: path, verdict: VERDICT_WORDS[verdict], details: message === undefined ? [] : [{ text: where + message }] }
}

/** `46 values: 1 blocked, 45 as before` */
function headOf({ summary: { values, levels } }: ValuesExplanation): string {
  const counts = levelNames.filter((level) => levels[level] > 0).map((level) => `${numberOf(levels[level])} ${LEVEL_WORDS[level]}`)
  return `${countOf(values, 'value')}: ${counts.join(', ')}`
}

function closing({ summary: { verdicts } }: ValuesExplanation, verbose: boolean): readonly string[] {
  const fine = [
    ...(verdicts.same > 0 ? [`${numberOf(verdicts.same)} as they were`] : []),
    ...(verdicts.default > 0 ? [`${numberOf(verdicts.default)} that ask for nothing`] : []),
    ...(verdicts.template > 0 ? [`${numberOf(verdicts.template)} with a template, which only Helm can judge`] : []),
  ]
  return [
    ...(fine.length === 0 || verbose ? [] : [`${MARKS.fine} Not named: ${fine.join(', ')}. --verbose names them.`]),
    ...(verdicts['no-effect'] === 0 ? [] : ['What has no effect may stay or go: the chart accepts it.']),
  ]
}

/** `verbose`: what is as it was, too. */
export function printValuesMarkdown(explanation: ValuesExplanation, { verbose }: { readonly verbose: boolean }): string {
  const { summary, values } = explanation
  const counts = levelNames.filter((level) => summary.levels[level] > 0)
  const paragraphs = [
    '# What becomes of these values',
    `${countOf(summary.values, 'value')}.`,
    markdownTable(
      ['values', 'number', 'meaning'],
      counts.map((level) => [level, numberOf(summary.levels[level]), valueLevels[level]]),
    ),
    ...levelNames.flatMap((level) => {
      const those = values.filter((value) => value.level === level)
      if (those.length === 0 || (level === 'fine' && !verbose)) return []
      return [`## ${LEVEL_TITLES[level]}`, markdownTable(['value', 'verdict', 'meaning'], those.map(cellsOf))]
    }),
    ...closing(explanation, verbose).map(escaped),
  ]
  return paragraphs.filter((text) => text !== '').join('\n\n')
}

function cellsOf({ path, verdict, message = '', source }: ValueExplanation): readonly string[] {
  return [source === undefined ? code(path) : `${code(path)} (${code(source)})`, VERDICT_WORDS[verdict], escaped(message)]
}
