/** What becomes of a set of Ingresses, annotation by annotation. Pure: the same input gives the same explanation. */
import { type AnnotationReading, readAnnotations } from '../annotations/read.ts'
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type Issue, printable, type Severity } from '../model/issue.ts'
import type { Model } from '../model/model.ts'
import { render } from '../render/render.ts'
import { CLASS_ANNOTATION } from '../translate/classes.ts'
import { createTranslationMemo, translate } from '../translate/translate.ts'
import { linesOf } from './directives.ts'
import { type Effects, effectsIn, type Surroundings } from './effects.ts'
import {
  type AnnotationExplanation,
  type Explanation,
  type Finding,
  type IngressExplanation,
  isAtLeast,
  type Level,
  VERSION,
  worst,
} from './schema.ts'
import { semanticsOf } from './semantics.ts'
import { ALL_KINDS, type PresumedKind, withStandIns } from './stand-ins.ts'
import { classesOf, summarize } from './summary.ts'
import { explainAnnotation } from './verdicts.ts'

export type ExplainInput = {
  readonly source: Explanation['source']
  readonly state: ClusterState
  /** What of these kinds is not in the state may be there all the same. */
  readonly presumed: ReadonlySet<PresumedKind>
  /** What could not be read, and why. */
  readonly unread: readonly string[]
  /** What is wrong with files, options, or access to a cluster. */
  readonly issues: readonly Issue[]
  /** Where a manifest stands, as `shop.yaml:3`. */
  readonly positionOf: (ingress: Ingress) => string | undefined
  /** Which Ingresses are explained; all bear on one another all the same. */
  readonly isChosen: (object: { readonly namespace: string; readonly name: string }) => boolean
} & Surroundings

export function explain(input: ExplainInput): Explanation {
  const { options, translateContext } = input
  const memo = createTranslationMemo()
  const actual = translate(withStandIns(input.state, input.presumed).state, options, translateContext, memo)
  const issues = actual.issues.filter((issue) => !(issue.code === 'certificate-not-found' && input.presumed.has('Secret')))
  const issuesOf = byIngress(issues)
  const semantics = semanticsOf(actual.served, classOf, actual.model)
  const outcomeOf = outcomesIn(actual.model)
  const effectsOf = effectsIn(withStandIns(input.state, ALL_KINDS).state, input, memo)
  const holds = settingsThatHold(actual.model, input)

  const explained = actual.served.filter(input.isChosen).map((ingress) => {
    const key = keyOf(ingress.namespace, ingress.name)
    const reading = readAnnotations(ingress)
    const others = (issuesOf.get(key) ?? []).filter((issue) => !isSaidBy(reading, issue))
    return explainIngress(ingress, reading, effectsOf(ingress), holds, {
      source: input.positionOf(ingress),
      outcome: outcomeOf(key),
      findings: [...others.map(findingOf), ...(semantics.byIngress.get(key) ?? [])],
    })
  })
  const ingresses = explained.sort((a, b) => byLevel(a, b) || compare(a.namespace, b.namespace) || compare(a.name, b.name))
  const chosen = new Set(ingresses.map(({ namespace, name }) => `${namespace}/${name}`))
  const findings = [
    ...input.unread.map((message): Finding => ({ code: 'access-denied', level: 'different', message: printable(message) })),
    ...[...input.issues, ...issues.filter(({ object }) => object?.kind !== 'Ingress')]
      .filter(({ object }) => object?.kind !== 'Ingress' || input.isChosen(object))
      .map(findingOf),
    ...semantics.ofSet.filter((finding) => finding.ingresses?.some((name) => chosen.has(name))),
  ].sort(byLevel)
  const read = [...input.state.ingresses.values()].filter(input.isChosen)
  const chosenOnly = { ...input.state, ingresses: new Map(read.map((ingress) => [keyOf(ingress.namespace, ingress.name), ingress])) }
  const { absent } = withStandIns(chosenOnly, input.presumed)
  const classes = classesOf(read, classOf, input.state, options, translateContext)
  return {
    version: VERSION,
    source: input.source,
    summary: summarize(ingresses, findings, { absent, classes }),
    ingresses,
    findings,
  }
}

