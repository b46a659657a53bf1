/** TLS towards backends of protocol HTTPS and GRPCS: which certificate we show them, and which of theirs we take. */
import { fromText, integer, namedObject, onOff, serverName, wordsOf } from '../../model/schemas.ts'
import { type BackendCipher, backendCiphers, tlsProtocols } from '../../model/tls-settings.ts'
import type { Parsed } from '../../model/values.ts'
import { annotation, defineFeature, refuse } from '../define.ts'

/** A list that matches no suite stops every reload, so it needs a word that surely does; OpenSSL takes DEFAULT only at the beginning. */
const ciphers = fromText((given): Parsed<readonly BackendCipher[]> => {
  const words = given.split(':')
  const found = words.flatMap((word) => backendCiphers.find((known) => known === word) ?? [])
  const stranger = words.find((word) => !backendCiphers.some((known) => known === word))
  if (stranger !== undefined) return { ok: false, reason: `has ${JSON.stringify(stranger)}, which is no cipher suite that is known` }
  if (found.lastIndexOf('DEFAULT') > 0) return { ok: false, reason: 'has DEFAULT, which must come first' }
  if (found.every((word) => word.startsWith('!'))) return { ok: false, reason: 'leaves no cipher suite' }
  return { ok: true, value: [...new Set(found)] }
})

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'unavailable',
  annotations: {
    'proxy-ssl-secret': annotation({
      value: namedObject,
      summary:
        'Secret with the certificate that is shown to the backend (tls.crt, tls.key), with the authority that it must be of (ca.crt), or both.',
      example: 'default/backend-tls',
      ingressNginx: {
        verdict: 'better',
        difference: 'The name alone is enough. A Secret of another namespace is refused, as there without allow-cross-namespace-resources.',
      },
    }),
    'proxy-ssl-verify': annotation({
      value: onOff,
      summary: "Whether the backend's certificate must be of the authority in the Secret and made out for proxy-ssl-name: on or off.",
      example: 'on',
      ingressNginx: {
        verdict: 'better',
        difference: 'Answers 503 where there is nothing to verify by, rather than not to verify.',
      },
    }),
    'proxy-ssl-verify-depth': annotation({
      value: integer(1, 10),
      summary: "Most intermediate certificates between the backend's and the authority's.",
      example: '2',
      ingressNginx: { verdict: 'approximated', difference: 'From 1 to 10.' },
    }),
    'proxy-ssl-name': annotation({
      value: serverName,
      summary: 'Name that the certificate must be made out for, and that proxy-ssl-server-name sends.',
      example: 'backend.example',
      ingressNginx: {
        verdict: 'better',
        difference:
          "Without it SERVICE.NAMESPACE.svc, or the name of an ExternalName, rather than a name of NGINX's own. Works without proxy-ssl-secret too.",
      },
    }),
    'proxy-ssl-server-name': annotation({
      value: onOff,
      summary: 'Whether that name is sent to the backend (SNI): on or off.',
      example: 'on',
      ingressNginx: { verdict: 'better', difference: 'Works without proxy-ssl-secret too.' },
    }),
    'proxy-ssl-protocols': annotation({
      value: wordsOf(/\s+/, tlsProtocols, tlsProtocols.join(' ')),
      summary: 'Versions of TLS towards the backend.',
      example: 'TLSv1.3',
      ingressNginx: { verdict: 'better', difference: 'TLSv1.2 and TLSv1.3 without it. Works without proxy-ssl-secret too.' },
    }),
    'proxy-ssl-ciphers': annotation({
      value: ciphers,
      summary: 'Cipher suites of TLS 1.2 towards the backend: names of suites, HIGH, DEFAULT, and what is left out, between colons.',
      example: 'HIGH:!aNULL:!MD5',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'Words of a list, so that no value stops a reload. Works without proxy-ssl-secret too.',
      },
    }),
  },
  apply: ({
    proxySslSecret,
    proxySslVerify,
    proxySslVerifyDepth,
    proxySslName,
    proxySslServerName,
    proxySslProtocols,
    proxySslCiphers,
  }) => {
    if (proxySslVerify === true && proxySslSecret === undefined)
      return refuse('proxy-ssl-verify', 'is on without proxy-ssl-secret, whose ca.crt says whom to believe')
    return {
      backendTls: {
        secret: proxySslSecret,
        verify: proxySslVerify,
        depth: proxySslVerifyDepth,
        name: proxySslName,
        sendsName: proxySslServerName,
        protocols: proxySslProtocols,
        ciphers: proxySslCiphers,
      },
    }
  },
})
