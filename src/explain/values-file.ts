/** The text of values files → what they say together, and where. YAML is read as Helm reads it. */
import { type Document, isMap, isScalar, LineCounter, parseDocument, type Tags } from 'yaml'

export type Values = Readonly<Record<string, unknown>>

export type ValuesFiles = {
  readonly values: Values
  /** `file:line` of the value that counts; undefined where an alias or a merged map says it. */
  positionOf(path: readonly string[]): string | undefined
}

export type ValuesText = { readonly name: string; readonly text: string }

/** Of two files that say a value, the later one counts, as with Helm. Throws where one is no map in YAML. */
export function readValues(files: readonly ValuesText[]): ValuesFiles {
  const read = files.map(readFile)
  return {
    values: read.map(({ values }) => values).reduce(merged, {}),
    positionOf: (path) => read.findLast(({ lineOf }) => lineOf(path) !== undefined)?.lineOf(path),
  }
}

/** An alias-laden file of a few lines can stand for gigabytes. */
const MOST_ALIASES = 100

function readFile({ name, text }: ValuesText): { readonly values: Values; lineOf(path: readonly string[]): string | undefined } {
  const lines = new LineCounter()
  // `on` and `yes` are true to Helm, and `<<` merges.
  const document = parseDocument(text, {
    version: '1.1',
    customTags: withoutTimes,
    lineCounter: lines,
    prettyErrors: false,
    // `silent` would keep silent about a second document.
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error !== undefined) throw new Error(`${name}:${lines.linePos(error.pos[0]).line}: ${error.message}`)
  const values: unknown = document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {}
  if (!isValues(values)) throw new Error(`${name} holds no values: it is not a map`)
  return {
    values,
    lineOf(path) {
      const offset = offsetOf(document, path)
      return offset === undefined ? undefined : `${name}:${lines.linePos(offset).line}`
    },
  }
}

/** YAML 1.1 has times and dates, which Helm takes for texts: 10:30 would be 630. */
function withoutTimes(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp')))
}

function offsetOf(document: Document.Parsed, path: readonly string[]): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const name of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === name) : undefined
    if (pair === undefined) return undefined
    offset = isScalar(pair.key) ? pair.key.range?.[0] : undefined
    node = pair.value
  }
  return offset
}

function merged(first: Values, second: Values): Values {
  const entries = Object.entries(second).map(([name, value]) => {
    const before = Object.hasOwn(first, name) ? first[name] : undefined
    return [name, isValues(before) && isValues(value) ? merged(before, value) : value] as const
  })
  return Object.fromEntries([...Object.entries(first), ...entries])
}

/** Whether it is a map, which values are below. */
export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What is said of a value that the schema of the chart does not take. */
export const REFUSED_BY_HELM = 'Helm refuses the file'
export const NO_TEXT = 'is no text, number or boolean'

/** A scalar as the chart prints it; undefined for what Helm refuses in its place. */
export function textOf(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
}

/** Helm's `tpl` runs over it. */
export function isTemplate(text: string): boolean {
  return text.includes('{{')
}