/** The class that an Ingress names; the field beats the annotation. */
export function classOf({ className, annotations }: Ingress): string | undefined {
  return className ?? annotations[CLASS_ANNOTATION]
}

function byIngress(issues: readonly Issue[]): ReadonlyMap<ObjectKey, readonly Issue[]> {
  const ofIngresses = issues.filter(({ object }) => object?.kind === 'Ingress')
  return Map.groupBy(ofIngresses, ({ object }) => keyOf(object?.namespace ?? '', object?.name ?? ''))
}

function isSaidBy(reading: AnnotationReading, { code, annotation }: Issue): boolean {
  return annotation !== undefined && reading.issues.some((said) => said.code === code && said.annotation === annotation)
}

function explainIngress(
  ingress: Ingress,
  reading: AnnotationReading,
  effects: Effects,
  holds: (line: string) => boolean,
  rest: Pick<IngressExplanation, 'outcome' | 'findings'> & { readonly source: string | undefined },
): IngressExplanation {
  const annotations = reading.given
    .map((given) => explainAnnotation(given, ingress.annotations[given.annotation] ?? '', reading, effects.get(given.annotation), holds))
    .sort((a: AnnotationExplanation, b: AnnotationExplanation) => byLevel(a, b))
  const name = classOf(ingress)
  return {
    namespace: printable(ingress.namespace),
    name: printable(ingress.name),
    ...(name === undefined ? {} : { class: printable(name) }),
    hosts: [...new Set(ingress.rules.flatMap(({ host }) => (host === undefined ? [] : [printable(host)])))],
    ...(rest.source === undefined ? {} : { source: rest.source }),
    level: worst([...annotations, ...rest.findings].map(({ level }) => level)),
    outcome: rest.outcome,
    annotations,
    findings: [...rest.findings].sort(byLevel),
  }
}

const LEVEL_OF_SEVERITY: Readonly<Record<Severity, Level>> = { error: 'blocked', warning: 'different', info: 'fine' }

function findingOf({ code, severity, message, field, annotation, source, object }: Issue): Finding {
  const isOfIngress = object?.kind === 'Ingress'
  return {
    code,
    level: LEVEL_OF_SEVERITY[severity],
    message: object === undefined || isOfIngress ? message : `${object.kind} ${nameOf(object)}: ${message}`,
    ...(field === undefined ? {} : { field }),
    ...(annotation === undefined ? {} : { annotation }),
    ...(source === undefined ? {} : { source: printable(`${source.file}:${source.line}`) }),
    // One that could not be read is nowhere else.
    ...(isOfIngress && source !== undefined ? { ingresses: [nameOf(object)] } : {}),
  }
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

/** What becomes of the paths of each Ingress. */
function outcomesIn(model: Model): (key: ObjectKey) => IngressExplanation['outcome'] {
  const outcomes = new Map<ObjectKey, IngressExplanation['outcome']>()
  for (const { locations } of model.servers) {
    for (const { owner, action } of locations) {
      if (owner === undefined) continue
      const key = keyOf(owner.namespace, owner.ingress)
      const isClosed = action.kind === 'respond' && action.status === 503
      if (!isClosed) outcomes.set(key, 'served')
      else if (!outcomes.has(key)) outcomes.set(key, 'unavailable')
    }
  }
  return (key) => outcomes.get(key) ?? 'nothing'
}

/** Lines of the http block, which hold in every location that does not say otherwise. */
function settingsThatHold(model: Model, { renderContext }: Surroundings): (line: string) => boolean {
  const root = render({ ...model, servers: [], upstreams: [] }, renderContext).rootFile(1)
  const lines = new Set(linesOf(root).map(({ text }) => text))
  return (line) => lines.has(line)
}

function byLevel(a: { readonly level: Level }, b: { readonly level: Level }): number {
  if (a.level === b.level) return 0
  return isAtLeast(a.level, b.level) ? -1 : 1
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
