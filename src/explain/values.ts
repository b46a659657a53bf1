/**
 * A values file → what becomes of each value in it. Which values there are, what they take, and what is said of
 * ingress-nginx's is in known-values.json, which `npm run generate` makes from the chart.
 */
import { z } from 'zod'
import { printable } from '../model/issue.ts'
import { nearest } from '../model/nearest.ts'
import { parseStreamEntry, parseStreamPort } from '../translate/stream-entries.ts'
import known from './known-values.json' with { type: 'json' }
import { type Level, levelNames } from './schema.ts'
import { isTemplate, isValues, NO_TEXT, REFUSED_BY_HELM, textOf, type Values, type ValuesFiles } from './values-file.ts'
import { type Judgement, judgementOf, type Path, refused, refusedByHelm } from './values-judgement.ts'
import { explainOptions } from './values-options.ts'
import { VALUES_VERSION, type ValueExplanation, type ValuesExplanation, type ValueVerdict, valueVerdictNames } from './values-schema.ts'

export type ExplainValuesInput = {
  readonly name: string
  readonly files: ValuesFiles
  /** What is wrong with the value of one of our flags; undefined where nothing is. */
  flagFault(flag: string, value: string): string | undefined
}

type Schema = Readonly<Record<string, unknown>>
const values: Readonly<Record<string, Schema>> = known.values
const differing: Readonly<Record<string, string>> = known.differing
const foreign: Readonly<Record<string, { readonly says: string; readonly asks?: readonly string[] }>> = known.foreign
const flags: { readonly own: readonly string[]; readonly foreign: Readonly<Record<string, string>> } = known.flags

const paths = [...Object.keys(values), ...Object.keys(foreign)].map((path) => path.split('.'))
const sections = new Set(paths.flatMap((path) => path.slice(1).map((_, index) => path.slice(0, index + 1).join('.'))))

/** Pure: it knows the chart, and asks nobody. */
export function explainValues({ name, files, flagFault }: ExplainValuesInput): ValuesExplanation {
  const judgements = [...ofSection([], files.values, flagFault)]
  const explained = withoutForeignImage(judgements, files.values).map(({ path, ...judgement }): ValueExplanation => {
    const source = files.positionOf(path)
    return {
      path: printable(path.join('.')),
      ...judgement,
      ...(judgement.message === undefined ? {} : { message: printable(judgement.message) }),
      ...(source === undefined ? {} : { source: printable(source) }),
    }
  })
  const counted = <Name extends string>(names: readonly Name[], nameOf: (value: ValueExplanation) => Name) =>
    Object.fromEntries(names.map((one) => [one, explained.filter((value) => nameOf(value) === one).length])) as Record<Name, number>
  return {
    version: VALUES_VERSION,
    source: { kind: 'values', name: printable(name) },
    summary: {
      values: explained.length,
      levels: counted<Level>(levelNames, ({ level }) => level),
      verdicts: counted<ValueVerdict>(valueVerdictNames, ({ verdict }) => verdict),
    },
    values: explained,
  }
}

type FlagFault = ExplainValuesInput['flagFault']

function ofSection(above: Path, section: Values, flagFault: FlagFault): readonly Judgement[] {
  return Object.entries(section).flatMap(([name, value]) => ofValue([...above, name], value, flagFault))
}

function ofValue(path: Path, value: unknown, flagFault: FlagFault): readonly Judgement[] {
  // A name with a dot in it is no way to write two names.
  if (path.at(-1)?.includes('.')) return [ofUnknown(path, value)]
  const key = path.join('.')
  if (sections.has(key)) {
    if (isValues(value)) return ofSection(path, value, flagFault)
    if (value !== null) return [refusedByHelm(path, 'is no map')]
    return [refused(path, 'is null, which takes the defaults below it away, and the chart fails; leave it out')]
  }
  if (Object.hasOwn(foreign, key)) return [ofForeign(path, value)]
  if (!Object.hasOwn(values, key)) return [ofUnknown(path, value)]
  if (isValues(value)) {
    if (key === 'controller.config') return explainOptions(path, value)
    if (key === 'controller.extraArgs') return Object.entries(value).map(([flag, given]) => ofFlag(path, flag, given, flagFault))
    if (key === 'tcp' || key === 'udp') return Object.entries(value).map(([port, given]) => ofStream(path, port, given))
    if (key === 'controller.lifecycle' && isForeignHook(value)) return [OWN_HOOK]
  }
  return [ofOwn(path, value)]
}

function ofOwn(path: Path, value: unknown): Judgement {
  const key = path.join('.')
  const schema = values[key] ?? {}
  if (value === null) return ofNull(path, schema)
  const fault = faultOf(schema, value)
  if (fault !== undefined) return refusedByHelm(path, fault)
  const message = differing[key]
  if (message === undefined || isNothing(value)) return { path, verdict: 'same', level: 'fine' }
  return { path, verdict: 'second', level: 'different', message }
}

/** A map or a list whose entries are all commented out is an empty one. */
function ofNull(path: Path, { type }: Schema): Judgement {
  if (type === 'object' || type === 'array') return { path, verdict: 'same', level: 'fine' }
  const message = 'is null, which takes the default away; leave it out where that is not meant'
  return { path, verdict: 'second', level: 'different', message }
}

/** What the schema of the chart finds, in words; undefined where it finds nothing. */
function faultOf(schema: Schema, value: unknown): string | undefined {
  const { error } = z.fromJSONSchema(schema).safeParse(value)
  const [issue] = error?.issues ?? []
  if (issue === undefined) return undefined
  const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  if (issue.code === 'invalid_union') return `${where}expected ${String(schema['type']).replaceAll(',', ' or ')}`
  return `${where}${issue.message.replace(/^Invalid (input|option|string|key): /, '')}`
}

