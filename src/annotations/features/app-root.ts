/** Where those are sent who ask for the root of a host. */
import { parseLocalPath } from '../../model/redirect.ts'
import { fromText } from '../../model/schemas.ts'
import { annotation, defineFeature, refuse } from '../define.ts'

export default defineFeature({
  scope: 'server',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'app-root': annotation({
      value: fromText(parseLocalPath),
      summary: 'Redirects / of the host to this path with 302; of several Ingresses the oldest decides.',
      example: '/app1',
      ingressNginx: {
        verdict: 'better',
        difference:
          'The redirect names the host that was routed and the scheme that a trusted proxy reports. A query and a fragment are allowed.',
      },
    }),
  },
  apply: ({ appRoot }) => {
    if (appRoot === undefined) return undefined
    return /^\/(?:$|[?#])/.test(appRoot)
      ? refuse('app-root', 'is the root itself, which would redirect for ever')
      : { appRoot: { path: appRoot } }
  },
})
