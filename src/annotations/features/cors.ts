/** Which pages of other origins may read answers. */
import { type AllowedOrigins, expressionOf, type Origin } from '../../model/cors.ts'
import { boolean, fromText, integer } from '../../model/schemas.ts'
import { LONGEST_TOKEN_BYTES, literalBytes } from '../../model/token.ts'
import { type Parsed, parsePort, parseServerName } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

const LONGEST_LIST = 2000
const LONGEST_HEADER = 2000
const TUPLE = /^([a-z][a-z0-9+.-]{0,30}):\/\/(\*\.)?([^/:?#*]+)(?::(\d{1,5}))?$/

const origins = fromText((given): Parsed<AllowedOrigins> => {
  if (given.length > LONGEST_LIST) return { ok: false, reason: `is longer than ${LONGEST_LIST} characters` }
  const words = given.split(',').map((word) => word.trim())
  const parsed = words.filter((word) => word !== '' && word !== '*').map((word) => ({ word, origin: originOf(word.toLowerCase()) }))
  const wrong = parsed.find(({ origin }) => origin === undefined)
  if (wrong !== undefined)
    return { ok: false, reason: `has ${JSON.stringify(wrong.word)}, which is no origin such as https://*.example.com:8443` }
  if (words.includes('*')) return { ok: true, value: { kind: 'any' } }
  if (parsed.length === 0) return { ok: false, reason: 'names no origin' }
  const list = parsed.flatMap(({ origin }) => origin ?? [])
  // One expression takes all of them, in which a wildcard is longer than here.
  if (literalBytes(expressionOf(list)) > LONGEST_TOKEN_BYTES) return { ok: false, reason: 'has too many origins' }
  return { ok: true, value: { kind: 'list', origins: list } }
})

function originOf(word: string): Origin | undefined {
  if (word === 'null') return { kind: 'opaque' }
  const [, scheme, wildcard, hostText = '', portText] = TUPLE.exec(word) ?? []
  const host = parseServerName(hostText)
  const port = portText === undefined ? undefined : parsePort(Number(portText))
  if (scheme === undefined || !host.ok || port?.ok === false) return undefined
  return { kind: 'tuple', scheme, anyLabel: wildcard !== undefined, host: host.value, port: port?.value }
}

/** Words between commas and spaces, as the header has them. */
function headerWords(word: RegExp, what: string) {
  return fromText((given): Parsed<string> => {
    const words = given.split(/[\s,]+/).filter((each) => each !== '')
    if (given.length > LONGEST_HEADER) return { ok: false, reason: `is longer than ${LONGEST_HEADER} characters` }
    if (words.length === 0 || !words.every((each) => word.test(each))) return { ok: false, reason: `is no list of ${what} between commas` }
    return { ok: true, value: words.join(', ') }
  })
}

const DEFAULT_METHODS = 'GET, PUT, POST, DELETE, PATCH, OPTIONS'
const DEFAULT_HEADERS = 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization'
const DEFAULT_MAX_AGE = 1_728_000
const LONGEST_MAX_AGE = 1_000_000_000

export default defineFeature({
  scope: 'location',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    'enable-cors': annotation({
      value: boolean,
      summary: "Says which origins may read answers, and answers preflight requests with 204. The backend's own such headers stay here.",
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference: "Answers that depend on the origin carry Vary: Origin, and the backend's headers never stand beside ours.",
      },
    }),
    'cors-allow-origin': annotation({
      value: origins,
      summary: 'Those origins: `*` for all, or a list; `https://*.example.com` is each name one label below.',
      example: 'https://app.example.com, https://*.example.com:8443',
      ingressNginx: {
        verdict: 'better',
        difference: 'Compared whole. A list with a wrong entry allows nobody, where it was read without that entry, or as `*`.',
      },
    }),
    'cors-allow-methods': annotation({
      value: headerWords(/^[A-Za-z]{1,30}$/, 'methods'),
      summary: 'Methods that they may use.',
      example: 'GET, POST',
      ingressNginx: 'same',
    }),
    'cors-allow-headers': annotation({
      value: headerWords(/^[A-Za-z0-9_-]{1,100}$/, 'headers'),
      summary: 'Headers that they may send.',
      example: 'Content-Type, X-Api-Key',
      ingressNginx: 'same',
    }),
    'cors-allow-credentials': annotation({
      value: boolean,
      summary: 'Whether they may send cookies and credentials; browsers refuse it beside `*`.',
      example: 'false',
      ingressNginx: 'same',
    }),
    'cors-expose-headers': annotation({
      value: headerWords(/^(?:[A-Za-z0-9_-]{1,100}|\*)$/, 'headers'),
      summary: 'Headers of answers that they may read.',
      example: 'X-Total-Count',
      ingressNginx: 'same',
    }),
    'cors-max-age': annotation({
      value: integer(0, LONGEST_MAX_AGE),
      summary: 'Seconds for which a browser may remember the answer to a preflight request.',
      example: '600',
      ingressNginx: { verdict: 'approximated', difference: 'Not below 0.' },
    }),
  },
  apply: (values, { isInvalid }) => {
    // Who wrote a list did not mean everybody.
    if (values.enableCors !== true || isInvalid('cors-allow-origin')) return undefined
    return {
      cors: {
        origins: values.corsAllowOrigin ?? { kind: 'any' },
        credentials: values.corsAllowCredentials ?? true,
        methods: values.corsAllowMethods ?? DEFAULT_METHODS,
        headers: values.corsAllowHeaders ?? DEFAULT_HEADERS,
        exposed: values.corsExposeHeaders,
        maxAge: values.corsMaxAge ?? DEFAULT_MAX_AGE,
      },
    }
  },
})
