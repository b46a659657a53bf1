/** The same thing said of many Ingresses, said once. */
import { COMPATIBLE_PREFIX } from '../annotations/prefixes.ts'
import type { AnnotationExplanation, Explanation, Finding, IngressExplanation, Level, Verdict } from './schema.ts'
import { levelNames } from './schema.ts'

export type Fold = {
  /** Annotations of which the same is said, or the code of a finding. */
  readonly what: readonly string[]
  /** Of an annotation. */
  readonly verdict: Verdict | undefined
  readonly level: Level
  /** Those of it that differ, the first one first. */
  readonly messages: readonly string[]
  /** The first one. */
  readonly example: AnnotationExplanation | undefined
  /** namespace/name, each once. */
  readonly ingresses: readonly string[]
  /** How many times it is said. */
  readonly count: number
}

type Said = Pick<Fold, 'verdict' | 'level' | 'example'> & {
  readonly what: string
  readonly message: string | undefined
  readonly ingresses: readonly string[]
}

/** By level, then by how many Ingresses it is said of, then by name. */
export function fold(explanation: Pick<Explanation, 'ingresses' | 'findings'>): readonly Fold[] {
  const said = [...explanation.ingresses.flatMap(saidOf), ...explanation.findings.map((finding) => saidInFinding(finding, []))]
  const groups = Map.groupBy(said, ({ what, verdict, level, message }) =>
    JSON.stringify([level, verdict, verdict !== undefined && OF_NAMES.has(verdict) ? message : what]),
  )
  return [...groups.values()].map(together).sort(byWeight)
}

/** Verdicts on a name whatever its value: names that the same is said of are said together. */
const OF_NAMES: ReadonlySet<Verdict> = new Set<Verdict>(['not-yet', 'needs', 'refused', 'foreign'])

/** ingress-nginx's prefix goes without saying. */
export function labelOf({ annotation, key }: AnnotationExplanation): string {
  return annotation.startsWith(COMPATIBLE_PREFIX) ? key : annotation
}

export function nameOf({ namespace, name }: Pick<IngressExplanation, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

function saidOf(ingress: IngressExplanation): readonly Said[] {
  const ingresses = [nameOf(ingress)]
  return [
    ...ingress.annotations.map((example) => ({
      what: labelOf(example),
      verdict: example.verdict,
      level: example.level,
      message: example.message,
      example,
      ingresses,
    })),
    ...ingress.findings.map((finding) => saidInFinding(finding, ingresses)),
  ]
}

function saidInFinding({ code, level, message, ingresses }: Finding, owners: readonly string[]): Said {
  return { what: code, verdict: undefined, level, message, example: undefined, ingresses: ingresses ?? owners }
}

function together(said: readonly Said[]): Fold {
  const [first] = said
  if (first === undefined) throw new Error('nothing is said')
  const { verdict, level, example } = first
  return {
    what: [...Map.groupBy(said, ({ what }) => what)].sort(([, a], [, b]) => b.length - a.length).map(([what]) => what),
    verdict,
    level,
    example,
    messages: [...new Set(said.flatMap(({ message }) => (message === undefined ? [] : [message])))],
    ingresses: [...new Set(said.flatMap(({ ingresses }) => ingresses))],
    count: said.length,
  }
}

function byWeight(a: Fold, b: Fold): number {
  const byLevel = levelNames.indexOf(a.level) - levelNames.indexOf(b.level)
  return byLevel || b.ingresses.length - a.ingresses.length || b.count - a.count || ((a.what[0] ?? '') < (b.what[0] ?? '') ? -1 : 1)
}
