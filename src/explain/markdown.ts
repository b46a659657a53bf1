/** An explanation for a pull request or a wiki: GitHub's Markdown. What people wrote into their manifests stays text. */
import { type Fold, fold, labelOf, nameOf } from './fold.ts'
import { type Explanation, type IngressExplanation, type Level, levelNames, levels, verdictNames } from './schema.ts'
import {
  absenceIn,
  classesIn,
  countOf,
  directiveLines,
  findingWords,
  isFolded,
  levelTitles,
  numberOf,
  outcomeWords,
  sizeOf,
  someOf,
  verdictWords,
} from './words.ts'

const MOST_EXAMPLES = 3
const MOST_LINES = 5

/** `verbose`: each Ingress by itself, however many there are. */
export function printMarkdown(explanation: Explanation, { verbose }: { readonly verbose: boolean }): string {
  const { summary, ingresses } = explanation
  const absence = absenceIn(summary)
  const counts = levelNames
    .filter((level) => summary.levels[level] > 0)
    .map((level) => [level, numberOf(summary.levels[level]), levels[level]])
  const verdicts = verdictNames
    .filter((verdict) => summary.verdicts[verdict].annotations > 0)
    .map((verdict) => [
      verdictWords[verdict],
      numberOf(summary.verdicts[verdict].annotations),
      numberOf(summary.verdicts[verdict].ingresses),
    ])
  const paragraphs = [
    '# What becomes of these Ingresses',
    [`${sizeOf(summary)}.`, `${escaped(classesIn(summary))}.`].join('\n'),
    table(['Ingresses', 'number', 'meaning'], counts),
    table(['annotations', 'number', 'Ingresses'], verdicts),
    ...sections(fold(explanation)),
    ...(isFolded(ingresses.length, verbose)
      ? []
      : ['## Ingress by Ingress', ...ingresses.flatMap((ingress) => ofIngress(ingress, verbose))]),
    ...(absence === undefined ? [] : [absence]),
  ]
  return paragraphs.filter((text) => text !== '').join('\n\n')
}

function sections(folds: readonly Fold[]): readonly string[] {
  return levelNames.flatMap((level) => {
    const those = folds.filter((one) => one.level === level)
    return those.length === 0 ? [] : [`## ${levelTitles[level]}`, those.map(item).join('\n')]
  })
}

function item({ what, verdict, level, messages, ingresses, count, example }: Fold): string {
  const names = what.map(code).join(', ')
  const number = ingresses.length === 0 ? countOf(count, 'time') : countOf(ingresses.length, 'Ingress')
  const [message] = messages
  const [line] = message === undefined && example !== undefined ? directiveLines(example.directives) : []
  const said =
    message === undefined ? (line === undefined ? '' : `: ${code(line)}`) : `: ${messages.length > 1 ? 'e.g. ' : ''}${escaped(message)}`
  const examples = level === 'fine' || ingresses.length === 0 ? '' : ` (${someOf(ingresses.map(code), MOST_EXAMPLES)})`
  return `- **${names}** ${wordOf(verdict, level)}, ${number}${said}${examples}`
}

function ofIngress(ingress: IngressExplanation, verbose: boolean): readonly string[] {
  const { hosts, source, outcome, annotations, findings } = ingress
  const about = [hosts.map(code).join(', '), outcomeWords[outcome], source === undefined ? '' : code(source)].filter((part) => part !== '')
  const rows = [
    ...annotations.map((annotation) => {
      const lines = annotation.verdict === 'default' ? [] : directiveLines(annotation.directives)
      const shown = verbose ? lines : lines.slice(0, MOST_LINES)
      const more = lines.length > shown.length ? [`… ${countOf(lines.length - shown.length, 'more line')}`] : []
      const message = annotation.message === undefined ? [] : [escaped(annotation.message)]
      return [code(labelOf(annotation)), verdictWords[annotation.verdict], [...message, ...shown.map(code), ...more].join('<br>')]
    }),
    ...findings.map(({ code: name, level, message }) => [code(name), findingWords[level], escaped(message)]),
  ]
  return [`### ${code(nameOf(ingress))}`, about.join(' · '), ...(rows.length === 0 ? [] : [table(['what', 'verdict', 'meaning'], rows)])]
}

function wordOf(verdict: Fold['verdict'], level: Level): string {
  return verdict === undefined ? findingWords[level] : verdictWords[verdict]
}

/** Nothing where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Punctuation that Markdown or HTML would understand. */
export function escaped(text: string): string {
  return text.replace(/[\\`*_[\]<>&|~#]/g, '\\$&')
}

/** Within more backticks than it has itself. A bar would end the cell of a table even there. */
export function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const padding = longest > 0 ? ' ' : ''
  return `${fence}${padding}${text.replaceAll('|', '\\|')}${padding}${fence}`
}
