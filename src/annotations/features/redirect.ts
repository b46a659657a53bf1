/** Requests that are answered with another address, whatever the backend. */
import type { RedirectStatus, RedirectTarget } from '../../model/redirect.ts'
import { parseHttpUrl, parseLocalPath } from '../../model/redirect.ts'
import { fromText, oneOf } from '../../model/schemas.ts'
import type { Parsed } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

const target = fromText((text): Parsed<RedirectTarget> => {
  if (text.startsWith('/')) {
    const path = parseLocalPath(text)
    return path.ok ? { ok: true, value: { kind: 'path', path: path.value } } : path
  }
  const url = parseHttpUrl(text)
  return url.ok ? { ok: true, value: { kind: 'url', url: url.value } } : url
})

const status = (...codes: readonly `${RedirectStatus}`[]) => oneOf(...codes).transform((code) => Number(code) as RedirectStatus)

const TARGETS = {
  verdict: 'better',
  difference:
    'A path of the same host is allowed too, and so are escapes and fragments. An invalid URL costs the redirect only, not the Ingress.',
} as const
const CODES = {
  verdict: 'better',
  difference: '300, 304, 305 and 306 are invalid: with them NGINX sends the URL as a body, and no Location.',
} as const

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'permanent-redirect': annotation({
      value: target,
      summary: 'Redirects all requests of the paths to this URL, with 301.',
      example: 'https://new.example.com/',
      ingressNginx: TARGETS,
    }),
    'permanent-redirect-code': annotation({
      value: status('301', '302', '303', '307', '308'),
      summary: 'Status of permanent-redirect: 301, 302, 303, 307 or 308.',
      example: '308',
      ingressNginx: CODES,
    }),
    'temporal-redirect': annotation({
      value: target,
      summary: 'Redirects all requests of the paths to this URL, with 302; goes before permanent-redirect.',
      example: 'https://new.example.com/',
      ingressNginx: TARGETS,
    }),
    'temporal-redirect-code': annotation({
      value: status('301', '302', '303', '307'),
      summary: 'Status of temporal-redirect: 301, 302, 303 or 307.',
      example: '307',
      ingressNginx: CODES,
    }),
  },
  apply: ({ permanentRedirect, permanentRedirectCode, temporalRedirect, temporalRedirectCode }) => {
    if (temporalRedirect !== undefined) return { redirect: { status: temporalRedirectCode ?? 302, to: temporalRedirect } }
    return permanentRedirect && { redirect: { status: permanentRedirectCode ?? 301, to: permanentRedirect } }
  },
})
