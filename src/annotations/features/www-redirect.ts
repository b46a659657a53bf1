/** The name with or without www. in front, which people type and nobody declares. */
import { boolean } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'server',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'from-to-www-redirect': annotation({
      value: boolean,
      summary: 'Redirects www.HOST to the host HOST, or HOST to www.HOST, with 308; the other name has no rules of its own then.',
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference:
          "The port is that which the client named, and is left out where it named none. The URI is kept as it is, a slash at its end included. The other name shows the host's certificate only where that is made out for it.",
      },
    }),
  },
  apply: ({ fromToWwwRedirect }) => (fromToWwwRedirect === true ? { www: { redirects: true } } : undefined),
})
