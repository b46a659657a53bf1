/** How large the body of a request may be, and where it is kept. */
import { onOff, size } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

const KIB = 1024
const MIB = 1024 * KIB
const TIB = 1024 ** 2 * MIB

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'proxy-body-size': annotation({
      value: size(0, TIB),
      summary: 'Largest body of a request; 0 for no limit.',
      example: '8m',
      ingressNginx: 'same',
    }),
    'client-body-buffer-size': annotation({
      value: size(KIB, 64 * MIB),
      summary: 'Part of the body that is kept in memory.',
      example: '1m',
      ingressNginx: { verdict: 'approximated', difference: 'At most 64m, for each request takes so much memory.' },
    }),
    'proxy-request-buffering': annotation({
      value: onOff,
      summary: 'Whether the body is read whole before the backend gets any of it: on or off.',
      example: 'off',
      ingressNginx: 'same',
    }),
  },
  apply: ({ proxyBodySize, clientBodyBufferSize, proxyRequestBuffering }) => ({
    body: { maxSize: proxyBodySize, bufferSize: clientBodyBufferSize, buffering: proxyRequestBuffering },
  }),
})
