/** Objects of the tests in a real API server. */
import { ApiError, type KubeClient } from '../../src/kube/client.ts'
import type { Manifest } from './objects.ts'
import type { SiteObject } from './site.ts'

/** An object as the API server gives it. */
export type StoredObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly labels?: Readonly<Record<string, string>>
  }
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind
  readonly [field: string]: any
}

/** Who the fields that tests set belong to. */
const FIELD_MANAGER = 'test'
const CLUSTER_KINDS = new Set(['Namespace', 'IngressClass', 'ClusterRole', 'ClusterRoleBinding', 'Node', 'CustomResourceDefinition'])

/**
 * Makes each object what it is here, whether it exists or not, one after the other, and the namespaces they need before.
 * What an earlier call had set and this one leaves out is gone; what others set, a status say, stays.
 */
export async function apply(client: KubeClient, ...objects: readonly SiteObject[]): Promise<readonly StoredObject[]> {
  const manifests = manifestsOf(objects)
  for (const name of new Set(manifests.map(namespaceOf))) {
    if (name !== undefined && name !== 'default') await applyOne(client, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  const stored: StoredObject[] = []
  for (const manifest of manifests) stored.push(await applyOne(client, manifest))
  return stored
}

/** Deletes each object; one that does not exist is as good as deleted. Namespaces stay, for nothing here empties them. */
export async function remove(client: KubeClient, ...objects: readonly SiteObject[]): Promise<void> {
  for (const manifest of manifestsOf(objects)) {
    await client.request({ method: 'DELETE', path: pathOf(manifest) }).catch((error) => {
      if (!(error instanceof ApiError && error.status === 404)) throw error
    })
  }
}

/** The object as it is stored now. Throws an ApiError when there is none. */
export async function read(client: KubeClient, object: SiteObject): Promise<StoredObject> {
  const [manifest, ...others] = manifestsOf([object])
  if (manifest === undefined || others.length > 0) throw new Error('one object is read at a time')
  return await client.request({ path: pathOf(manifest) })
}

/** What the status of an Ingress says of where it is reached; empty where it says nothing. */
export async function publishedAddresses(client: KubeClient, ingress: SiteObject): Promise<readonly object[]> {
  return (await read(client, ingress))['status'].loadBalancer.ingress ?? []
}

/** Where it is: `/apis/networking.k8s.io/v1/namespaces/default/ingresses/shop`. */
export function pathOf(object: Manifest): string {
  return `${collectionPathOf(object)}/${metadataOf(object).name}`
}

/** Where objects of its kind are, in its namespace where it has one. */
export function collectionPathOf(object: Manifest): string {
  const [apiVersion, kind, namespace] = [`${object['apiVersion']}`, `${object['kind']}`, namespaceOf(object)]
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return `${group}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${pluralOf(kind)}`
}

/** Server-side apply: one request that creates or updates. It takes YAML, and JSON is YAML. */
async function applyOne(client: KubeClient, manifest: Manifest): Promise<StoredObject> {
  // When it was created is the server's to say, and a later update may not say otherwise.
  const { creationTimestamp: _, ...metadata } = metadataOf(manifest)
  return await client.request({
    method: 'PATCH',
    path: pathOf(manifest),
    query: { fieldManager: FIELD_MANAGER, force: true },
    contentType: 'application/apply-patch+yaml',
    body: { ...manifest, metadata },
  })
}

function manifestsOf(objects: readonly SiteObject[]): readonly Manifest[] {
  return objects.flat().map((object) => (isBuilder(object) ? object.toManifest() : object))
}

function isBuilder(object: object): object is { toManifest(): Manifest } {
  return 'toManifest' in object && typeof object.toManifest === 'function'
}

function metadataOf(object: Manifest): Readonly<Record<string, unknown>> & { readonly name?: string; readonly namespace?: string } {
  return object['metadata'] as Readonly<Record<string, unknown>>
}

function namespaceOf(object: Manifest): string | undefined {
  return CLUSTER_KINDS.has(`${object['kind']}`) ? undefined : (metadataOf(object).namespace ?? 'default')
}

/** As Kubernetes spells the kinds that tests have. */
function pluralOf(kind: string): string {
  const singular = kind.toLowerCase().replace(/y$/, 'ie')
  return /(s|x|ch)$/.test(singular) ? `${singular}es` : `${singular}s`
}
