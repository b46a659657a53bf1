/** An explanation for a terminal: the worst first, aligned, in colour where asked for. */
import { type Fold, fold, labelOf, nameOf } from './fold.ts'
import { type AnnotationExplanation, type Explanation, type Finding, type IngressExplanation, levelNames } from './schema.ts'
import {
  COLOURS,
  columnFor,
  cut,
  type Detail,
  MARKS,
  MESSAGE_INDENT,
  NARROWEST,
  paint,
  type Row,
  type TextSettings,
  table,
  wrap,
} from './table.ts'
import {
  absenceIn,
  classesIn,
  countOf,
  directiveLines,
  findingWords,
  isFolded,
  levelsIn,
  levelTitles,
  outcomeWords,
  sizeOf,
  someOf,
  verdictsIn,
  verdictWords,
} from './words.ts'

/** More lines of configuration than this hide what else there is. */
const MOST_LINES = 5
const MOST_EXAMPLES = 3
const MOST_HOSTS = 3
const MOST_NAMES = 12

export function printText(explanation: Explanation, settings: TextSettings): string {
  const { summary, ingresses } = explanation
  const folded = isFolded(ingresses.length, settings.verbose)
  const paragraphs = [
    headOf(explanation, settings),
    ...(folded ? foldedSections(explanation, settings) : singly(explanation, settings)),
    ...[absenceIn(summary)].flatMap((text) => (text === undefined ? [] : [wrap(text, settings.width).join('\n')])),
    ...(folded ? [wrap(HINT, settings.width).join('\n')] : []),
  ]
  return summary.ingresses === 0 && explanation.findings.length === 0 ? 'No Ingresses.' : paragraphs.join('\n\n')
}

const HINT = '--verbose tells of each Ingress by itself, --ingress NAMESPACE/NAME of one, --format json to programs.'

function headOf({ summary }: Explanation, settings: TextSettings): string {
  const classes = classesIn(summary)
  return [`${sizeOf(summary)}: ${levelsIn(summary)}`, ...(classes === '' ? [] : [classes]), verdictsIn(summary)]
    .flatMap((line, index) => wrap(line, settings.width).map((part) => (index === 0 ? paint('bold', part, settings) : part)))
    .join('\n')
}

function singly({ ingresses, findings }: Explanation, settings: TextSettings): readonly string[] {
  const remarkable = ingresses.filter((ingress) => ingress.annotations.length + ingress.findings.length > 0)
  const plain = ingresses.filter((ingress) => !remarkable.includes(ingress)).map(nameOf)
  const rows = [...remarkable.flatMap((ingress) => rowsOf(ingress, settings)), ...findings.map(rowOfFinding)]
  const columns = { names: columnFor(rows.map(({ label }) => label)), verdicts: VERDICT_COLUMN }
  const named = settings.verbose ? plain.length : MOST_NAMES
  return [
    ...remarkable.map((ingress) => [titleOf(ingress, settings), ...table(rowsOf(ingress, settings), columns, settings)].join('\n')),
    ...(findings.length === 0
      ? []
      : [[paint('bold', 'Of the whole', settings), ...table(findings.map(rowOfFinding), columns, settings)].join('\n')]),
    ...(plain.length === 0 ? [] : [wrap(`${MARKS.fine} Nothing to say of ${someOf(plain, named)}.`, settings.width).join('\n')]),
  ]
}

function titleOf(ingress: IngressExplanation, settings: TextSettings): string {
  const { level, hosts, outcome, source } = ingress
  const name = paint('bold', nameOf(ingress), settings)
  const where = source === undefined ? '' : paint('dim', `(${source})`, settings)
  const parts = [name, hosts.length === 0 ? 'any host' : someOf(hosts, MOST_HOSTS), outcomeWords[outcome], where]
  return `${paint(COLOURS[level], MARKS[level], settings)} ${parts.filter((part) => part !== '').join('  ')}`
}

function rowsOf(ingress: IngressExplanation, { verbose }: TextSettings): readonly Row[] {
  const rows = [...ingress.annotations.map((annotation) => rowOfAnnotation(annotation, verbose)), ...ingress.findings.map(rowOfFinding)]
  return levelNames.flatMap((level) => rows.filter((row) => row.level === level))
}

