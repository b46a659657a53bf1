/** How a request finds one of an upstream's endpoints, and how a client comes back to it. */
import type { CookieName, CookiePath, GeneratedName, ServerName } from './values.ts'

/** Undefined, of an upstream: as the http block says. */
export type Balancing =
  | { readonly kind: 'round-robin' }
  | { readonly kind: 'least-connections' }
  /** Equal keys, equal endpoint, and few keys move when an endpoint comes or goes. */
  | { readonly kind: 'hash'; readonly key: VariableText }
  /** A session holds in all upstreams of the group: they have the same endpoints, spoken to in different ways. */
  | { readonly kind: 'sessions'; readonly by: Sessions; readonly group: GeneratedName }

/** A client that brings this cookie back gets the endpoint that it had. */
export type Sessions = {
  readonly cookie: CookieName
  /**
   * `balanced`: by consistent hash of the cookie, so that some sessions move when endpoints come or go. `persistent`: the
   * cookie names the endpoint.
   */
  readonly mode: 'balanced' | 'persistent'
  /** Whether a session whose endpoint fails stays with the one that answered instead. */
  readonly changeOnFailure: boolean
}

/** How the cookie is given to a client. */
export type SessionCookie = {
  readonly name: CookieName
  readonly path: CookiePath
  /** Seconds; undefined for as long as the browser runs. */
  readonly maxAge: number | undefined
  readonly domain: ServerName | undefined
  /** Undefined: over https only. */
  readonly secure: boolean | undefined
  readonly sameSite: 'None' | 'Lax' | 'Strict' | undefined
  /** Whether SameSite=None is kept from browsers that take it for Strict. */
  readonly conditionalSameSiteNone: boolean
}

/** Text in which NGINX expands variables: those of an allow-list, or of our own making. */
export type VariableText = readonly (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
)[]
