/**
 * Which Ingresses keep a configuration from being made, or NGINX from taking it, and what stands in for them meanwhile:
 * whatever one of them says, it costs nobody else a change. That an Ingress gets so far is a fault of ours, so nothing
 * here knows what may be wrong with it.
 */

import { keyUnder, PREFIXES } from './annotations/prefixes.ts'
import { type Ingress, keyOf, type ObjectKey } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { type Issue, issue } from './model/issue.ts'
import { byAge, CLASS_ANNOTATION } from './translate/classes.ts'

/** What takes the place of an Ingress; undefined for nothing at all. */
type StandIn = { readonly ingress: Ingress | undefined; readonly reason: string }

export type Quarantine = {
  /** The state with what stands in for those Ingresses that are as they were; the very same one while nothing changes. */
  applyTo(state: ClusterState): ClusterState
  /** What is said of them. */
  issues(state: ClusterState): readonly Issue[]
  /** Takes it that the state is good as it is applied. */
  accept(state: ClusterState): void
  /**
   * Looks for the culprits among what has changed since a state was accepted, then among all. `isGood` judges a state.
   * Gives whether there are some, and they are dealt with.
   */
  isolate(state: ClusterState, fault: Fault, isGood: (state: ClusterState) => Promise<boolean>): Promise<boolean>
}

/** Why a state is not good, and whom NGINX names. */
export type Fault = { readonly reason: string; readonly suspect: ObjectKey | undefined }

/** A tenant who makes many of them does not keep us busy one by one: after so many, the rest of the namespace goes too. */
const MOST_BY_NAMESPACE = 20
/** What says which paths an Ingress has, and whose class it is of. */
const KEPT_KEYS = ['use-regex', 'rewrite-target']

export function createQuarantine(): Quarantine {
  const standIns = new Map<Ingress, StandIn>()
  let accepted: ReadonlySet<Ingress> = new Set()
  let last: { readonly given: ClusterState['ingresses']; readonly made: ClusterState['ingresses'] } | undefined

  function applyTo(state: ClusterState): ClusterState {
    if (standIns.size === 0) return state
    if (last?.given !== state.ingresses) {
      const given = new Set(state.ingresses.values())
      for (const ingress of standIns.keys()) if (!given.has(ingress)) standIns.delete(ingress)
      last = { given: state.ingresses, made: replaced(state.ingresses, standIns) }
    }
    return { ...state, ingresses: last.made }
  }

  return {
    applyTo,
    issues: ({ ingresses }) =>
      [...ingresses.values()].flatMap((ingress) => {
        const standIn = standIns.get(ingress)
        if (standIn === undefined) return []
        const fate = standIn.ingress === undefined ? 'it is left out' : 'its paths answer 503'
        return [issue('configuration-refused', ingress, { message: `${standIn.reason}; ${fate} until it is changed` })]
      }),
    accept({ ingresses }) {
      accepted = new Set(ingresses.values())
    },
    async isolate(state, { reason, suspect }, isGood) {
      const free = [...state.ingresses.values()].filter((ingress) => !standIns.has(ingress)).sort(byAge)
      const named = free.filter(({ namespace, name }) => keyOf(namespace, name) === suspect)
      const changed = free.filter((ingress) => !accepted.has(ingress))
      const isGoodWith = (others: ReadonlyMap<Ingress, StandIn>) =>
        isGood({ ...state, ingresses: replaced(state.ingresses, new Map([...standIns, ...others])) })
      for (const suspects of [named, changed, free]) {
        const culprits = await culpritsAmong(suspects, (left) =>
          isGoodWith(new Map(left.map((one) => [one, { ingress: undefined, reason }]))),
        )
        if (culprits.length === 0) continue
        const closed = new Map(culprits.map((one) => [one, { ingress: closedFormOf(one), reason }]))
        const areGoodClosed = await isGoodWith(closed)
        for (const one of culprits) standIns.set(one, { ingress: areGoodClosed ? closedFormOf(one) : undefined, reason })
        last = undefined
        return true
      }
      return false
    },
  }
}

function replaced(ingresses: ClusterState['ingresses'], standIns: ReadonlyMap<Ingress, StandIn>): ClusterState['ingresses'] {
  const made = new Map<ObjectKey, Ingress>()
  for (const [key, ingress] of ingresses) {
    const standIn = standIns.get(ingress)
    const present = standIn === undefined ? ingress : standIn.ingress
    if (present !== undefined) made.set(key, present)
  }
  return made
}

/**
 * The paths of an Ingress without anything else that it says: left out, its paths would be served by others, and without
 * what protects them. A canary has none of its own.
 */
function closedFormOf(ingress: Ingress): Ingress | undefined {
  const keyOfAnnotation = (annotation: string) => keyUnder(PREFIXES, annotation)
  const given = Object.entries(ingress.annotations)
  if (given.some(([annotation]) => keyOfAnnotation(annotation) === 'canary')) return undefined
  const kept = given.filter(([annotation]) => annotation === CLASS_ANNOTATION || KEPT_KEYS.includes(keyOfAnnotation(annotation) ?? ''))
  return { ...ingress, annotations: Object.fromEntries(kept), isClosed: true }
}

/** The fewest, or nearly, without which all is good; none where it is not good without all of them either. */
async function culpritsAmong(
  suspects: readonly Ingress[],
  isGoodWithout: (left: readonly Ingress[]) => Promise<boolean>,
): Promise<readonly Ingress[]> {
  if (suspects.length === 0 || !(await isGoodWithout(suspects))) return []
  let culprits: readonly Ingress[] = []
  let doubtful = suspects
  /** So many of the doubtful, from the first on, are known to be good together. */
  let proven = 0
  const isGoodUpTo = (count: number) => isGoodWithout([...culprits, ...doubtful.slice(count)])
  while (!(await isGoodUpTo(doubtful.length))) {
    // Good without all of the doubtful, and not with all: the first that is one too many is a culprit.
    let [good, bad] = [proven, doubtful.length]
    while (bad - good > 1) {
      const middle = Math.floor((good + bad) / 2)
      if (await isGoodUpTo(middle)) good = middle
      else bad = middle
    }
    const culprit = doubtful[good] as Ingress
    culprits = [...culprits, culprit]
    doubtful = doubtful.filter((one) => one !== culprit)
    proven = good
    const isCrowd = culprits.filter(({ namespace }) => namespace === culprit.namespace).length >= MOST_BY_NAMESPACE
    if (!isCrowd) continue
    const rest = doubtful.slice(proven).filter(({ namespace }) => namespace === culprit.namespace)
    culprits = [...culprits, ...rest]
    doubtful = doubtful.filter((one) => !rest.includes(one))
  }
  return culprits
}
