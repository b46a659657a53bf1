/** Whether an address that is let in, or a login, is enough. */
import { oneOf } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  // The default is the stricter of the two.
  onInvalid: 'default',
  annotations: {
    satisfy: annotation({
      value: oneOf('all', 'any'),
      summary: 'Whether a client must pass access lists and authentication (all) or one of them (any).',
      example: 'any',
      ingressNginx: { verdict: 'better', difference: 'Clients of block-cidrs are kept out by any too.' },
    }),
  },
  apply: ({ satisfy }) => ({ satisfy: { mode: satisfy } }),
})
