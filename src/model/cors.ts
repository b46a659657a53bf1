/** Cross-origin resource sharing, as the Fetch standard has it. */

export type Cors = {
  readonly origins: AllowedOrigins
  readonly credentials: boolean
  /** Values of headers. */
  readonly methods: string
  readonly headers: string
  readonly exposed: string | undefined
  readonly maxAge: number
}

/** Those of a list get their own name back, and others nothing. */
export type AllowedOrigins = { readonly kind: 'any' } | { readonly kind: 'list'; readonly origins: readonly Origin[] }

/** `host` in lower case; with `anyLabel`, each name one label below it. */
export type Origin =
  | { readonly kind: 'opaque' }
  | {
      readonly kind: 'tuple'
      readonly scheme: string
      readonly anyLabel: boolean
      readonly host: string
      readonly port: number | undefined
    }
