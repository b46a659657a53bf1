/** Whether the server that the ConfigMap has asked for all hosts is asked here. */
import { boolean } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'high',
  // It is asked then.
  onInvalid: 'default',
  annotations: {
    'enable-global-auth': annotation({
      value: boolean,
      summary: "Whether the server of the ConfigMap's global-auth-url is asked for requests to this Ingress, as it is without.",
      example: 'false',
      ingressNginx: 'same',
    }),
  },
  apply: ({ enableGlobalAuth }) => ({ globalAuth: { isWanted: enableGlobalAuth } }),
})
