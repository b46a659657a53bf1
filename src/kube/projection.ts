/** An object as the API server sends it → our slim one, or an Issue that names it. */
import { type ClusterObject, keyOf, type ObjectKey, type ObjectKind, objectKinds } from '../cluster/objects.ts'
import { describeRefusal } from '../cluster/refusal.ts'
import { type Issue, issue } from '../model/issue.ts'

/** Who an object is, read before anything else of it. */
export type Identity = { readonly key: ObjectKey; readonly namespace: string; readonly name: string; readonly version: string }

/** Holds the whole object once more, and of a Secret all that is secret. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** undefined for what has no name. */
export function identityOf(raw: unknown): Identity | undefined {
  const { name, namespace, resourceVersion } = recordOf(recordOf(raw)['metadata'])
  if (typeof name !== 'string' || name === '') return undefined
  const within = typeof namespace === 'string' ? namespace : ''
  return { key: keyOf(within, name), namespace: within, name, version: typeof resourceVersion === 'string' ? resourceVersion : '' }
}

export type Projection = { readonly ok: true; readonly object: ClusterObject } | { readonly ok: false; readonly issue: Issue }

/** Reads an object of a kind; the items of typed lists do not say theirs. */
export function project(kind: ObjectKind, identity: Identity, raw: unknown): Projection {
  const annotations = recordOf(recordOf(recordOf(raw)['metadata'])['annotations'])
  delete annotations[LAST_APPLIED]
  const parsed = objectKinds[kind].schema.safeParse(raw)
  if (parsed.success) return { ok: true, object: parsed.data }
  const { field, reason } = describeRefusal(parsed.error)
  const message = `the object cannot be read and is left out: ${reason}`
  return { ok: false, issue: issue('invalid-object', { kind, namespace: identity.namespace, name: identity.name }, { field, message }) }
}

/** The value where it is an object, an empty one where it is none. */
export function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
