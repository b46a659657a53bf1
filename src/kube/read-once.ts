/** A cluster as it is now, read once and with no more than get and list: for who wants to know, not to follow. */
import type { Ingress, ObjectKey } from '../cluster/objects.ts'
import { type ClusterState, createStore } from '../cluster/state.ts'
import type { Issue } from '../model/issue.ts'
import { ApiError, type KubeClient } from './client.ts'
import { isDenied } from './messages.ts'
import { identityOf, project } from './projection.ts'
import type { ReferencedKind } from './referenced.ts'
import { collectionPath, objectPath } from './resources.ts'

export type ReadOnceSettings = {
  /** The only namespace to look at; all when not given. */
  readonly namespace: string | undefined
  /** What an Ingress needs to be known of Secrets and ConfigMaps, and what is needed besides. */
  readonly referencesOf: (ingress: Ingress) => Readonly<Record<ReferencedKind, readonly ObjectKey[]>>
  readonly configMaps: readonly ObjectKey[]
}

export type ReadOnce = {
  /** Without EndpointSlices, which come and go. */
  readonly state: ClusterState
  readonly issues: readonly Issue[]
  /** Kinds of which something may not be read, and why: what is missing may be there. */
  readonly denied: ReadonlyMap<OptionalKind, string>
}

type OptionalKind = 'IngressClass' | 'Service' | ReferencedKind
type ListedKind = 'Ingress' | 'IngressClass' | 'Service'

const PAGE_SIZE = 500
/** An API server serves others too. */
const READ_AT_ONCE = 8

/** Throws when Ingresses cannot be read; does without what else may not be. */
export async function readOnce(client: KubeClient, settings: ReadOnceSettings): Promise<ReadOnce> {
  const store = createStore()
  const issues: Issue[] = []
  const denied = new Map<OptionalKind, string>()

  function take(kind: ListedKind | ReferencedKind, raw: unknown): void {
    const identity = identityOf(raw)
    if (identity === undefined) return
    const projection = project(kind, identity, raw)
    if (projection.ok) store.set(projection.object)
    else issues.push(projection.issue)
  }

  async function list(kind: ListedKind): Promise<void> {
    let token: string | undefined
    do {
      const query = { limit: PAGE_SIZE, continue: token }
      const page = await client.request<Page>({ path: collectionPath(kind, settings.namespace), query })
      for (const raw of page.items ?? []) take(kind, raw)
      token = page.metadata?.continue || undefined
    } while (token !== undefined)
  }

  const refusedIn = new Set<string>()
  async function get({ kind, key }: Reference): Promise<void> {
    const [namespace, name] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
    // Whoever may not read one Secret of a namespace may not read the others.
    const scope = `${kind} ${namespace}`
    if (refusedIn.has(scope)) return
    try {
      take(kind, await client.request<unknown>({ path: objectPath(kind, namespace, name) }))
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return
      denied.set(kind, messageOfDenial(error))
      refusedIn.add(scope)
    }
  }

  await list('Ingress')
  for (const kind of ['IngressClass', 'Service'] as const)
    await list(kind).catch((error: unknown) => denied.set(kind, messageOfDenial(error)))
  await inParallel(referencesIn(store.snapshot(), settings), get)
  return { state: store.snapshot(), issues, denied }
}

type Page = { readonly metadata?: { readonly continue?: string }; readonly items?: readonly unknown[] }
type Reference = { readonly kind: ReferencedKind; readonly key: ObjectKey }

/** Throws what is no denial on. */
function messageOfDenial(error: unknown): string {
  if (error instanceof ApiError && isDenied(error)) return error.message
  throw error
}

/** Each once. */
function referencesIn({ ingresses }: ClusterState, { referencesOf, configMaps }: ReadOnceSettings): readonly Reference[] {
  const asked = { Secret: new Set<ObjectKey>(), ConfigMap: new Set<ObjectKey>(configMaps) }
  for (const ingress of ingresses.values()) {
    const { Secret, ConfigMap } = referencesOf(ingress)
    for (const key of Secret) asked.Secret.add(key)
    for (const key of ConfigMap) asked.ConfigMap.add(key)
  }
  const of = (kind: ReferencedKind) => [...asked[kind]].map((key): Reference => ({ kind, key }))
  return [...of('Secret'), ...of('ConfigMap')]
}

async function inParallel<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values()
  const work = async () => {
    for (const item of left) await run(item)
  }
  await Promise.all(Array.from({ length: READ_AT_ONCE }, work))
}
