/** How much a client may ask for. All paths and hosts of an Ingress count together, in each replica for itself. */
import { integer, someNetworks } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

/** NGINX refuses more in `limit_conn`. */
const MOST_CONNECTIONS = 65_535
/** Times each other they stay far below what NGINX counts in, thousandths in 64 bits. */
const MOST_REQUESTS = 100_000
const LARGEST_MULTIPLIER = 1000

const exempt = {
  value: someNetworks,
  example: '10.0.0.0/8',
  ingressNginx: 'same',
} as const

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'limit-rps': annotation({
      value: integer(1, MOST_REQUESTS),
      summary: 'Requests a second from an address; what is above gets 503, or limit-req-status-code.',
      example: '10',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'From 1 to 100000; 0, which limited nothing, is an Issue and still limits nothing.',
      },
    }),
    'limit-rpm': annotation({
      value: integer(1, MOST_REQUESTS),
      summary: 'Requests a minute from an address; goes together with limit-rps.',
      example: '300',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'From 1 to 100000; 0, which limited nothing, is an Issue and still limits nothing.',
      },
    }),
    'limit-burst-multiplier': annotation({
      value: integer(1, LARGEST_MULTIPLIER),
      summary: 'How many times the rate may come at once, 5 when not given.',
      example: '2',
      ingressNginx: { verdict: 'approximated', difference: 'At most 1000.' },
    }),
    'limit-connections': annotation({
      value: integer(1, MOST_CONNECTIONS),
      summary:
        'Connections with a request under way from an address, each stream of HTTP/2 being one; else 503, or limit-conn-status-code.',
      example: '20',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'At most 65535, as NGINX has it; 0, which limited nothing, is an Issue and still limits nothing.',
      },
    }),
    'limit-allowlist': annotation({ ...exempt, summary: 'Addresses and networks that are not limited.' }),
    'limit-whitelist': annotation({
      ...exempt,
      summary: 'The older spelling of limit-allowlist, which counts where both are there.',
      aliasOf: 'limit-allowlist',
    }),
  },
  apply: ({ limitRps, limitRpm, limitConnections, limitBurstMultiplier, limitAllowlist }) => ({
    limits: {
      perSecond: limitRps,
      perMinute: limitRpm,
      connections: limitConnections,
      burstMultiplier: limitBurstMultiplier,
      exempt: limitAllowlist,
    },
  }),
})
