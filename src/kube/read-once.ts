/** A cluster as it is now, read once and with no more than get and list: for who wants to know, not to follow. */
import type { Ingress, ObjectKey } from '../cluster/objects.ts'
import { type ClusterState, createStore, type ObjectStore } from '../cluster/state.ts'
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

  await list(client, 'Ingress', settings.namespace, store, issues)
  for (const kind of ['IngressClass', 'Service'] as const) {
    await list(client, kind, settings.namespace, store, issues).catch((error) => {
      if (!(error instanceof ApiError && isDenied(error))) throw error
      denied.set(kind, error.message)
    })
  }

  const asked = new Set(settings.configMaps.map((key) => `ConfigMap ${key}`))
  for (const ingress of store.snapshot().ingresses.values())
    for (const [kind, keys] of Object.entries(settings.referencesOf(ingress))) for (const key of keys) asked.add(`${kind} ${key}`)
  const refused = new Map<string, ApiError>()
  await inParallel([...asked], async (reference) => {
    const [kind, key] = reference.split(' ') as [ReferencedKind, ObjectKey]
    const [namespace = '', name = ''] = key.split('/')
    // Whoever may not read one Secret of a namespace may not read the others.
    const scope = `${kind} ${namespace}`
    if (refused.has(scope)) return
    await get(client, kind, namespace, name, store, issues).catch((error) => {
      if (!(error instanceof ApiError && isDenied(error))) throw error
      refused.set(scope, error)
    })
  })
  for (const kind of ['Secret', 'ConfigMap'] as const) {
    const first = [...refused].find(([scope]) => scope.startsWith(`${kind} `))
    if (first !== undefined) denied.set(kind, first[1].message)
  }
  return { state: store.snapshot(), issues, denied }
}

type Page = { readonly metadata?: { readonly continue?: string }; readonly items?: readonly unknown[] }

async function list(
  client: KubeClient,
  kind: ListedKind,
  namespace: string | undefined,
  store: ObjectStore,
  issues: Issue[],
): Promise<void> {
  let token: string | undefined
  do {
    const query = { limit: PAGE_SIZE, continue: token }
    const page = await client.request<Page>({ path: collectionPath(kind, namespace), query })
    for (const raw of page.items ?? []) take(kind, raw, store, issues)
    token = page.metadata?.continue || undefined
  } while (token !== undefined)
}

/** Nothing where there is no such object. */
async function get(
  client: KubeClient,
  kind: ReferencedKind,
  namespace: string,
  name: string,
  store: ObjectStore,
  issues: Issue[],
): Promise<void> {
  try {
    take(kind, await client.request<unknown>({ path: objectPath(kind, namespace, name) }), store, issues)
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error
  }
}

function take(kind: ListedKind | ReferencedKind, raw: unknown, store: ObjectStore, issues: Issue[]): void {
  const identity = identityOf(raw)
  if (identity === undefined) return
  const projection = project(kind, identity, raw)
  if (projection.ok) store.set(projection.object)
  else issues.push(projection.issue)
}

async function inParallel<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values()
  const work = async () => {
    for (const item of left) await run(item)
  }
  await Promise.all(Array.from({ length: READ_AT_ONCE }, work))
}
