/** The protocol that backends are spoken to in. */
import type { BackendProtocol } from '../../model/model.ts'
import { fromText } from '../../model/schemas.ts'
import type { Parsed } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

type Protocol = BackendProtocol | 'as-client'

const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['HTTP', 'http'],
  ['HTTPS', 'https'],
  ['GRPC', 'grpc'],
  ['GRPCS', 'grpcs'],
  ['AUTO_HTTP', 'as-client'],
])

/** In capitals or not, as ingress-nginx takes it. */
const protocol = fromText((given): Parsed<Protocol> => {
  const word = given.toUpperCase()
  const value = PROTOCOLS.get(word)
  if (value !== undefined) return { ok: true, value }
  if (word === 'FCGI') return { ok: false, reason: 'waits for FastCGI backends' }
  return { ok: false, reason: `is none of ${[...PROTOCOLS.keys()].join(', ')}` }
})

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'backend-protocol': annotation({
      value: protocol,
      summary: 'Protocol towards the backend: HTTP, HTTPS, GRPC, GRPCS, or AUTO_HTTP for HTTPS where the client came over TLS.',
      example: 'HTTPS',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'FCGI is not there yet. Without the annotation, the appProtocol of the Service port decides.',
      },
    }),
  },
  apply: ({ backendProtocol }) => ({ backend: { protocol: backendProtocol } }),
})
