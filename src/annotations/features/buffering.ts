/** Whether answers are kept here on their way to the client, and how. */
import { integer, onOff, size } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

const KIB = 1024
const MIB = 1024 * KIB

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'proxy-buffering': annotation({
      value: onOff,
      summary: 'Whether responses are buffered: on or off.',
      example: 'on',
      ingressNginx: 'same',
    }),
    'proxy-buffer-size': annotation({
      value: size(KIB, MIB),
      summary: "Buffer for the headers of a response, and size of each of the body's.",
      example: '16k',
      ingressNginx: { verdict: 'approximated', difference: 'From 1k to 1m.' },
    }),
    'proxy-buffers-number': annotation({
      value: integer(3, 4096),
      summary: 'Buffers for the body of a response.',
      example: '8',
      ingressNginx: { verdict: 'approximated', difference: 'At least 3, for NGINX takes no less than busy buffers and one more.' },
    }),
    'proxy-busy-buffers-size': annotation({
      value: size(KIB, 64 * MIB),
      summary: 'Part of the buffers that may be on its way to the client while the rest is read.',
      example: '16k',
      ingressNginx: {
        verdict: 'better',
        difference: 'A size that NGINX would not take beside the others is an Issue, where it stopped every reload.',
      },
    }),
    'proxy-max-temp-file-size': annotation({
      value: size(0, 1024 ** 2 * MIB),
      summary: 'How much of a buffered response may go into a file; 0 for nothing.',
      example: '1024m',
      ingressNginx: 'same',
    }),
  },
  apply: ({ proxyBuffering, proxyBufferSize, proxyBuffersNumber, proxyBusyBuffersSize, proxyMaxTempFileSize }) => ({
    proxy: {
      buffering: proxyBuffering,
      bufferSize: proxyBufferSize,
      buffersNumber: proxyBuffersNumber,
      busyBuffersSize: proxyBusyBuffersSize,
      maxTempFileSize: proxyMaxTempFileSize,
    },
  }),
})
