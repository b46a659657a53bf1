/** Which Ingresses are ours, and in what order they have a say. */
import type { Ingress, IngressClass } from '../cluster/objects.ts'
import { keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import type { Options } from '../options.ts'

/** The legacy way to name a class; `spec.ingressClassName` beats it. */
export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

/** What ingress-nginx calls itself: its `--controller-class` and `--ingress-class`, as everybody has them. */
const TAKEN_OVER = { controllerClass: 'k8s.io/ingress-nginx', ingressClass: 'nginx' } as const

/**
 * Whether an API server stood between the authors and the state. It writes the default class into an Ingress that names
 * none, and without an IngressClass object nobody can say whose a name is. Files are all there is of a directory: the
 * name of our class needs no object there, and an Ingress without class is the default class's.
 */
export type ClassRules = { readonly source: 'files' | 'cluster' }

/** On what grounds an Ingress is served: as one of our class, or as one that ingress-nginx may serve, whose status is not ours to write. */
export type Claim = 'own' | 'taken-over'

/**
 * The Ingresses to serve, oldest first. Ties, and objects without a timestamp after them, go by namespace and name.
 * Rules: https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class
 */
export function selectIngresses(state: ClusterState, options: Options, rules: ClassRules): readonly Ingress[] {
  const claimOf = claims(state, options, rules)
  return [...state.ingresses.values()].filter((ingress) => claimOf(ingress) !== undefined).sort(byAge)
}

/** Whether an Ingress is among those of a cluster, as far as these classes go. */
export function isServed(ingress: Ingress, classes: Classes, options: Options): boolean {
  return claims(classes, options, { source: 'cluster' })(ingress) !== undefined
}

type Classes = Pick<ClusterState, 'ingressClasses'>

/**
 * Tells of an Ingress whether it is served, and on what grounds. Many Ingresses share few classes, so what is said of a
 * class is looked up once.
 */
export function claims(state: Classes, options: Options, rules: ClassRules): (ingress: Ingress) => Claim | undefined {
  const unnamed = claimOfUnnamed(state, options, rules)
  const byName = new Map<string, Claim | undefined>()
  return ({ className, annotations }) => {
    if (className === undefined) {
      const legacy = annotations[CLASS_ANNOTATION]
      return (legacy === undefined ? unnamed : claimOfBareName(legacy, options)) ?? claimOfAny(options)
    }
    if (!byName.has(className)) byName.set(className, claimOfClass(className, state, options, rules) ?? claimOfAny(options))
    return byName.get(className)
  }
}

function claimOfAny(options: Options): Claim | undefined {
  return options.allClasses ? claimOfForeign(options) : undefined
}

/** Of what does not say that it is ours; the other controller, with the same settings, serves it too. */
function claimOfForeign({ takeover }: Options): Claim {
  return takeover ? 'taken-over' : 'own'
}

function claimOfUnnamed(state: Classes, options: Options, rules: ClassRules): Claim | undefined {
  if (options.watchIngressWithoutClass) return claimOfForeign(options)
  const ingressClass = rules.source === 'files' ? defaultClassOf(state) : undefined
  return ingressClass && claimOfController(ingressClass, options)
}

function claimOfClass(className: string, state: Classes, options: Options, rules: ClassRules): Claim | undefined {
  const ingressClass = state.ingressClasses.get(keyOf('', className))
  if (ingressClass === undefined) return rules.source === 'files' ? claimOfBareName(className, options) : undefined
  if (options.ingressClassByName && className === options.ingressClass) return 'own'
  return claimOfController(ingressClass, options)
}

function claimOfController({ controller }: IngressClass, options: Options): Claim | undefined {
  if (controller === options.controllerClass) return 'own'
  return options.takeover && controller === TAKEN_OVER.controllerClass ? 'taken-over' : undefined
}

/** The name of a class that no object explains. */
function claimOfBareName(name: string, options: Options): Claim | undefined {
  if (name === options.ingressClass) return 'own'
  return options.takeover && name === TAKEN_OVER.ingressClass ? 'taken-over' : undefined
}

/** The class that the API server would write into an Ingress that names none: the newest default one. */
function defaultClassOf(state: Classes): IngressClass | undefined {
  const [newest] = [...state.ingressClasses.values()]
    .filter((candidate) => candidate.isDefault)
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0) || compare(a.name, b.name))
  return newest
}

/** The oldest first. */
export function byAge(a: Ingress, b: Ingress): number {
  const ages = (a.createdAt ?? Number.MAX_SAFE_INTEGER) - (b.createdAt ?? Number.MAX_SAFE_INTEGER)
  return ages || compare(a.namespace, b.namespace) || compare(a.name, b.name)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