/** `not yet; there is …`, as the chart has it. */
function said(path: Path, text: string): Judgement {
  const [begin = '', ...rest] = text.split('; ')
  if (!isKind(begin)) throw new Error(`${path.join('.')} is said to be ${begin}, which is no verdict`)
  return { path, ...judgementOf[begin], message: rest.join('; ') }
}

function isKind(text: string): text is keyof typeof judgementOf {
  return Object.hasOwn(judgementOf, text)
}

function ofForeign(path: Path, value: unknown): Judgement {
  const { says, asks } = foreign[path.join('.')] ?? { says: '' }
  const isIdle = asks !== undefined && isValues(value) ? asks.every((name) => isNothing(value[name])) : isNothing(value)
  return isIdle ? { path, verdict: 'default', level: 'fine' } : said(path, says)
}

/** As Helm's `empty` has it. */
function isNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return isValues(value) ? Object.keys(value).length === 0 : !value
}

/** A chart around this one gives it its values below its name. */
const CHARTS = ['ingress-nginx', 'nginx-ts']

function ofUnknown(path: Path, value: unknown): Judgement {
  const above = path.slice(0, -1)
  const name = path.at(-1) ?? ''
  if (above.length === 0 && CHARTS.includes(name) && isValues(value))
    return refused(path, `are the values of a chart within another: explain what is below ${name} by itself, and write it below nginx-ts`)
  const siblings = paths.filter((one) => above.every((part, index) => one[index] === part)).map((one) => one[above.length] ?? '')
  const near = nearest(name, new Set(siblings))
  const suggestion = near === undefined ? elsewhere(name) : [...above, near].join('.')
  return unknown(path, 'value', suggestion, suggestion)
}

/** `near`: as it is said; `suggestion`: as a path. */
function unknown(path: Path, what: string, near: string | undefined, suggestion: string | undefined): Judgement {
  return {
    path,
    verdict: 'unknown',
    level: 'blocked',
    message: `is no ${what} that is known${near === undefined ? '' : `, ${near} is`}; ${REFUSED_BY_HELM}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  }
}

/** The value of that name one level down: what is indented too little is the controller's mostly. */
function elsewhere(name: string): string | undefined {
  const path = `controller.${name}`
  return sections.has(path) || Object.hasOwn(values, path) || Object.hasOwn(foreign, path) ? path : undefined
}

function ofFlag(above: Path, flag: string, value: unknown, flagFault: FlagFault): Judgement {
  const path = [...above, flag]
  const isOwn = flags.own.includes(flag)
  if (!isOwn && !Object.hasOwn(flags.foreign, flag)) {
    const near = nearest(flag, [...flags.own, ...Object.keys(flags.foreign)])
    return unknown(path, 'flag', near, near && [...above, near].join('.'))
  }
  const text = textOf(value)
  if (text === undefined) return refusedByHelm(path, NO_TEXT)
  if (!isOwn) return said(path, flags.foreign[flag] ?? '')
  if (isTemplate(text)) return { path, verdict: 'template', level: 'fine' }
  const fault = flagFault(flag, text)
  return fault === undefined ? { path, verdict: 'same', level: 'fine' } : refused(path, `${fault}; the container controller does not start`)
}

function ofStream(above: Path, port: string, value: unknown): Judgement {
  const path = [...above, port]
  if (!/^\d{1,5}$/.test(port)) return refusedByHelm(path, `${JSON.stringify(port)} is not a port`)
  if (typeof value !== 'string') return refusedByHelm(path, 'is no text')
  if (isTemplate(value)) return { path, verdict: 'template', level: 'fine' }
  const [parsedPort, entry] = [parseStreamPort(port), parseStreamEntry(value)]
  if (!parsedPort.ok) return refused(path, `${JSON.stringify(port)} ${parsedPort.reason}; the service is left out`)
  if (!entry.ok) return refused(path, `${JSON.stringify(value)} ${entry.reason}; the service is left out`)
  return { path, verdict: 'same', level: 'fine' }
}

const OWN_HOOK = said(['controller', 'lifecycle', 'preStop'], 'no effect; a hook of our own lets requests finish.')

function isForeignHook({ preStop }: Values): boolean {
  const command = isValues(preStop) && isValues(preStop['exec']) ? preStop['exec']['command'] : undefined
  return Array.isArray(command) && command.includes('/wait-shutdown')
}

/** What says which image runs. */
const IMAGE_NAMES = ['registry', 'image', 'repository', 'tag', 'digest']

/** The chart passes over the image of ingress-nginx as a whole. Its templates tell it by the same signs. */
function withoutForeignImage(judgements: readonly Judgement[], { controller }: Values): readonly Judgement[] {
  const image = isValues(controller) ? controller['image'] : undefined
  if (!isValues(image)) return judgements
  const isForeign =
    /ingress-nginx\/controller|nginx-ingress-controller/.test(`${image['image']} ${image['repository']}`) ||
    /^v[0-9]/.test(`${image['tag']}`)
  if (!isForeign) return judgements
  const isPart = ({ path: [first, second, third = '', ...rest], verdict }: Judgement) =>
    first === 'controller' && second === 'image' && IMAGE_NAMES.includes(third) && rest.length === 0 && verdict === 'same'
  const first = judgements.findIndex(isPart)
  const whole = said(['controller', 'image'], "no effect; it names ingress-nginx's image. Ours runs in its place.")
  return judgements.flatMap((one, index) => (index === first ? [whole] : isPart(one) ? [] : [one]))
}
