/** Which Ingresses are ours, and in what order they have a say. */
import type { Ingress, IngressClass } from '../cluster/objects.ts'
import { keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import type { Options } from '../options.ts'

/** The legacy way to name a class; `spec.ingressClassName` beats it. */
export const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

/**
 * The Ingresses to serve, oldest first. Ties, and objects without a timestamp after them, go by namespace and name.
 * Rules: https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class
 */
export function selectIngresses(state: ClusterState, options: Options): readonly Ingress[] {
  const all = [...state.ingresses.values()]
  const ours = options.allClasses ? all : all.filter(classFilter(state, options))
  return ours.sort(byAge)
}

/** Whether an Ingress is among those, as far as these classes go. */
export function isServed(ingress: Ingress, classes: Classes, options: Options): boolean {
  return options.allClasses || classFilter(classes, options)(ingress)
}

type Classes = Pick<ClusterState, 'ingressClasses'>

/** Many Ingresses share few classes, so what is said of a class is looked up once. */
function classFilter(state: Classes, options: Options): (ingress: Ingress) => boolean {
  const isDefaultOurs = defaultClassOf(state)?.controller === options.controllerClass
  const byName = new Map<string, boolean>()
  return ({ className, annotations }) => {
    if (className === undefined) {
      const legacy = annotations[CLASS_ANNOTATION]
      return legacy === undefined ? isDefaultOurs : legacy === options.ingressClass
    }
    const isOurs = byName.get(className) ?? isOurClass(className, state, options)
    byName.set(className, isOurs)
    return isOurs
  }
}

/** Without an IngressClass of that name, the name alone decides. */
function isOurClass(className: string, state: Classes, options: Options): boolean {
  const ingressClass = state.ingressClasses.get(keyOf('', className))
  return ingressClass === undefined ? className === options.ingressClass : ingressClass.controller === options.controllerClass
}

/** The class that the API server would write into an Ingress that names none: the newest default one. */
function defaultClassOf(state: Classes): IngressClass | undefined {
  const [newest] = [...state.ingressClasses.values()]
    .filter((candidate) => candidate.isDefault)
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0) || compare(a.name, b.name))
  return newest
}

function byAge(a: Ingress, b: Ingress): number {
  const ages = (a.createdAt ?? Number.MAX_SAFE_INTEGER) - (b.createdAt ?? Number.MAX_SAFE_INTEGER)
  return ages || compare(a.namespace, b.namespace) || compare(a.name, b.name)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
