/** How long a backend may take. */
import { seconds } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'proxy-connect-timeout': annotation({
      value: seconds(),
      summary: 'Longest time to connect to an endpoint, in seconds without a unit.',
      example: '10',
      ingressNginx: 'same',
    }),
    'proxy-read-timeout': annotation({
      value: seconds(),
      summary: 'Longest silence between two reads from an endpoint, in seconds without a unit.',
      example: '3600',
      ingressNginx: 'same',
    }),
    'proxy-send-timeout': annotation({
      value: seconds(),
      summary: 'Longest silence between two writes to an endpoint, in seconds without a unit.',
      example: '3600',
      ingressNginx: 'same',
    }),
  },
  apply: ({ proxyConnectTimeout, proxyReadTimeout, proxySendTimeout }) => ({
    proxy: { connectTimeout: proxyConnectTimeout, readTimeout: proxyReadTimeout, sendTimeout: proxySendTimeout },
  }),
})
