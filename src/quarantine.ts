/**
 * Which Ingresses keep a configuration from being made, or NGINX from taking it, and what stands in for them meanwhile:
 * whatever one of them says, it costs nobody else a change. That an Ingress gets so far is a fault of ours, so nothing
 * here knows what may be wrong with it.
 */
import { keyUnder, PREFIXES } from './annotations/prefixes.ts'
import { readAnnotations } from './annotations/read.ts'
import { type Ingress, keyOf, type ObjectKey } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { type Issue, issue } from './model/issue.ts'
import { byAge, CLASS_ANNOTATION } from './translate/classes.ts'

/** What takes the place of an Ingress; undefined for nothing at all. */
type StandIn = { readonly ingress: Ingress | undefined; readonly reason: string }
type Ingresses = ClusterState['ingresses']

export type Quarantine = {
  /**
   * The state with what stands in for those Ingresses that are as they were, the very same while nothing changes. By other
   * settings than before all of them get another chance; settings are compared by identity.
   */
  applyTo(state: ClusterState, settings: Settings): ClusterState
  /** What is said of them. */
  issues(state: ClusterState): readonly Issue[]
  /** Takes it that the state is good as it is applied. */
  accept(state: ClusterState): void
  /**
   * Looks for the culprits where a state is not good, and puts something in their place. `isGood` judges a state. False where
   * it is nobody's fault. Throws Undecided where judgements contradict each other, and what `isGood` throws.
   */
  isolate(state: ClusterState, fault: Fault, isGood: (state: ClusterState) => Promise<boolean>): Promise<boolean>
}

/** All but the state that a configuration depends on. */
export type Settings = readonly unknown[]

/** Why a state is not good, and whom NGINX names. */
export type Fault = { readonly verdict: string; readonly complaint: string; readonly suspect: ObjectKey | undefined }

/** No verdict came about, which says nothing against anybody. */
export class Undecided extends Error {}

/** A tenant who makes many does not keep us busy one by one: after so many of a namespace, all of it that is not cleared goes. */
const MOST_OF_NAMESPACE = 10
/** What is wrong with more than so many namespaces is no fault of theirs, and what is served is better than the rest of it. */
const MOST_NAMESPACES = 5
/** What says which paths an Ingress has, and whose class it is of. */
const KEPT_KEYS = ['use-regex', 'rewrite-target']