function rowOfAnnotation(annotation: AnnotationExplanation, verbose: boolean): Row {
  const { level, verdict, message } = annotation
  return {
    level,
    label: labelOf(annotation),
    verdict: verdictWords[verdict],
    details: [
      ...(message === undefined ? [] : [{ text: message }]),
      ...linesOf(annotation, verbose ? Number.POSITIVE_INFINITY : MOST_LINES),
    ],
  }
}

function linesOf({ verdict, directives, locations }: AnnotationExplanation, most: number): readonly Detail[] {
  if (verdict === 'default') return []
  const lines = directiveLines(directives)
  const rest = lines.length - most
  const shown = (rest > 1 ? lines.slice(0, most) : lines).map((text) => ({ text, isFaint: true, isWhole: true }))
  const more = [rest > 1 ? `${countOf(rest, 'more line')}` : '', locations > 1 ? `so in ${countOf(locations, 'location')}` : ''].filter(
    Boolean,
  )
  return more.length === 0 ? shown : [...shown, { text: `… ${more.join(', ')}`, isFaint: true }]
}

function rowOfFinding({ code, level, message, source, ingresses, field, annotation }: Finding): Row {
  const about = ingresses?.length === 1 ? `${ingresses[0]} ` : ''
  const where = [source, annotation ?? field].filter((part) => part !== undefined).join(' ')
  return { level, label: code, verdict: findingWords[level], details: [{ text: `${about}${where === '' ? '' : `${where}: `}${message}` }] }
}

const COUNT_COLUMN = '1,000 Ingresses'.length
const VERDICT_COLUMN = Math.max(...Object.values(verdictWords).map(({ length }) => length))

function foldedSections(explanation: Explanation, settings: TextSettings): readonly string[] {
  const folds = fold(explanation)
  return levelNames.flatMap((level) => {
    const those = folds.filter((one) => one.level === level)
    if (those.length === 0) return []
    const lines = level === 'fine' ? briefLines(those, settings) : those.flatMap((one) => foldLines(one, settings))
    return [[paint('bold', levelTitles[level], settings), ...lines].join('\n')]
  })
}

/** What it is, how often, and below that what is said and of whom. */
function foldLines(one: Fold, settings: TextSettings): readonly string[] {
  const { what, level, messages, ingresses } = one
  const [message] = messages
  const below = (text: string) => wrap(text, settings.width - MESSAGE_INDENT)
  const names = wrap(what.join(', '), settings.width - MESSAGE_INDENT)
  const [first = '', ...others] = names.map((line) => paint('bold', line, settings))
  const head = [first, ...others.map((line) => `    ${line}`)].join('\n')
  return [
    `  ${paint(COLOURS[level], MARKS[level], settings)} ${head}  ${paint(COLOURS[level], wordOf(one), settings)}, ${numberOf(one)}`,
    ...[
      ...(message === undefined ? [] : below(messages.length > 1 ? `e.g. ${message}` : message)),
      ...below(someOf(ingresses, MOST_EXAMPLES)).map((line) => paint('dim', line, settings)),
    ]
      .filter((line) => line !== '')
      .map((line) => `${' '.repeat(MESSAGE_INDENT)}${line}`),
  ]
}

/** What works, a line each. */
function briefLines(folds: readonly Fold[], settings: TextSettings): readonly string[] {
  const brief = folds.filter(({ what }) => what.length === 1)
  const column = columnFor(brief.map(({ what }) => what.join()))
  const lines = brief.map((one) => {
    const { what, messages, example } = one
    const [line] =
      messages.length > 0 || example === undefined ? messages : linesOf({ ...example, locations: 0 }, 1).map(({ text }) => text)
    const start = `  ${MARKS.fine} ${what.join().padEnd(column)}  ${wordOf(one).padEnd(VERDICT_COLUMN)}  ${numberOf(one).padEnd(COUNT_COLUMN)}  `
    const room = Math.max(NARROWEST, settings.width - start.length)
    return `${start.replace(MARKS.fine, paint('green', MARKS.fine, settings))}${paint('dim', cut(line ?? '', room, settings), settings)}`.trimEnd()
  })
  return [...lines, ...folds.filter(({ what }) => what.length !== 1).flatMap((one) => foldLines(one, settings))]
}

function wordOf({ verdict, level }: Fold): string {
  return verdict === undefined ? findingWords[level] : verdictWords[verdict]
}

function numberOf({ ingresses, count }: Fold): string {
  return ingresses.length === 0 ? countOf(count, 'time') : countOf(ingresses.length, 'Ingress')
}
