/** An API server as the source of the cluster's state: a reflector for each kind, and one store that they fill. */
import { type ClusterObject, type Ingress, type ObjectKey, type ObjectKind, objectKinds } from '../cluster/objects.ts'
import { type ClusterState, createStore } from '../cluster/state.ts'
import { describeIssue, describeObject, type Issue, issue } from '../model/issue.ts'
import { ApiError, type KubeClient } from './client.ts'
import { createNamespaceFilter } from './namespaces.ts'
import { createReferenced, type Reference, type ReferencedKind } from './referenced.ts'
import {
  createReflector,
  REFLECTOR_DEFAULTS,
  type Reflector,
  type ReflectorNotice,
  type ReflectorParts,
  type ReflectorSettings,
  type ReflectorSink,
} from './reflector.ts'
import { objectPath, watchedResources } from './resources.ts'
import type { LabelSelector } from './selector.ts'

/** Secrets and ConfigMaps whose data is needed. */
export type NeededData = { readonly secrets: readonly ObjectKey[]; readonly configMaps: readonly ObjectKey[] }

export type ClusterSourceParts = {
  readonly client: KubeClient
  /** Only this namespace's objects are asked for; cluster-wide kinds apart. Not together with a namespaceSelector. */
  readonly watchNamespace?: string | undefined
  /** Only objects of Namespaces with these labels are seen. */
  readonly namespaceSelector?: LabelSelector | undefined
  /** What an Ingress needs the data of. */
  readonly referencesOf: (ingress: Ingress) => NeededData
  /**
   * Whether an Ingress is served, by the classes there are now. Changes of others are taken in and make no stir: a
   * class that changes makes one of its own. All are served when not given.
   */
  readonly isServed?: (ingress: Ingress, classes: Pick<ClusterState, 'ingressClasses'>) => boolean
  /** What is needed whatever the Ingresses say: the default certificate, the controller's own ConfigMap. In any namespace that is asked for. */
  readonly alwaysNeeded: NeededData
  /** Gathers changes until they have settled. */
  readonly holdOff: { add(change: string): void; settled(signal: AbortSignal): Promise<readonly string[]> }
  readonly notice: (notice: ReflectorNotice) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly settings?: Partial<ReflectorSettings>
}

export type ClusterSource = {
  /** Follows the cluster until the signal aborts; rejects only for a bug. */
  run(signal: AbortSignal): Promise<void>
  /** The state now, and what is wrong in reading it. Whole only once synced. */
  snapshot(): { readonly state: ClusterState; readonly issues: readonly Issue[] }
  /** Waits for changes after `synced` to settle and says in words what they are. Rejects when the signal aborts. */
  changes(signal: AbortSignal): Promise<readonly string[]>
  /** Whether a complete list of each kind has been read. Once true, it stays. */
  isSynced(): boolean
  /** Resolves once a complete list of each kind has been read; stays pending when that never happens. */
  readonly synced: Promise<void>
}

type IngressInUse = { readonly ingress: Ingress; readonly references: readonly Reference[] }

/** What one turn of the loop names; of a thousand changes nobody reads the names. */
const MOST_CHANGES_NAMED = 5
const REFERENCED: readonly ReferencedKind[] = ['Secret', 'ConfigMap']