export function createQuarantine(): Quarantine {
  const standIns = new Map<Ingress, StandIn>()
  /** Those that NGINX has taken as they are, and by which settings. */
  let accepted: { readonly ingresses: ReadonlySet<Ingress>; readonly settings: Settings } | undefined
  let current: Settings = []
  let last: { readonly given: Ingresses; readonly made: Ingresses } | undefined

  /** In the order in which they are asked, each oldest first. Those that are left out have nothing more to lose. */
  function groupsOfSuspects({ ingresses }: ClusterState, suspect: ObjectKey | undefined): readonly (readonly Ingress[])[] {
    const present = (one: Ingress) => !standIns.has(one) || standIns.get(one)?.ingress !== undefined
    const all = [...ingresses.values()].filter(present).sort(byAge)
    const changed = all.filter((one) => accepted?.ingresses.has(one) !== true)
    const isNamed = ({ namespace, name }: Ingress) => keyOf(namespace, name) === suspect
    const groups = [changed.filter(isNamed), changed]
    // By other settings everybody may be wrong at once, and it would be nobody's fault.
    return accepted === undefined || areSame(accepted.settings, current) ? [...groups, all.filter(isNamed), all] : groups
  }

  return {
    applyTo(state, settings) {
      if (!areSame(settings, current)) {
        standIns.clear()
        last = undefined
      }
      current = settings
      if (standIns.size === 0) return state
      if (last?.given !== state.ingresses) {
        const given = new Set(state.ingresses.values())
        for (const ingress of standIns.keys()) if (!given.has(ingress)) standIns.delete(ingress)
        last = { given: state.ingresses, made: replaced(state.ingresses, standIns) }
      }
      return { ...state, ingresses: last.made }
    },
    issues: ({ ingresses }) =>
      [...ingresses.values()].flatMap((ingress) => {
        const standIn = standIns.get(ingress)
        if (standIn === undefined) return []
        const fate = standIn.ingress === undefined ? 'it is left out' : 'its paths answer 503'
        return [issue('configuration-refused', ingress, { message: `${standIn.reason}; ${fate} until it is changed` })]
      }),
    accept({ ingresses }) {
      accepted = { ingresses: new Set([...ingresses.values()].filter((one) => !standIns.has(one))), settings: current }
    },
    async isolate(state, { verdict, complaint, suspect }, isGood) {
      const isGoodWith = (others: Iterable<readonly [Ingress, StandIn]>) =>
        isGood({ ...state, ingresses: replaced(state.ingresses, new Map([...standIns, ...others])) })
      const nothing = (one: Ingress) => [one, { ingress: undefined, reason: '' }] as const
      for (const suspects of groupsOfSuspects(state, suspect)) {
        const found = await culpritsAmong(suspects, (left) => isGoodWith(left.map(nothing)))
        if (found === undefined) continue
        const forms = new Map(found.map((one) => [one, standIns.has(one) ? undefined : closedFormOf(one)]))
        const closed = found.filter((one) => forms.get(one) !== undefined)
        const without = (left: readonly Ingress[]) =>
          isGoodWith([...found.map((one) => [one, { ingress: forms.get(one), reason: '' }] as const), ...left.map(nothing)])
        const hopeless = new Set(await culpritsAmong(closed, without))
        // The words may be about another's block.
        const reason = found.length === 1 ? `${verdict}: ${complaint}` : verdict
        for (const one of found) standIns.set(one, { ingress: hopeless.has(one) ? undefined : forms.get(one), reason })
        last = undefined
        return true
      }
      return false
    },
  }
}

function areSame(some: Settings, others: Settings): boolean {
  return some.length === others.length && some.every((one, index) => one === others[index])
}

function replaced(ingresses: Ingresses, standIns: ReadonlyMap<Ingress, StandIn>): Ingresses {
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
  const only = (isKept: (key: string | undefined, annotation: string) => boolean) =>
    Object.fromEntries(Object.entries(ingress.annotations).filter(([annotation]) => isKept(keyUnder(PREFIXES, annotation), annotation)))
  const asCanary = readAnnotations({ ...ingress, annotations: only((key) => key === 'canary') })
  if (asCanary.patches.upstream.canary?.isOn === true) return undefined
  const annotations = only((key, annotation) => annotation === CLASS_ANNOTATION || KEPT_KEYS.includes(key ?? ''))
  return { ...ingress, annotations, isClosed: true }
}

/**
 * The fewest, or nearly, without which all is good: none where it is good with all of them, after all. Undefined where it is
 * not good without all of them either, or there are too many.
 */
async function culpritsAmong(
  suspects: readonly Ingress[],
  isGoodWithout: (left: readonly Ingress[]) => Promise<boolean>,
): Promise<readonly Ingress[] | undefined> {
  if (suspects.length === 0 || !(await isGoodWithout(suspects))) return undefined
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
    const culprit = doubtful[good]
    if (culprit === undefined) throw new Undecided('what was judged good is not, when it is judged again')
    culprits = [...culprits, culprit]
    doubtful = doubtful.filter((one) => one !== culprit)
    proven = good
    const byNamespace = Map.groupBy(culprits, ({ namespace }) => namespace)
    if (byNamespace.size > MOST_NAMESPACES) return undefined
    if ((byNamespace.get(culprit.namespace)?.length ?? 0) < MOST_OF_NAMESPACE) continue
    const rest = doubtful.slice(proven).filter(({ namespace }) => namespace === culprit.namespace)
    culprits = [...culprits, ...rest]
    doubtful = doubtful.filter((one) => !rest.includes(one))
  }
  return culprits
}
