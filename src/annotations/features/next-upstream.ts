/** When a request is tried on another endpoint. */
import { nextUpstreamWords } from '../../model/http-settings.ts'
import { integer, seconds, wordsOf } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'proxy-next-upstream': annotation({
      value: wordsOf(/\s+/, nextUpstreamWords, nextUpstreamWords.join(' ')),
      summary: 'After what a request is tried on another endpoint; non_idempotent takes POST, LOCK and PATCH along.',
      example: 'error timeout http_502',
      ingressNginx: 'same',
    }),
    'proxy-next-upstream-tries': annotation({
      value: integer(0, 100),
      summary: 'Most tries of a request; 0 for no limit.',
      example: '2',
      ingressNginx: 'same',
    }),
    'proxy-next-upstream-timeout': annotation({
      value: seconds(0),
      summary: 'Longest time of all tries, in seconds without a unit; 0 for no limit.',
      example: '5',
      ingressNginx: 'same',
    }),
  },
  apply: ({ proxyNextUpstream, proxyNextUpstreamTries, proxyNextUpstreamTimeout }) => ({
    proxy: { nextUpstream: proxyNextUpstream, nextUpstreamTries: proxyNextUpstreamTries, nextUpstreamTimeout: proxyNextUpstreamTimeout },
  }),
})
