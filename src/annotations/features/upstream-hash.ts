/** Endpoints by hash: equal keys, equal endpoint. */
import { parseHashKey } from '../../model/hash-key.ts'
import { fromText } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'upstream',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'upstream-hash-by': annotation({
      value: fromText(parseHashKey),
      summary: 'Sends requests of which this comes out equal to the same endpoint, by consistent hash: variables of the request, and text.',
      example: '$request_uri',
      ingressNginx: {
        verdict: 'better',
        difference:
          'Two Ingresses with different keys for one Service each have their own, where the first one seen decided for both. Variables are those of the request and of NGINX, from a fixed list; any other value leaves the default, where it stopped the whole Ingress. The hash is another one: keys find other endpoints than they did, once.',
      },
    }),
  },
  apply: ({ upstreamHashBy }) => ({ balance: { hashBy: upstreamHashBy } }),
})
