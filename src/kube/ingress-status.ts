/** The status of an Ingress as the API server has it: what is published, who wrote it, and the one write that we make. */
import type { V1Ingress } from '@kubernetes/client-node'
import { keyOf, type ObjectKey } from '../cluster/objects.ts'
import type { LoadBalancerAddress } from './addresses.ts'
import { ApiError, type ApiRequest, type KubeClient } from './client.ts'

export type IngressStatus = {
  readonly key: ObjectKey
  readonly resourceVersion: string
  readonly addresses: readonly LoadBalancerAddress[]
  /** Whether the addresses are what our field manager wrote, and nobody has written others since. */
  readonly isOurs: boolean
}

const GROUP = '/apis/networking.k8s.io/v1'
const PAGE_SIZE = 500
/** The API server's limit for the name of a field manager. */
const LONGEST_MANAGER = 128

/**
 * The name under which replicas of one installation write: that of the Lease which they share, so that two
 * installations side by side are told apart.
 */
export function fieldManagerOf(lease: { readonly namespace: string; readonly name: string }): string {
  return `nginx-ts/${lease.namespace}/${lease.name}`.slice(0, LONGEST_MANAGER)
}

/** Every Ingress of the namespace, or of all; page by page, each cut down as it arrives. */
export async function listStatuses(
  client: KubeClient,
  namespace: string | undefined,
  fieldManager: string,
  signal: AbortSignal,
): Promise<readonly IngressStatus[]> {
  type Page = { readonly metadata: { readonly continue?: string }; readonly items: readonly V1Ingress[] }
  const path = namespace === undefined ? `${GROUP}/ingresses` : `${GROUP}/namespaces/${namespace}/ingresses`
  const statuses: IngressStatus[] = []
  let next: string | undefined
  do {
    const page: Page = await client.request({ path, query: { limit: PAGE_SIZE, continue: next }, signal })
    statuses.push(...page.items.map((ingress) => statusOf(ingress, fieldManager)))
    next = page.metadata.continue || undefined
  } while (next !== undefined)
  return statuses
}

/** Undefined when there is no such Ingress. */
export async function readStatus(
  client: KubeClient,
  key: ObjectKey,
  fieldManager: string,
  signal: AbortSignal,
): Promise<IngressStatus | undefined> {
  try {
    return statusOf(await client.request<V1Ingress>({ path: pathOf(key), signal }), fieldManager)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** The request that replaces the addresses. Refused with 409 when the Ingress is no longer the one that was read. */
export function statusWrite({ key, resourceVersion }: IngressStatus, addresses: readonly LoadBalancerAddress[], fieldManager: string) {
  return {
    method: 'PATCH',
    path: `${pathOf(key)}/status`,
    query: { fieldManager },
    contentType: 'application/merge-patch+json',
    body: { metadata: { resourceVersion }, status: { loadBalancer: { ingress: addresses.length === 0 ? null : addresses } } },
  } as const satisfies ApiRequest
}

function pathOf(key: ObjectKey): string {
  const [namespace, name] = key.split('/')
  return `${GROUP}/namespaces/${namespace}/ingresses/${name}`
}

function statusOf({ metadata, status }: V1Ingress, fieldManager: string): IngressStatus {
  return {
    key: keyOf(metadata?.namespace ?? '', metadata?.name ?? ''),
    resourceVersion: metadata?.resourceVersion ?? '',
    addresses: (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }): readonly LoadBalancerAddress[] =>
      ip ? [{ ip }] : hostname ? [{ hostname }] : [],
    ),
    // The list is atomic: it belongs as a whole to whoever changed it last.
    isOurs: (metadata?.managedFields ?? []).some(
      ({ manager, fieldsV1 }) => manager === fieldManager && has(fieldsV1, ['f:status', 'f:loadBalancer', 'f:ingress']),
    ),
  }
}

function has(fields: unknown, path: readonly string[]): boolean {
  const [first, ...rest] = path
  if (first === undefined) return true
  return typeof fields === 'object' && fields !== null && first in fields && has((fields as Record<string, unknown>)[first], rest)
}
