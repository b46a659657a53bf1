/**
 * Texts that NGINX completes for each request: what somebody wrote, literally, and variables of a list. A variable that
 * is made of what a client sends stands for one of our configuration that was checked, where there is one.
 */
import { interpolatedBytes, LONGEST_TOKEN_BYTES, variableBytes } from './token.ts'
import type { Parsed } from './values.ts'

export type TemplatePart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'variable'; readonly name: string }
export type Template = readonly TemplatePart[]

/** What may be written → the variable of our configuration that says it. */
const REQUEST_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['host', 'host'],
  ['http_host', 'best_http_host'],
  ['best_http_host', 'best_http_host'],
  ['scheme', 'pass_access_scheme'],
  ['pass_access_scheme', 'pass_access_scheme'],
  ['request_method', 'request_method'],
  ['request_uri', 'request_uri'],
  ['escaped_request_uri', 'escaped_request_uri'],
  ['remote_addr', 'remote_addr'],
  ['req_id', 'req_id'],
  ['request_id', 'req_id'],
  ['namespace', 'namespace'],
  ['ingress_name', 'ingress_name'],
  ['service_name', 'service_name'],
  ['service_port', 'service_port'],
])

/** Parts of a request as the client sent them: for what is compared, never for what is sent on. */
const SENT_PARTS = /^(?:(?:http|cookie|arg)_[a-z0-9_]{1,64}|remote_user)$/

/** Of our configuration, and in no text of somebody's own. */
const INTERNAL_VARIABLES: readonly string[] = ['forwarded_for']

/** Whether NGINX may be given this variable. */
export function isTemplateVariable(name: string): boolean {
  return SENT_PARTS.test(name) || [...REQUEST_VARIABLES.values(), ...INTERNAL_VARIABLES].includes(name)
}

/** What is put before and after somebody's text in the same token: the name of a request, the URL to come back to. */
const ROOM_FOR_OURS = 590
/** `$scheme` gets a name thrice as long when it is printed. */
const LONGEST_PRINTED = LONGEST_TOKEN_BYTES - ROOM_FOR_OURS

const VARIABLE = /\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/

/** Reads a text with variables. `literal` is what may stand between them; no dollar sign is. */
export function parseTemplate(text: string, literal: RegExp): Parsed<Template> {
  return templateOf(text, literal, (name) => REQUEST_VARIABLES.get(name))
}

/** The same for a text that requests are compared by: headers, cookies and arguments may be part of it. */
export function parseKeyTemplate(text: string, literal: RegExp): Parsed<Template> {
  return templateOf(text, literal, (name) => (SENT_PARTS.test(name) ? name : REQUEST_VARIABLES.get(name)))
}

function templateOf(text: string, literal: RegExp, variableOf: (name: string) => string | undefined): Parsed<Template> {
  const parts: TemplatePart[] = []
  // The two groups of the expression come between the texts.
  const pieces = text.split(new RegExp(VARIABLE, 'g'))
  for (let index = 0; index < pieces.length; index += 3) {
    const between = pieces[index] ?? ''
    if (between.includes('$') || !literal.test(between)) return { ok: false, reason: 'has a character that has no place there' }
    if (between !== '') parts.push({ kind: 'text', text: between })
    if (index + 1 >= pieces.length) break
    const written = (pieces[index + 1] ?? pieces[index + 2] ?? '').toLowerCase()
    const name = variableOf(written)
    if (name === undefined) return { ok: false, reason: `has the variable $${written}, which is none of those that may stand there` }
    parts.push({ kind: 'variable', name })
  }
  return fitsTemplate(parts) ? { ok: true, value: parts } : { ok: false, reason: 'has too many variables' }
}

/** A template without variables. */
export function literalTemplate(text: string): Template {
  return text === '' ? [] : [{ kind: 'text', text }]
}

/** Whether a token has room for it, and for what is put before and after it. */
export function fitsTemplate(template: Template): boolean {
  const bytes = template.map((part) => (part.kind === 'text' ? interpolatedBytes(part.text) : variableBytes(part.name)))
  return bytes.reduce((sum, each) => sum + each, 0) <= LONGEST_PRINTED
}

export function hasVariables(template: Template): boolean {
  return template.some(({ kind }) => kind === 'variable')
}
