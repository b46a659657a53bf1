/** Who is let into a location: by address, and by name and password. */
import type { Cidr, GeneratedName } from './values.ts'

/** Lists in place of those that hold for every location; undefined for a list that is as there. */
export type AccessOverrides = {
  /** Clients that are let in, all others are not. */
  readonly allowed?: readonly Cidr[] | undefined
  /** Clients that are not, allowed or not. */
  readonly denied?: readonly Cidr[] | undefined
}

/** Whether a request must pass every check of a location, or one of addresses and authentication is enough. */
export type SatisfySettings = { readonly mode?: 'all' | 'any' | undefined }

/** HTTP Basic authentication, RFC 7617. */
export type BasicAuthSettings = {
  /** What the client is asked for: printable ASCII, perhaps nothing, never `off`. */
  readonly realm: string
  /** Name of the SecretFile that has a line `user:hash` for each user. */
  readonly users: GeneratedName
}
