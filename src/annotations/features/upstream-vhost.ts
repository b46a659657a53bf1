/** The name by which a backend is asked for. */
import { fromText } from '../../model/schemas.ts'
import { parseHostTemplate } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'upstream-vhost': annotation({
      value: fromText(parseHostTemplate),
      summary: 'Host header towards the backend, with $service_name, $namespace and $service_port for what it goes to.',
      example: 'web.internal.example',
      ingressNginx: {
        verdict: 'approximated',
        difference: "Other variables are refused: a client's header would choose the host.",
      },
    }),
  },
  apply: ({ upstreamVhost }) => ({ backend: { host: upstreamVhost } }),
})
