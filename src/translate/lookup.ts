/** Reads of the cluster's state that remember what was read, so that a result can be kept while all of it holds. */
import type { ConfigMap, EndpointSlice, ObjectKey, Secret, Service } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'

export type Lookup = {
  service(key: ObjectKey): Service | undefined
  endpointSlices(service: ObjectKey): readonly EndpointSlice[]
  secret(key: ObjectKey): Secret | undefined
  configMap(key: ObjectKey): ConfigMap | undefined
}

type LookupKind = 'services' | 'endpointSlices' | 'secrets' | 'configMaps'
/** That `key` of `kind` was looked up and `found` was the answer. */
export type Read = { readonly kind: LookupKind; readonly key: ObjectKey; readonly found: unknown }

/** A lookup, and the growing list of what was asked of it. */
export function recordReads(state: ClusterState): { readonly lookup: Lookup; readonly reads: readonly Read[] } {
  const reads: Read[] = []
  const asked = new Set<string>()
  function read<Found>(kind: LookupKind, objects: ReadonlyMap<ObjectKey, Found>, key: ObjectKey): Found | undefined {
    const found = objects.get(key)
    const question = `${kind} ${key}`
    if (!asked.has(question)) reads.push({ kind, key, found })
    asked.add(question)
    return found
  }
  const lookup: Lookup = {
    service: (key) => read('services', state.services, key),
    endpointSlices: (key) => read('endpointSlices', state.endpointSlices, key) ?? [],
    secret: (key) => read('secrets', state.secrets, key),
    configMap: (key) => read('configMaps', state.configMaps, key),
  }
  return { lookup, reads }
}

/** Whether reads that held in the state `before` would find the very same objects in `now`. */
export function stillHold(reads: readonly Read[], before: ClusterState, now: ClusterState): boolean {
  return reads.every(({ kind, key, found }) => now[kind] === before[kind] || now[kind].get(key) === found)
}
