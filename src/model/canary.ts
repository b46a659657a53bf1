/** Backends that get some of the requests of a location. */
import type { Backend, Owner } from './model.ts'
import type { CookieName, HeaderName, HeaderPattern, HeaderValue } from './values.ts'

/** One canary. What the header says comes before what the cookie says, and that before the share. */
export type Canary = {
  readonly owner: Owner
  readonly backend: Backend
  /** For requests that came over TLS, where it is another. */
  readonly backendOverTls: Backend | undefined
  readonly header: CanaryHeader | undefined
  /** Asks for it by `always`, and for the main backend by `never`. */
  readonly cookie: CookieName | undefined
  /** How many of 10,000 other requests it gets; those of all canaries of a location are no more than that. */
  readonly share: number
  /** Whether clients that were once sent here, or to the main backend, stay there, as far as session cookies tell. */
  readonly keepsSessions: boolean
}

export type CanaryHeader = {
  readonly name: HeaderName
  readonly asks:
    | { readonly by: 'word' }
    | { readonly by: 'value'; readonly value: HeaderValue }
    | { readonly by: 'pattern'; readonly pattern: HeaderPattern }
}

/** The whole of all shares. */
export const WHOLE_SHARE = 10_000
