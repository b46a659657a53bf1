/** How NGINX says which origins may read answers. */
import type { AllowedOrigins, Cors, Origin } from '../model/cors.ts'

/** The words of `corsSettings` in templates/cors.njk. */
export function corsView({ origins, credentials, methods, headers, exposed, maxAge }: Cors) {
  return {
    any: origins.kind === 'any',
    origins: origins.kind === 'any' ? undefined : expressionOf(origins),
    values: [
      ...(credentials ? [{ variable: '$cors_credentials', value: 'true' }] : []),
      { variable: '$cors_methods', value: methods },
      { variable: '$cors_headers', value: headers },
      ...(exposed === undefined ? [] : [{ variable: '$cors_exposed', value: exposed }]),
      { variable: '$cors_max_age', value: String(maxAge) },
    ],
  }
}

/** One expression for the whole list, which takes a whole Origin header or nothing of it, and captures nothing. */
function expressionOf({ origins }: Extract<AllowedOrigins, { readonly kind: 'list' }>): string {
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