/** A source that has read nothing yet. Throws when both a namespace and a selector of namespaces are given. */
export function createClusterSource(parts: ClusterSourceParts): ClusterSource {
  const { client, watchNamespace, namespaceSelector, holdOff, isServed = () => true } = parts
  if (watchNamespace !== undefined && namespaceSelector !== undefined)
    throw new Error('--watch-namespace and --watch-namespace-selector exclude each other')
  const resources = watchedResources(watchNamespace, namespaceSelector !== undefined)
  const kinds = Object.keys(objectKinds) as ObjectKind[]
  const store = createStore()
  const troubles = new Map<string, Issue>()
  const unlisted = new Set(kinds)
  const synced = Promise.withResolvers<void>()
  const ingressesListed = Promise.withResolvers<void>()

  const always = referencesIn(parts.alwaysNeeded)
  const filter =
    namespaceSelector === undefined
      ? (state: ClusterState) => state
      : createNamespaceFilter(namespaceSelector, new Set([...parts.alwaysNeeded.secrets, ...parts.alwaysNeeded.configMaps]))
  /** The Ingresses in the store, and what they refer to. */
  const live = new Map<ObjectKey, IngressInUse>()
  /** A newer Ingress whose references have yet to be read. The one before it, if any, stays in the store. */
  const waiting = new Map<ObjectKey, IngressInUse>()

  const referenced = createReferenced({
    read: readReference,
    dropped: (reference) => store.delete(...placeOf(reference)),
    resolved: (reference) => {
      for (const [key, { references }] of waiting) if (references.includes(reference)) admitIfResolved(key)
    },
    trouble: (reference, error) => setTrouble(reference, error === undefined ? undefined : unreadable(reference, error)),
    backoff: parts.settings?.backoff ?? REFLECTOR_DEFAULTS.backoff,
    random: parts.random,
  })
  referenced.add(always)

  const reflectors = Object.fromEntries(
    kinds.map((kind) => [kind, createReflector(resources[kind], sinkOf(kind), reflectorParts())]),
  ) as Record<ObjectKind, Reflector>

  function reflectorParts(): ReflectorParts {
    const { notice, now, random, settings } = parts
    return { client, notice, now, random, ...(settings === undefined ? {} : { settings }) }
  }

  function changed(change: string): void {
    if (unlisted.size === 0) holdOff.add(change)
  }

  function setTrouble(about: string, found: Issue | undefined): void {
    if (found === undefined ? !troubles.delete(about) : troubles.get(about)?.message === found.message) return
    if (found !== undefined) troubles.set(about, found)
    changed(found === undefined ? `${about} is well again` : describeIssue(found))
  }

  function sinkOf(kind: ObjectKind): ReflectorSink {
    return {
      set(object) {
        if (object.kind === 'Ingress') takeIngress(object)
        else if (isNeeded(object) && store.set(object)) changed(describeObject(object))
      },
      delete(key) {
        if (kind === 'Ingress') removeIngress(key)
        else if (store.delete(kind, key)) changed(describeObject({ kind, ...partsOf(key) }))
      },
      listed() {
        if (kind === 'Ingress') ingressesListed.resolve()
        if (unlisted.delete(kind) && unlisted.size === 0) synced.resolve()
      },
      trouble: (about, found) => setTrouble(`${kind} ${about}`, found),
    }
  }

  function isNeeded(object: ClusterObject): boolean {
    if (object.kind !== 'Secret' && object.kind !== 'ConfigMap') return true
    return referenced.has(`${object.kind} ${object.namespace}/${object.name}`)
  }

  function takeIngress(ingress: Ingress): void {
    const key: ObjectKey = `${ingress.namespace}/${ingress.name}`
    const references = referencesIn(parts.referencesOf(ingress))
    // First the new ones, so that what both refer to is not let go in between.
    referenced.add(references)
    referenced.release(waiting.get(key)?.references ?? [])
    waiting.set(key, { ingress, references })
    admitIfResolved(key)
  }

  /** No configuration is made of an Ingress without the Secrets it refers to: another certificate would be shown. */
  function admitIfResolved(key: ObjectKey): void {
    const { ingress, references } = waiting.get(key) ?? {}
    if (ingress === undefined || references === undefined || !references.every(referenced.isResolved)) return
    waiting.delete(key)
    const before = live.get(key)
    referenced.release(before?.references ?? [])
    live.set(key, { ingress, references })
    if (store.set(ingress)) ingressChanged(before?.ingress, ingress)
  }

  function removeIngress(key: ObjectKey): void {
    const before = live.get(key)
    referenced.release(waiting.get(key)?.references ?? [])
    referenced.release(before?.references ?? [])
    waiting.delete(key)
    live.delete(key)
    if (store.delete('Ingress', key) && before !== undefined) ingressChanged(before.ingress, undefined)
  }

  /** What is neither served now nor was until now changes nothing. */
  function ingressChanged(before: Ingress | undefined, after: Ingress | undefined): void {
    if (unlisted.size > 0) return
    const served = [before, after].find((one) => one !== undefined && isServed(one, { ingressClasses: store.ingressClasses() }))
    if (served !== undefined) changed(describeObject(served))
  }

  async function readReference(reference: Reference, signal: AbortSignal): Promise<void> {
    const [kind, key] = placeOf(reference)
    const { namespace, name } = partsOf(key)
    if (watchNamespace !== undefined && namespace !== watchNamespace) return
    try {
      reflectors[kind].take(await client.request({ path: objectPath(kind, namespace, name), signal }))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return
      throw error
    }
  }

  function unreadable(reference: Reference, error: unknown): Issue {
    const reason = error instanceof Error ? error.message : String(error)
    const [kind, key] = placeOf(reference)
    const message = `it cannot be read; Ingresses that newly refer to it stay as they were until it can: ${reason}`
    return issue('reference-not-read', { kind, ...partsOf(key) }, { message })
  }

  async function run(signal: AbortSignal): Promise<void> {
    const following = kinds.map(async (kind) => {
      if (isReferencedKind(kind)) await unlessAborted(ingressesListed.promise, signal)
      // The lists of Secrets and ConfigMaps bring what is referred to by now; what comes later is read by itself.
      if (isReferencedKind(kind)) referenced.follow()
      await reflectors[kind].run(signal)
    })
    await Promise.all([referenced.run(signal), ...following])
  }

  return {
    run,
    snapshot: () => ({ state: filter(store.snapshot()), issues: [...troubles.values()] }),
    async changes(signal) {
      const changes = [...new Set(await holdOff.settled(signal))]
      const named = changes.slice(0, MOST_CHANGES_NAMED)
      return changes.length === named.length ? named : [...named, `${changes.length - named.length} others`]
    },
    isSynced: () => unlisted.size === 0,
    synced: synced.promise,
  }
}

function referencesIn({ secrets, configMaps }: NeededData): readonly Reference[] {
  return [...secrets.map((key): Reference => `Secret ${key}`), ...configMaps.map((key): Reference => `ConfigMap ${key}`)]
}

function placeOf(reference: Reference): [ReferencedKind, ObjectKey] {
  const space = reference.indexOf(' ')
  return [reference.slice(0, space) as ReferencedKind, reference.slice(space + 1) as ObjectKey]
}

function partsOf(key: ObjectKey): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

function isReferencedKind(kind: ObjectKind): kind is ReferencedKind {
  return REFERENCED.some((one) => one === kind)
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  const abort = () => aborted.resolve()
  if (signal.aborted) return
  signal.addEventListener('abort', abort, { once: true })
  await Promise.race([promise, aborted.promise])
  signal.removeEventListener('abort', abort)
}
