/** Where each kind is found in the API. */
import { type ObjectKind, objectKinds } from '../cluster/objects.ts'

/** What a reflector follows. */
export type Resource = {
  readonly kind: ObjectKind
  /** Of the collection, below the server's URL. */
  readonly path: string
  readonly fieldSelector?: string
  /** Objects a page; fewer where objects are large. */
  readonly pageSize?: number
  /** Whether the kind can be done without: refused from the start, it counts as having no object. */
  readonly isOptional?: boolean
  /** Whether a list that suddenly lacks most of what is known is believed only when a second one confirms it; one that has gone back in time never is at once. */
  readonly guardsDeletions?: boolean
}

const PLURALS: Readonly<Record<ObjectKind, string>> = {
  Ingress: 'ingresses',
  IngressClass: 'ingressclasses',
  Service: 'services',
  EndpointSlice: 'endpointslices',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  Namespace: 'namespaces',
}
const CLUSTER_WIDE: ReadonlySet<ObjectKind> = new Set<ObjectKind>(['IngressClass', 'Namespace'])

/** Path of the collection of a kind: of one namespace, or of all. */
export function collectionPath(kind: ObjectKind, namespace: string | undefined): string {
  const { apiVersion } = objectKinds[kind]
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const within = namespace === undefined || CLUSTER_WIDE.has(kind) ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${root}${within}/${PLURALS[kind]}`
}

/** Path of one object. */
export function objectPath(kind: ObjectKind, namespace: string, name: string): string {
  return `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`
}

/** Secrets and ConfigMaps may have a megabyte each. */
const LARGE_OBJECTS_A_PAGE = 100

/**
 * Every kind that the controller follows. `namespace`: only that one's objects, cluster-wide kinds apart.
 * `needsNamespaces`: whether labels of Namespaces decide what is seen.
 */
export function watchedResources(namespace: string | undefined, needsNamespaces: boolean): Readonly<Record<ObjectKind, Resource>> {
  const of = <Kind extends ObjectKind>(kind: Kind) => ({ kind, path: collectionPath(kind, namespace) })
  return {
    Ingress: { ...of('Ingress'), guardsDeletions: true },
    IngressClass: { ...of('IngressClass'), isOptional: true },
    Service: of('Service'),
    EndpointSlice: of('EndpointSlice'),
    // Helm keeps its releases in Secrets, most of a cluster's bytes, to which no Ingress refers.
    Secret: { ...of('Secret'), pageSize: LARGE_OBJECTS_A_PAGE, fieldSelector: 'type!=helm.sh/release.v1' },
    ConfigMap: { ...of('ConfigMap'), pageSize: LARGE_OBJECTS_A_PAGE },
    Namespace: { ...of('Namespace'), isOptional: !needsNamespaces },
  }
}
