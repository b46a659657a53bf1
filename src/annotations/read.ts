/** An Ingress' annotations → what they ask for, and what is said of each. Depends on nothing but the Ingress. */
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import { nearest } from '../model/nearest.ts'
import { type AnnotationSpec, camelCase, type Feature, type Patches } from './define.ts'
import { type OtherName, otherNames } from './other-names.ts'
import { mergePatches } from './patch.ts'
import { COMPATIBLE_PREFIX, FOREIGN_PREFIXES, keyUnder, OWN_PREFIX, PREFIXES } from './prefixes.ts'
import { features } from './registry.ts'

/** What becomes of the Ingress' routes: served, answered 503, or left out. */
export type Verdict = 'serve' | 'unavailable' | 'withhold'

export type AnnotationReading = {
  readonly verdict: Verdict
  readonly patches: Patches
  readonly issues: readonly Issue[]
  /** Each annotation that was read, in the order of the Ingress. Those of no prefix that is known are not among them. */
  readonly given: readonly GivenAnnotation[]
}

/** `annotation` as it is written, `key` without the prefix. */
export type GivenAnnotation = { readonly annotation: string; readonly key: string } & Understanding

/** What an annotation was taken for. */
export type Understanding =
  /** `overridden`: it stands under our own prefix, too, and that counts. */
  | {
      readonly kind: 'feature'
      readonly name: string
      readonly feature: Feature
      readonly spec: AnnotationSpec<unknown>
      readonly status: 'taken' | 'invalid' | 'overridden'
    }
  /** `isIdle`: the value asks for nothing. */
  | { readonly kind: 'other'; readonly other: OtherName; readonly isIdle: boolean }
  /** `meant`: the name that comes closest. */
  | { readonly kind: 'unknown'; readonly meant: string | undefined }
  /** Another controller's. */
  | { readonly kind: 'foreign' }
  /** Of a canary: how its paths are served is the main Ingress' to say. */
  | { readonly kind: 'main-only' }

/** The feature that each key belongs to, and its name. */
export const featureOfKey: ReadonlyMap<string, { readonly name: string; readonly feature: Feature }> = new Map(
  Object.entries(features).flatMap(([name, feature]) => Object.keys(feature.annotations).map((key) => [key, { name, feature }] as const)),
)

const NOTHING_ASKED: Patches = { location: {}, server: {}, upstream: {} }

/** Reads what stands under our prefixes; says which other controllers' stand beside. */
export function readAnnotations(ingress: Ingress): AnnotationReading {
  const issues: Issue[] = []
  let verdict: Verdict = 'serve'
  let patches = NOTHING_ASKED
  const tell = (code: IssueCode, annotation: string, message: string) => void issues.push(issue(code, ingress, { annotation, message }))
  const close = () => {
    if (verdict === 'serve') verdict = 'unavailable'
  }

  const isCanary = isMarkedAsCanary(ingress)
  const asked = new Map<string, ReadFeature>()
  const given = Object.keys(ingress.annotations).flatMap((annotation) => understand(annotation, ingress, asked, isCanary))
  for (const each of given) {
    if (each.kind === 'foreign') tell('foreign-annotation', each.annotation, 'belongs to another controller and has no effect here')
    if (each.kind === 'main-only') tell('canary-annotation', each.annotation, "is the main Ingress' to say; on a canary it has no effect")
    if (each.kind === 'unknown') tell('unknown-annotation', each.annotation, unknownMessage(each.meant))
    if (each.kind !== 'other' || each.isIdle) continue
    if (each.other.protects) close()
    tell(each.other.protects ? 'protection-not-supported' : 'annotation-not-supported', each.annotation, each.other.message)
  }

  for (const { feature, invalid, conflicts, patch } of asked.values()) {
    const isClosed = feature.onInvalid === 'unavailable'
    const meanwhile = MEANWHILE[feature.onInvalid]
    for (const { annotation, reason } of invalid)
      tell(isClosed ? 'protection-invalid' : 'invalid-annotation', annotation, `${reason}; ${meanwhile}`)
    for (const { annotation, message } of conflicts) tell('annotation-conflict', annotation, message)
    if (invalid.length > 0 && isClosed) close()
    if (invalid.length > 0 && feature.onInvalid === 'withhold') verdict = 'withhold'
    if (patch !== undefined) patches = { ...patches, [feature.scope]: mergePatches<object>(patches[feature.scope], patch) }
  }
  return { verdict, patches, issues, given }
}

