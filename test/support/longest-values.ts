// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** The longest and oddest values that a schema takes: what grows when it is printed, again and again, for as long as it is accepted. */
import type { z } from 'zod'
import { features } from '../../src/annotations/registry.ts'
import { type IngressBuilder, ingress } from './objects.ts'

type Schema = z.ZodType<unknown, string>

/** With a number in it, a piece is another one each time. */
const PIECES = [
  ...['$', '\\', '"', "'", 'a', '1', '.', '-', '_', '/', '~', '%41', '%', ' ', ',', ';', ':', '&', '=', '|', '+', '(', '[', '^', 'é'],
  ...['$scheme', '$http_host', '$request_uri', '${host}', '$uri', '$remote_addr', '$escaped_request_uri', '$service_name', '$1'],
  ...['$service_port', '$namespace', '$http_a', '$cookie_#', '"$host"', '\\$host', '.a', '-a', '/a', '.$service_name', '/$1'],
  ...[',a#', ',X-#', ', X-A-B-C-#', ',10.0.#.0/24', ',2001:db8:#::/48', ',a://*.a', ',https://*.a#.test:8443', ',null', ',/a#'],
  ...[
    ' a#/b',
    ' 200',
    ',200 5m',
    ',401 403 #s',
    'a#,',
    ' TLSv1.3',
    ':A#',
    ' http_500',
    '(a)',
    '(a)?',
    '[ab]',
    '[ab]{100}',
    '|a',
    '\\d',
    'a?',
  ],
  ...['(a|b)?', '\\w', '\\.', '[^a]?'],
]
const BEGINNINGS = ['', '/', 'x', 'x:', '(', '{"', 'https://a.test/?x=', 'http://web.default.svc/'] as const
const LONGEST = 5000

/** The beginning, and then as many pieces as are accepted; undefined where it is not even one. */
function longest(schema: Schema, beginning: string, piece: string): string | undefined {
  const built = (count: number) => beginning + Array.from({ length: count }, (_, index) => piece.replace('#', String(index))).join('')
  const isTaken = (count: number) => schema.safeParse(built(count)).success
  let [taken, refused] = [0, 2]
  while (refused * piece.length < LONGEST && isTaken(refused)) [taken, refused] = [refused, refused * 2]
  while (refused - taken > 1) {
    const middle = (taken + refused) >> 1
    if (isTaken(middle)) taken = middle
    else refused = middle
  }
  return taken === 0 ? undefined : built(taken)
}

/** Each piece after the example, and after the first other beginning that it may follow. */
export function longestValues(schema: Schema, example: string): readonly string[] {
  const values = PIECES.flatMap((piece) => {
    const beginning = BEGINNINGS.find((each) => schema.safeParse(each + piece.replace('#', '0')).success)
    const both = [beginning, example].flatMap((each) => (each === undefined ? [] : [longest(schema, each, piece)]))
    return both.filter((value) => value !== undefined)
  })
  return [...new Set([example, ...values])]
}

/** What an annotation needs beside it to mean anything. */
const COMPANIONS: readonly (readonly [RegExp, Readonly<Record<string, string>>])[] = [
  [/^(session-cookie-|affinity-)/, { affinity: 'cookie' }],
  [/^cors-/, { 'enable-cors': 'true' }],
  [/^auth-(?!type|realm|secret)/, { 'auth-url': 'http://web.default.svc/check' }],
  [/^auth-(type|realm|secret)/, { 'auth-type': 'basic', 'auth-secret': 'users' }],
  [/^proxy-ssl-/, { 'backend-protocol': 'HTTPS' }],
  [/^canary-/, { canary: 'true' }],
  [/^canary-by-header-/, { canary: 'true', 'canary-by-header': 'X-Canary' }],
]

export type LongAnnotation = { readonly key: string; readonly value: string; readonly companions: Readonly<Record<string, string>> }

/** Of every annotation that is known, beside those without which it means nothing. */
export function longAnnotations(): readonly LongAnnotation[] {
  return Object.values(features).flatMap(({ annotations }) =>
    Object.entries(annotations).flatMap(([key, { value: schema, example }]) => {
      const companions = Object.assign({}, ...COMPANIONS.flatMap(([pattern, beside]) => (pattern.test(key) ? [beside] : [])))
      return longestValues(schema, example).map((value) => ({ key, value, companions }))
    }),
  )
}

/** An Ingress for each value, on a host of its own, with a path to each Service; a canary beside one with sessions. */
export function ingressesWith(values: readonly LongAnnotation[], services: readonly string[]): readonly IngressBuilder[] {
  const annotated = (name: string, index: number, annotations: Readonly<Record<string, string>>) =>
    services.reduce(
      (built, each) => built.prefix(`/${each}`, each),
      ingress(`${name}-${index}`).host(`h${index}.test`).annotations(annotations, 'nginx.ingress.kubernetes.io/'),
    )
  return values.flatMap(({ key, value, companions }, index) => {
    const given = { ...companions, [key]: value }
    if (given['canary'] === undefined) return [annotated('main', index, given)]
    return [annotated('main', index, { affinity: 'cookie' }), annotated('canary', index, given)]
  })
}
