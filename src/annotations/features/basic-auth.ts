/** Names and passwords, asked for by the browser. */
import { fromText, namedObject, oneOf } from '../../model/schemas.ts'
import { annotation, defineFeature, refuse } from '../define.ts'

/** What NGINX takes for "no authentication" in place of a realm. */
const OFF = 'off'

const realm = fromText((given) => {
  if (given === OFF) return { ok: false, reason: 'would switch authentication off' }
  return /^[\x20-\x7e]{1,128}$/.test(given)
    ? { ok: true, value: given }
    : { ok: false, reason: 'is not 1 to 128 characters of printable ASCII' }
})

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'unavailable',
  annotations: {
    'auth-type': annotation({
      value: oneOf('basic', 'digest'),
      summary: 'Asks for name and password by HTTP Basic authentication: basic.',
      example: 'basic',
      ingressNginx: { verdict: 'approximated', difference: 'digest needs a module that a stock NGINX lacks; its route answers 503.' },
    }),
    'auth-secret': annotation({
      value: namedObject,
      summary: 'Secret with the users and the hashes of their passwords, of the same namespace.',
      example: 'shop-users',
      ingressNginx: {
        verdict: 'better',
        difference: 'What is no user with a hash is an Issue; hashes that would take a worker more than about 0.2 s are refused.',
      },
    }),
    'auth-secret-type': annotation({
      value: oneOf('auth-file', 'auth-map'),
      summary: 'Whether the Secret has an htpasswd file under the key auth (auth-file), or a key for each user (auth-map).',
      example: 'auth-map',
      ingressNginx: 'same',
    }),
    'auth-realm': annotation({
      value: realm,
      summary: 'What the browser shows as the reason for asking.',
      example: 'Shop staff only',
      ingressNginx: { verdict: 'better', difference: 'Any printable ASCII; off, which switched authentication off, answers 503.' },
    }),
  },
  apply: ({ authType, authSecret, authSecretType, authRealm }) => {
    if (authType === 'digest') return refuse('auth-type', '"digest" needs a module that a stock NGINX lacks; use basic, over TLS')
    return {
      basicAuth: {
        isWanted: authType === 'basic',
        secret: authSecret,
        format: authSecretType === 'auth-map' ? 'map' : 'file',
        realm: authRealm,
      },
    }
  },
})
