/** Paths as regular expressions, and what the backend is asked for instead. */
import { parseRewriteTarget } from '../../model/redirect.ts'
import { boolean, fromText } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'rewrite-target': annotation({
      value: fromText(parseRewriteTarget),
      summary:
        'What the backend is asked for in place of the path, with $1 to $9 for what the path captures; a URL redirects there with 302. Paths become expressions as by use-regex, unless each of them is the very target.',
      example: '/$2',
      ingressNginx: {
        verdict: 'better',
        difference:
          'A request whose captures would add a . or .. segment to the target gets 400. A target that starts with neither / nor a capture is invalid.',
      },
    }),
    'use-regex': annotation({
      value: boolean,
      summary:
        'Makes the paths regular expressions, matched at the beginning and without case. Under nginx.ingress.kubernetes.io/ those of all Ingresses of the host, the longest first; under nginx-ts.io/ those of this Ingress only.',
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference:
          'An expression that is not safe, or that PCRE would refuse, costs its own path only. Ingresses whose paths are matched otherwise because of another one are told.',
      },
    }),
  },
  apply: ({ rewriteTarget, useRegex }, { isOwn }) => {
    const reach = (key: 'rewrite-target' | 'use-regex') => (isOwn(key) ? 'own' : 'host')
    return {
      rewrite: {
        target: rewriteTarget && { to: rewriteTarget, reach: reach('rewrite-target') },
        regex: useRegex === true ? reach('use-regex') : undefined,
      },
    }
  },
})
