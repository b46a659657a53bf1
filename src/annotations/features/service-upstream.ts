/** The Service itself as the backend, rather than its endpoints. */
import { boolean } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'upstream',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'service-upstream': annotation({
      value: boolean,
      summary: "Sends to the Service's cluster IP, so that a change of its endpoints needs no reload.",
      example: 'true',
      ingressNginx: { verdict: 'better', difference: 'A headless Service is served by its endpoints, and an Issue says so.' },
    }),
  },
  apply: ({ serviceUpstream }) => (serviceUpstream === undefined ? undefined : { service: { byClusterIp: serviceUpstream } }),
})
