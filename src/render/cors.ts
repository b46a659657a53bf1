/** How NGINX says which origins may read answers. */
import { type Cors, expressionOf } from '../model/cors.ts'

/** The words of `corsSettings` in templates/cors.njk. */
export function corsView({ origins, credentials, methods, headers, exposed, maxAge }: Cors) {
  return {
    any: origins.kind === 'any',
    origins: origins.kind === 'any' ? undefined : expressionOf(origins.origins),
    values: [
      ...(credentials ? [{ variable: '$cors_credentials', value: 'true' }] : []),
      { variable: '$cors_methods', value: methods },
      { variable: '$cors_headers', value: headers },
      ...(exposed === undefined ? [] : [{ variable: '$cors_exposed', value: exposed }]),
      { variable: '$cors_max_age', value: String(maxAge) },
    ],
  }
}
