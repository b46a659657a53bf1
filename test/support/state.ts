/** A cluster's state without any file or API server, for tests of the stages that need no NGINX. */
import { createStore, type ObjectStore } from '../../src/cluster/state.ts'
import { parseManifests } from '../../src/files/manifests.ts'
import type { IngressBuilder, Manifest } from './objects.ts'

export type StateObject = Manifest | IngressBuilder | readonly Manifest[]

/** A store with these objects in it, read as manifests are. */
export function storeOf(...objects: readonly StateObject[]): ObjectStore {
  const store = createStore()
  put(store, ...objects)
  return store
}

/** Adds or replaces objects. Throws on one that is no valid manifest, which no test means to have. */
export function put(store: ObjectStore, ...objects: readonly StateObject[]): void {
  const items = objects.flat().map((object) => ('toManifest' in object ? (object as IngressBuilder).toManifest() : object))
  const manifests = parseManifests(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'test')
  const [problem] = manifests.issues
  if (problem !== undefined) throw new Error(`not a valid manifest: ${problem.message}`)
  for (const { object } of manifests.objects) store.set(object)
}
