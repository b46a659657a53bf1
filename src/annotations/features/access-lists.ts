/** Which addresses are let in. */
import { someNetworks } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

const DIFFERENCE =
  'An empty or partly wrong list answers 503 too; at most 1000 networks; those of block-cidrs are kept out whatever it says.'

const allowed = {
  value: someNetworks,
  example: '10.0.0.0/8,192.0.2.7',
  ingressNginx: { verdict: 'better', difference: DIFFERENCE },
} as const

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'unavailable',
  annotations: {
    'allowlist-source-range': annotation({
      ...allowed,
      summary: "Addresses and networks that are let in, in place of the ConfigMap's; all others get 403.",
    }),
    'whitelist-source-range': annotation({
      ...allowed,
      summary: 'The older spelling of allowlist-source-range, which counts where both are there.',
      aliasOf: 'allowlist-source-range',
    }),
    'denylist-source-range': annotation({
      value: someNetworks,
      summary: "Addresses and networks that get 403, allowed or not, in place of the ConfigMap's.",
      example: '203.0.113.0/24',
      ingressNginx: { verdict: 'better', difference: DIFFERENCE },
    }),
  },
  apply: ({ allowlistSourceRange, denylistSourceRange }) => ({ access: { allowed: allowlistSourceRange, denied: denylistSourceRange } }),
})
