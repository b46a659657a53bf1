/** Whether plain http is redirected to https. */
import { boolean } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'ssl-redirect': annotation({
      value: boolean,
      summary: 'Whether plain http is redirected to https where the host has TLS.',
      example: 'false',
      ingressNginx: {
        verdict: 'better',
        difference: 'The redirect carries the public https port where that is not 443, and keeps a slash at the end of the URI.',
      },
    }),
    'force-ssl-redirect': annotation({
      value: boolean,
      summary: 'Whether plain http is redirected to https where the host has no TLS here, because something in front of it has.',
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference: 'X-Forwarded-Proto is believed from the networks of proxy-real-ip-cidr only.',
      },
    }),
  },
  apply: ({ sslRedirect, forceSslRedirect }) => ({ httpsRedirect: { withTls: sslRedirect, always: forceSslRedirect } }),
})
