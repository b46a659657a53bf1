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

/** One expression for the whole list, which takes a whole Origin header or nothing of it, and captures nothing. */
export function expressionOf(origins: readonly Origin[]): string {
  return `^(?:${origins.map(originExpression).join('|')})$`
}

function originExpression(origin: Origin): string {
  if (origin.kind === 'opaque') return 'null'
  const { scheme, anyLabel, host, port } = origin
  return `${literally(scheme)}://${anyLabel ? '[a-z0-9-]+\\.' : ''}${literally(host)}${port === undefined ? '' : `:${port}`}`
}

/** The characters of schemes and hosts that mean something else in an expression. */
function literally(text: string): string {
  return text.replace(/[.+]/g, '\\$&')
}

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
