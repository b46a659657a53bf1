/** Whether an Ingress is a canary: another backend for some of the requests of a path that an Ingress has. */
import { boolean } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'upstream',
  risk: 'medium',
  // What is meant to stand beside another Ingress is not let to stand for itself, without that one's protections.
  onInvalid: 'withhold',
  annotations: {
    canary: annotation({
      value: boolean,
      summary:
        'Makes the Ingress a canary of the one with the same host, path and path type: its backends get some of the requests, and of its other annotations only those about its backends count.',
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference:
          'A path may have several canaries, 64 at most. It is for the paths of its rules, where all paths to the same Service were concerned; its Service may be the main backend of other paths. It must be in the namespace of the main Ingress.',
      },
    }),
  },
  apply: ({ canary }) => ({ canary: { isOn: canary } }),
})
