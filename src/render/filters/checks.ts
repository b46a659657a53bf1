/** What every filter stands on: a value that has no right form in its place stops the rendering, and never reaches NGINX. */
import { LONGEST_TOKEN_BYTES } from '../../model/token.ts'
import type { Parsed } from '../../model/values.ts'

export type Filter = (value: unknown) => string

/** The text itself, unless it is too long for a token. */
export function fitting(filter: string, token: string): string {
  if (Buffer.byteLength(token) > LONGEST_TOKEN_BYTES) throw refusal(filter, token, `is longer than ${LONGEST_TOKEN_BYTES} bytes`)
  return token
}

export function expectText(filter: string, value: unknown): string {
  if (typeof value !== 'string') throw refusal(filter, value, 'is no text')
  return value
}

/** What the parser makes of a text. */
export function vetted<Value>(filter: string, parse: (text: string) => Parsed<Value>, value: unknown): Value {
  const parsed = parse(expectText(filter, value))
  if (!parsed.ok) throw refusal(filter, value, parsed.reason)
  return parsed.value
}

/** A text that the parser takes, as it comes out of it. */
export function vettedBy(filter: string, parse: (text: string) => Parsed<string>): Filter {
  return (value) => vetted(filter, parse, value)
}

/** A text that matches the whole of an anchored expression. */
export function matching(filter: string, pattern: RegExp, reason: string): Filter {
  return (value) => {
    const text = expectText(filter, value)
    if (!pattern.test(text)) throw refusal(filter, value, reason)
    return text
  }
}

export function refusal(filter: string, value: unknown, reason: string): Error {
  // A view throws where anything unknown is read, toJSON too.
  const shown = typeof value === 'object' ? 'an object' : JSON.stringify(value)
  return new Error(`nothing is rendered: ${shown} ${reason} (filter ${filter})`)
}
