/** The version of HTTP that backends are spoken to in. */
import { oneOf } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'proxy-http-version': annotation({
      value: oneOf('1.0', '1.1'),
      summary: 'Version of HTTP towards the backend: 1.0 or 1.1.',
      example: '1.0',
      ingressNginx: 'same',
    }),
  },
  apply: ({ proxyHttpVersion }) => ({ proxy: { httpVersion: proxyHttpVersion } }),
})
