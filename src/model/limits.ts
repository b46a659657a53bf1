/** How many requests and connections a client may make. Counted by address, in each NGINX for itself. */
import type { Cidr, GeneratedName } from './values.ts'

/** What a location counts by; several locations that name a zone share its counts. */
export type LimitSettings = {
  /** `burst` requests above the rate are let through before one is refused. */
  readonly requests: readonly { readonly zone: GeneratedName; readonly burst: number }[]
  readonly connections: { readonly zone: GeneratedName; readonly most: number } | undefined
}

/** A table of clients and their counts. */
export type LimitZone = {
  /** Changes when the key does: NGINX does not reload a zone whose key is another one than before. */
  readonly name: GeneratedName
  /** Undefined for the address of every client. */
  readonly key: LimitKey | undefined
  readonly counts: { readonly kind: 'requests'; readonly rate: number; readonly per: 's' | 'm' } | { readonly kind: 'connections' }
}

/** A client's address, except for those of some networks, which are not counted. */
export type LimitKey = { readonly name: GeneratedName; readonly exempt: readonly Cidr[] }

/** Statuses of what is refused. */
export type LimitStatuses = { readonly requests: number; readonly connections: number }
