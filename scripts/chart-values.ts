/**
 * What may be given to the chart: read from values.yaml with its comments, from the values and flags of ingress-nginx that
 * are accepted beside them, and from the flags of the controller. Of it values.schema.json and the tables of the chart's
 * README are made, and what `explain --values` knows; the tests know by it which values there are.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isScalar, type Node, parse, parseDocument, type YAMLMap } from 'yaml'
import { createProgram } from '../src/cli/program.ts'
import { project } from './project.ts'

/** A value that is read by a template. */
export type ChartValue = {
  /** As `controller.image.tag`. */
  readonly path: string
  readonly default: unknown
  readonly description: string
  /** What `# @schema` says of it. */
  readonly constraints: JsonSchema
}

/** A value of ingress-nginx without a meaning here. `asks`: the values below it that ask for something, where not any does. */
export type ForeignValue = { readonly path: string; readonly says: string; readonly asks?: readonly string[] }

/** A value that both charts have, and what is to be known of it. */
export type DifferingValue = { readonly path: string; readonly says: string }

export type JsonSchema = { readonly [keyword: string]: unknown }

export const chart = join(project, 'charts/nginx-ts')

type IngressNginx = {
  readonly values: readonly ForeignValue[]
  readonly flags: Readonly<Record<string, string>>
  readonly differing: readonly DifferingValue[]
}

const foreign: IngressNginx = parse(readFileSync(join(chart, 'files/ingress-nginx.yaml'), 'utf8'))
/** Values of ingress-nginx, and what they come to here. */
export const foreignValues = foreign.values
/** Flags of ingress-nginx, and what they come to here. */
export const foreignFlags = foreign.flags
/** Values that both have, and that want a second look. */
export const differingValues = foreign.differing

/** Set by the chart, which knows what both containers see. */
const FLAGS_OF_THE_POD = ['--state-dir']
const SCALAR = { type: ['string', 'number', 'boolean'] }

/** The flags that `controller.extraArgs` may have. */
export function ownFlags(): readonly string[] {
  const controller = createProgram().commands.find((command) => command.name() === 'controller')
  return (controller?.options ?? []).flatMap(({ long }) => (long && !FLAGS_OF_THE_POD.includes(long) ? [long.slice(2)] : []))
}

/** Every value of values.yaml, in its order. Throws where one has no `# --` comment. */
export function chartValues(): readonly ChartValue[] {
  const text = readFileSync(join(chart, 'values.yaml'), 'utf8')
  const { contents } = parseDocument(text)
  if (!isMap(contents)) throw new Error('values.yaml is no map')
  return valuesOf(contents, [], text)
}

function valuesOf(map: YAMLMap, above: readonly string[], text: string): readonly ChartValue[] {
  return map.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || key.range == null) throw new Error(`values.yaml has a key below ${above.join('.')} that is no text`)
    const path = [...above, String(key.value)]
    const { description, constraints } = commentAbove(key.range[0], text)
    if (description === '' && isMap(value)) return valuesOf(value, path, text)
    if (description === '') throw new Error(`${path.join('.')} has no comment that begins with "# --"`)
    return [{ path: path.join('.'), default: (value as Node).toJSON(), description, constraints }]
  })
}

/** The lines of comment that stand right above a place. */
function commentAbove(offset: number, text: string): { readonly description: string; readonly constraints: JsonSchema } {
  const lines = text.slice(0, offset).split('\n').slice(0, -1)
  const first = lines.findLastIndex((line) => !line.trimStart().startsWith('#')) + 1
  const comments = lines.slice(first).map((line) => line.trim().replace(/^# ?/, ''))
  const begin = comments.findIndex((line) => line.startsWith('-- '))
  const description = begin === -1 ? '' : comments.slice(begin).join(' ').slice('-- '.length)
  const schemas = comments.filter((line) => line.startsWith('@schema ')).map((line) => parse(line.slice('@schema '.length)) as JsonSchema)
  return { description, constraints: Object.assign({}, ...schemas) }
}

/** The schema of values.yaml: what is in it, and in the list of ingress-nginx's values; nothing else. */
export function valuesSchema(): JsonSchema {
  const root: Section = new Map()
  for (const value of chartValues()) put(root, value.path, schemaOf(value))
  for (const { path, says } of foreignValues) put(root, path, { description: `ingress-nginx's: ${says}` })
  put(root, 'enabled', { type: 'boolean', description: 'For the condition of a chart that has this one as a dependency.' })
  return { $schema: 'http://json-schema.org/draft-07/schema#', ...objectOf(root) }
}

/** The same for `explain --values`, which has no chart beside it: what each value takes, and what is said of ingress-nginx's. */
export function knownValues() {
  const described = (value: ChartValue) => {
    const { description: _, ...schema } = schemaOf(value)
    return [value.path, schema] as const
  }
  return {
    values: { ...Object.fromEntries(chartValues().map(described)), enabled: { type: 'boolean' } },
    differing: Object.fromEntries(differingValues.map(({ path, says }) => [path, says])),
    foreign: Object.fromEntries(foreignValues.map(({ path, ...said }) => [path, said])),
    flags: { own: ownFlags(), foreign: foreignFlags },
  }
}

type Section = Map<string, Section | JsonSchema>

function put(root: Section, path: string, schema: JsonSchema): void {
  const names = path.split('.')
  const last = names.pop() ?? ''
  let section = root
  for (const name of names) {
    const below = section.get(name) ?? new Map()
    if (!(below instanceof Map)) throw new Error(`${path} is below a value that may be anything`)
    section.set(name, below)
    section = below
  }
  if (section.has(last)) throw new Error(`${path} is both a value of ours and in the list of ingress-nginx's`)
  section.set(last, schema)
}

function objectOf(section: Section): JsonSchema {
  const properties = [...section].map(([name, below]) => [name, below instanceof Map ? objectOf(below) : below])
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false }
}

function schemaOf({ path, default: value, description, constraints }: ChartValue): JsonSchema {
  if (path === 'controller.extraArgs') return { type: 'object', description, ...flagsSchema() }
  return { type: typeOf(value), description, ...textsBelow(path, value), ...constraints }
}

function flagsSchema(): JsonSchema {
  const flags = [...ownFlags(), ...Object.keys(foreignFlags)].sort()
  return { properties: Object.fromEntries(flags.map((flag) => [flag, SCALAR])), additionalProperties: false }
}

/** Kubernetes takes texts only, and says so late. */
function textsBelow(path: string, value: unknown): JsonSchema {
  return typeOf(value) === 'object' && /(annotations|labels|nodeSelector)$/i.test(path) ? { additionalProperties: { type: 'string' } } : {}
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'number' ? 'integer' : typeof value
}

/** Rows of path, default and meaning, for the README. */
export function valueRows(): readonly (readonly string[])[] {
  return chartValues().map(({ path, default: value, description }) => [`\`${path}\``, `\`${JSON.stringify(value)}\``, description])
}
