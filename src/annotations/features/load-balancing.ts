/** How an endpoint is chosen among a Service's. */
import { fromText } from '../../model/schemas.ts'
import type { Parsed } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

type Method = 'round-robin' | 'least-connections'

const METHODS: ReadonlyMap<string, Method> = new Map([
  ['round_robin', 'round-robin'],
  ['least_conn', 'least-connections'],
  ['ewma', 'least-connections'],
])
/** What people write, and what they should. */
const INSTEAD: Readonly<Record<string, string>> = {
  ip_hash: 'upstream-hash-by: $remote_addr does it',
  chash: 'upstream-hash-by does it',
  chashsubset: 'upstream-hash-by comes closest',
  sticky_balanced: 'affinity: cookie does it',
  sticky_persistent: 'affinity: cookie with affinity-mode: persistent does it',
}

function parseMethod(given: string): Parsed<Method> {
  const method = METHODS.get(given)
  if (method !== undefined) return { ok: true, value: method }
  const instead = Object.hasOwn(INSTEAD, given) ? INSTEAD[given] : undefined
  return { ok: false, reason: `is none of ${[...METHODS.keys()].join(', ')}${instead === undefined ? '' : `; ${instead}`}` }
}

export default defineFeature({
  scope: 'upstream',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'load-balance': annotation({
      value: fromText(parseMethod),
      summary: 'How an endpoint is chosen: round_robin, least_conn, or ewma, which is least_conn here.',
      example: 'ewma',
      ingressNginx: {
        verdict: 'approximated',
        difference:
          'ewma needs what NGINX does not have and goes by the least connections. least_conn works, where it stopped the whole Ingress; any other value leaves the default, and an Issue says what to write instead.',
      },
    }),
  },
  apply: ({ loadBalance }) => ({ balance: { method: loadBalance } }),
})
