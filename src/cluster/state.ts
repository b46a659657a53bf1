/** The cluster as the controller knows it: a store that takes objects one by one, and the snapshots it gives. */
import { isDeepStrictEqual } from 'node:util'
import type {
  ClusterObject,
  ConfigMap,
  EndpointSlice,
  Ingress,
  IngressClass,
  Namespace,
  ObjectKey,
  ObjectKind,
  Secret,
  Service,
} from './objects.ts'
import { keyOf } from './objects.ts'

/**
 * A snapshot, never changed once given. An object that did not change between two snapshots is the very same object
 * in both, and so are the list of a Service's EndpointSlices and the map of a kind of which nothing changed: results
 * are memoised by identity.
 */
export type ClusterState = {
  readonly ingresses: ReadonlyMap<ObjectKey, Ingress>
  readonly ingressClasses: ReadonlyMap<ObjectKey, IngressClass>
  readonly services: ReadonlyMap<ObjectKey, Service>
  /** By the key of the Service they belong to. */
  readonly endpointSlices: ReadonlyMap<ObjectKey, readonly EndpointSlice[]>
  readonly secrets: ReadonlyMap<ObjectKey, Secret>
  readonly configMaps: ReadonlyMap<ObjectKey, ConfigMap>
  readonly namespaces: ReadonlyMap<ObjectKey, Namespace>
}

export type ObjectStore = {
  /** Adds or replaces an object; an equal one leaves the store as it is. Gives whether anything changed. */
  set(object: ClusterObject): boolean
  delete(kind: ObjectKind, key: ObjectKey): boolean
  /** As the next snapshot has them; a snapshot copies whatever has changed. */
  ingressClasses(): ClusterState['ingressClasses']
  snapshot(): ClusterState
}

/** The part of a snapshot that the objects of a kind are in. */
const PARTS = {
  Ingress: 'ingresses',
  IngressClass: 'ingressClasses',
  Service: 'services',
  EndpointSlice: 'endpointSlices',
  Secret: 'secrets',
  ConfigMap: 'configMaps',
  Namespace: 'namespaces',
} as const satisfies Readonly<Record<ObjectKind, keyof ClusterState>>

/** The objects of a kind that are kept by their own key; EndpointSlices are not. */
export function objectsOfKind(
  state: ClusterState,
  kind: ObjectKind,
): ReadonlyMap<ObjectKey, Exclude<ClusterObject, EndpointSlice>> | undefined {
  return kind === 'EndpointSlice' ? undefined : state[PARTS[kind]]
}

/** An empty store. */
export function createStore(): ObjectStore {
  const byKind = {
    Ingress: new Map<ObjectKey, Ingress>(),
    IngressClass: new Map<ObjectKey, IngressClass>(),
    Service: new Map<ObjectKey, Service>(),
    EndpointSlice: new Map<ObjectKey, EndpointSlice>(),
    Secret: new Map<ObjectKey, Secret>(),
    ConfigMap: new Map<ObjectKey, ConfigMap>(),
    Namespace: new Map<ObjectKey, Namespace>(),
  }
  const slicesByService = new Map<ObjectKey, readonly EndpointSlice[]>()
  /** Parts of the last snapshot, but for those of kinds that have changed since. */
  const current: { -readonly [Part in keyof ClusterState]?: ClusterState[Part] } = {}

  function changeSlices(service: ObjectKey, change: (slices: readonly EndpointSlice[]) => readonly EndpointSlice[]) {
    const slices = change(slicesByService.get(service) ?? [])
    if (slices.length === 0) slicesByService.delete(service)
    else slicesByService.set(service, slices)
  }

  function indexSlice(before: EndpointSlice | undefined, after: EndpointSlice | undefined) {
    if (before?.service !== undefined)
      changeSlices(keyOf(before.namespace, before.service), (slices) => slices.filter((slice) => slice !== before))
    if (after?.service !== undefined) {
      changeSlices(keyOf(after.namespace, after.service), (slices) => [...slices, after].sort((a, b) => (a.name < b.name ? -1 : 1)))
    }
  }

  function ingressClasses(): ClusterState['ingressClasses'] {
    current.ingressClasses ??= new Map(byKind.IngressClass)
    return current.ingressClasses
  }

  return {
    set(object) {
      const objects: Map<ObjectKey, ClusterObject> = byKind[object.kind]
      const key = keyOf(object.namespace, object.name)
      const before = objects.get(key)
      if (isDeepStrictEqual(before, object)) return false
      objects.set(key, object)
      delete current[PARTS[object.kind]]
      if (object.kind === 'EndpointSlice') indexSlice(before as EndpointSlice | undefined, object)
      return true
    },
    delete(kind, key) {
      const objects: Map<ObjectKey, ClusterObject> = byKind[kind]
      const before = objects.get(key)
      if (before?.kind === 'EndpointSlice') indexSlice(before, undefined)
      delete current[PARTS[kind]]
      return objects.delete(key)
    },
    ingressClasses,
    snapshot() {
      current.ingresses ??= new Map(byKind.Ingress)
      ingressClasses()
      current.services ??= new Map(byKind.Service)
      current.endpointSlices ??= new Map(slicesByService)
      current.secrets ??= new Map(byKind.Secret)
      current.configMaps ??= new Map(byKind.ConfigMap)
      current.namespaces ??= new Map(byKind.Namespace)
      return { ...current } as ClusterState
    },
  }
}
