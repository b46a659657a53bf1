/** An Ingress' annotations → what they ask for, and what is said of each. Depends on nothing but the Ingress. */
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import { nearest } from '../model/nearest.ts'
import { camelCase, type Feature, type Patches } from './define.ts'
import { otherNames } from './other-names.ts'
import { mergePatches } from './patch.ts'
import { COMPATIBLE_PREFIX, FOREIGN_PREFIXES, keyUnder, OWN_PREFIX, PREFIXES } from './prefixes.ts'
import { features } from './registry.ts'

/** What becomes of the Ingress' routes: served, answered 503, or left out. */
export type Verdict = 'serve' | 'unavailable' | 'withhold'

export type AnnotationReading = {
  readonly verdict: Verdict
  readonly patches: Patches
  readonly issues: readonly Issue[]
}

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
  const asked = new Set<string>()
  for (const annotation of Object.keys(ingress.annotations)) {
    const key = keyUnder(PREFIXES, annotation)
    if (key === undefined) {
      if (keyUnder(FOREIGN_PREFIXES, annotation) !== undefined)
        tell('foreign-annotation', annotation, 'belongs to another controller and has no effect here')
      continue
    }
    const known = featureOfKey.get(key)
    if (isCanary && !countsForCanary(key)) {
      tell('canary-annotation', annotation, "is the main Ingress' to say; on a canary it has no effect")
      continue
    }
    if (known !== undefined) {
      asked.add(known.name)
      continue
    }
    const other = Object.hasOwn(otherNames, key) ? otherNames[key] : undefined
    if (other === undefined) tell('unknown-annotation', annotation, unknownMessage(key))
    else if (!other.idle.includes(ingress.annotations[annotation]?.trim() ?? '')) {
      if (other.protects) close()
      tell(other.protects ? 'protection-not-supported' : 'annotation-not-supported', annotation, other.message)
    }
  }

  for (const name of asked) {
    const feature = features[name]
    if (feature === undefined) continue
    const read = readFeature(feature, ingress)
    const isClosed = feature.onInvalid === 'unavailable'
    const meanwhile = MEANWHILE[feature.onInvalid]
    for (const { annotation, reason } of read.invalid)
      tell(isClosed ? 'protection-invalid' : 'invalid-annotation', annotation, `${reason}; ${meanwhile}`)
    for (const { annotation, message } of read.conflicts) tell('annotation-conflict', annotation, message)
    if (read.invalid.length > 0 && isClosed) close()
    if (read.invalid.length > 0 && feature.onInvalid === 'withhold') verdict = 'withhold'
    if (read.patch !== undefined) patches = { ...patches, [feature.scope]: mergePatches<object>(patches[feature.scope], read.patch) }
  }
  return { verdict, patches, issues }
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

function unknownMessage(key: string): string {
  const meant = nearest(key, [...featureOfKey.keys(), ...Object.keys(otherNames)])
  return `is no annotation that is known${meant === undefined ? '' : `, ${meant} is`}; it has no effect`
}

type ReadFeature = {
  readonly patch: object | undefined
  readonly invalid: readonly { readonly annotation: string; readonly reason: string }[]
  readonly conflicts: readonly { readonly annotation: string; readonly message: string }[]
}

/** One feature's values, each by its schema, and what comes of them. */
function readFeature(feature: Feature, { annotations }: Ingress): ReadFeature {
  const invalid: { annotation: string; reason: string }[] = []
  const conflicts: { annotation: string; message: string }[] = []
  const values: Record<string, unknown> = {}
  const spelled = new Map<string, string>()
  for (const [key, spec] of Object.entries(feature.annotations)) {
    const [own, compatible] = [annotations[OWN_PREFIX + key], annotations[COMPATIBLE_PREFIX + key]]
    const given = own ?? compatible
    if (given === undefined) continue
    const annotation = (own === undefined ? COMPATIBLE_PREFIX : OWN_PREFIX) + key
    spelled.set(key, annotation)
    if (own !== undefined && compatible !== undefined && own !== compatible)
      conflicts.push({ annotation: COMPATIBLE_PREFIX + key, message: `says otherwise than ${OWN_PREFIX}${key}, which counts` })
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
    return { patch: undefined, invalid, conflicts }
  const effect = feature.apply(values as never, { isOwn: (key) => spelled.get(key)?.startsWith(OWN_PREFIX) === true })
  if (effect !== undefined && 'kind' in effect && effect.kind === 'refused') {
    const annotation = spelled.get(effect.annotation) ?? COMPATIBLE_PREFIX + effect.annotation
    return { patch: undefined, invalid: [...invalid, { annotation, reason: effect.reason }], conflicts }
  }
  return { patch: effect, invalid, conflicts }
}
