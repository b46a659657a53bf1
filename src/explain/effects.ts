/** What each annotation of an Ingress does to the configuration: rendered with it and without it. */
import { keyUnder, PREFIXES } from '../annotations/prefixes.ts'
import { type GivenAnnotation, readAnnotations } from '../annotations/read.ts'
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import type { Model, Owner } from '../model/model.ts'
import type { ObjectName } from '../model/values.ts'
import type { Options } from '../options.ts'
import type { RenderContext } from '../render/render.ts'
import { type TranslateContext, type TranslationMemo, translate } from '../translate/translate.ts'
import { type Change, changeBetween, NO_CHANGE } from './directives.ts'

export type Surroundings = {
  readonly options: Options
  readonly translateContext: TranslateContext
  readonly renderContext: RenderContext
}

/** By the annotation as it is written; none for those without effect, and for those that something else keeps from having one. */
export type Effects = ReadonlyMap<string, Change>

/** Of a host that more Ingresses share, only those that share a path are looked at: each costs a translation of all of them. */
const MOST_RELATIVES = 20

/** Gives the effects for any Ingress of the state, which has to be complete. */
export function effectsIn(state: ClusterState, surroundings: Surroundings, memo: TranslationMemo): (ingress: Ingress) => Effects {
  const relativesOf = relativesIn(state)
  const modelOf = (ingresses: readonly Ingress[]): Model => {
    const few = new Map(ingresses.map((ingress) => [keyOf(ingress.namespace, ingress.name), ingress]))
    const { options, translateContext } = surroundings
    return translate({ ...state, ingresses: few }, options, translateContext, { routes: memo.routes, last: undefined }).model
  }

  return (ingress) => {
    const taken = readAnnotations(ingress).given.filter(isTaken)
    if (taken.length === 0) return new Map()
    // What closes the Ingress would hide what everything else does.
    const open = keepAnnotations(
      ingress,
      taken.map(({ annotation }) => annotation),
    )
    if (readAnnotations(open).verdict !== 'serve') return new Map()
    const relatives = relativesOf(ingress)
    const after = modelOf([open, ...relatives])
    const owner: Owner = { namespace: ingress.namespace as ObjectName, ingress: ingress.name as ObjectName }
    return new Map(
      taken.map((given) => {
        const before = modelOf([withoutAnnotation(open, given, taken), ...relatives])
        return [given.annotation, sameServers(before, after) ? NO_CHANGE : changeBetween(before, after, owner, surroundings.renderContext)]
      }),
    )
  }
}

type Taken = Extract<GivenAnnotation, { kind: 'feature' }>

function isTaken(given: GivenAnnotation): given is Taken {
  return given.kind === 'feature' && given.status === 'taken'
}

/** Where the rest of its feature makes no sense without it, the feature goes as a whole. */
function withoutAnnotation(ingress: Ingress, { annotation, name }: Taken, taken: readonly Taken[]): Ingress {
  const others = taken.filter((other) => other.annotation !== annotation)
  const alone = keepAnnotations(
    ingress,
    others.map((other) => other.annotation),
  )
  const reading = readAnnotations(alone)
  if (reading.verdict === 'serve' && reading.issues.length === 0) return alone
  return keepAnnotations(
    ingress,
    others.filter((other) => other.name !== name).map((other) => other.annotation),
  )
}

/** Of those under our prefixes, these only. */
function keepAnnotations(ingress: Ingress, names: readonly string[]): Ingress {
  const kept = new Set(names)
  const annotations = Object.entries(ingress.annotations).filter(([name]) => kept.has(name) || keyUnder(PREFIXES, name) === undefined)
  return { ...ingress, annotations: Object.fromEntries(annotations) }
}

function sameServers(before: Model, after: Model): boolean {
  return JSON.stringify([before.servers, before.upstreams]) === JSON.stringify([after.servers, after.upstreams])
}

/** The other Ingresses that bear on what becomes of one: those of its hosts, and of their www twins. */
function relativesIn(state: ClusterState): (ingress: Ingress) => readonly Ingress[] {
  const byHost = new Map<string, Ingress[]>()
  for (const ingress of state.ingresses.values()) {
    for (const host of hostsOf(ingress)) {
      const known = byHost.get(host)
      if (known === undefined) byHost.set(host, [ingress])
      else known.push(ingress)
    }
  }
  return (ingress) => {
    const relatives = new Map<ObjectKey, Ingress>()
    for (const host of hostsOf(ingress))
      for (const relative of byHost.get(host) ?? [])
        if (relative !== ingress) relatives.set(keyOf(relative.namespace, relative.name), relative)
    if (relatives.size <= MOST_RELATIVES) return [...relatives.values()]
    const paths = pathsOf(ingress)
    const sharesPath = (relative: Ingress) => [...pathsOf(relative)].some((path) => paths.has(path))
    return [...relatives.values()].filter(sharesPath).slice(0, MOST_RELATIVES)
  }
}

function hostsOf({ rules }: Ingress): ReadonlySet<string> {
  return new Set(rules.map(({ host = '' }) => host.toLowerCase().replace(/^www\./, '')))
}

function pathsOf({ rules }: Ingress): ReadonlySet<string> {
  return new Set(rules.flatMap(({ paths = [] }) => paths.map(({ path = '/' }) => path)))
}