/** What one annotation is taken for; nothing where its prefix is nobody's that is known. A feature is read once, into `asked`. */
function understand(annotation: string, ingress: Ingress, asked: Map<string, ReadFeature>, isCanary: boolean): readonly GivenAnnotation[] {
  const key = keyUnder(PREFIXES, annotation)
  if (key === undefined) {
    const foreign = keyUnder(FOREIGN_PREFIXES, annotation)
    return foreign === undefined ? [] : [{ annotation, key: foreign, kind: 'foreign' }]
  }
  if (isCanary && !countsForCanary(key)) return [{ annotation, key, kind: 'main-only' }]
  const known = featureOfKey.get(key)
  const spec = known?.feature.annotations[key]
  if (known !== undefined && spec !== undefined) {
    const read = asked.get(known.name) ?? readFeature(known.feature, ingress)
    asked.set(known.name, read)
    const isOverridden = annotation.startsWith(COMPATIBLE_PREFIX) && ingress.annotations[OWN_PREFIX + key] !== undefined
    const isInvalid = read.invalid.some((refused) => refused.annotation === annotation)
    const status = isOverridden ? 'overridden' : isInvalid ? 'invalid' : 'taken'
    return [{ annotation, key, kind: 'feature', ...known, spec, status }]
  }
  const other = Object.hasOwn(otherNames, key) ? otherNames[key] : undefined
  if (other === undefined)
    return [{ annotation, key, kind: 'unknown', meant: nearest(key, [...featureOfKey.keys(), ...Object.keys(otherNames)]) }]
  return [{ annotation, key, kind: 'other', other, isIdle: other.idle.includes(ingress.annotations[annotation]?.trim() ?? '') }]
}

const MEANWHILE: Readonly<Record<Feature['onInvalid'], string>> = {
  default: 'it has no effect',
  unavailable: 'requests get 503 until it is mended',
  withhold: 'nothing of this Ingress is served until it is mended',
}

/** What a canary says of itself matters before all else. */
function isMarkedAsCanary(ingress: Ingress): boolean {
  const feature = features['canary']
  const patch = feature === undefined ? undefined : (readFeature(feature, ingress).patch as Patches['upstream'] | undefined)
  return patch?.canary?.isOn === true
}

/** Of a canary counts what is about its backends; how a path is served is the main Ingress' matter. */
function countsForCanary(key: string): boolean {
  const known = featureOfKey.get(key)
  return known === undefined ? !Object.hasOwn(otherNames, key) : known.feature.scope === 'upstream'
}

function unknownMessage(meant: string | undefined): string {
  return `is no annotation that is known${meant === undefined ? '' : `, ${meant} is`}; it has no effect`
}

type ReadFeature = {
  readonly feature: Feature
  readonly patch: object | undefined
  readonly invalid: readonly { readonly annotation: string; readonly reason: string }[]
  readonly conflicts: readonly { readonly annotation: string; readonly message: string }[]
}

/** The names a value may stand under, the one that counts first: ours before ingress-nginx's, a key before its aliases. */
function spellingsOf(key: string, { annotations }: Feature): readonly string[] {
  const keys = [key, ...Object.keys(annotations).filter((candidate) => annotations[candidate]?.aliasOf === key)]
  return PREFIXES.flatMap((prefix) => keys.map((each) => prefix + each))
}

/** One feature's values, each by its schema, and what comes of them. */
function readFeature(feature: Feature, { annotations }: Ingress): ReadFeature {
  const invalid: { annotation: string; reason: string }[] = []
  const conflicts: { annotation: string; message: string }[] = []
  const values: Record<string, unknown> = {}
  const spelled = new Map<string, string>()
  for (const [key, spec] of Object.entries(feature.annotations)) {
    if (spec.aliasOf !== undefined) continue
    const [annotation, ...others] = spellingsOf(key, feature).filter((name) => annotations[name] !== undefined)
    if (annotation === undefined) continue
    const given = annotations[annotation] ?? ''
    spelled.set(key, annotation)
    for (const other of others)
      if (annotations[other] !== given) conflicts.push({ annotation: other, message: `says otherwise than ${annotation}, which counts` })
    const parsed = given.trim() === '' ? undefined : spec.value.safeParse(given.trim())
    if (parsed?.success) values[camelCase(key)] = parsed.data
    else {
      const reason =
        parsed === undefined ? 'is empty' : `${JSON.stringify(given)} ${parsed.error.issues.map(({ message }) => message).join('; ')}`
      invalid.push({ annotation, reason })
    }
  }
  // With one value of a protection wrong, what the others would make of it is nobody's wish.
  if (Object.keys(values).length === 0 || (invalid.length > 0 && feature.onInvalid === 'unavailable'))
    return { feature, patch: undefined, invalid, conflicts }
  const effect = feature.apply(values as never, {
    isOwn: (key) => spelled.get(key)?.startsWith(OWN_PREFIX) === true,
    isInvalid: (key) => spelled.has(key) && !Object.hasOwn(values, camelCase(key)),
  })
  if (effect !== undefined && 'kind' in effect && effect.kind === 'refused') {
    const annotation = spelled.get(effect.annotation) ?? COMPATIBLE_PREFIX + effect.annotation
    return { feature, patch: undefined, invalid: [...invalid, { annotation, reason: effect.reason }], conflicts }
  }
  return { feature, patch: effect, invalid, conflicts }
}
