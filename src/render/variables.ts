/**
 * Variables that many locations share: maps and splits at the top of the configuration, named by the hash of what they say,
 * so that equal ones are one. NGINX compares each variable with all others when it reads a configuration: one each for
 * 2,000 locations took longer than all the rest, while a `set` in a location costs nothing.
 */

import type { VariableText } from '../model/balancing.ts'
import { shortHash } from '../model/short-hash.ts'
import type { CookieName, HeaderPattern, HeaderValue } from '../model/values.ts'

export type VariableBlock =
  | { readonly kind: 'map'; readonly variable: string; readonly by: VariableText; readonly lines: readonly MapLine[] }
  /** By chance, the same for all of a request. */
  | { readonly kind: 'split'; readonly variable: string; readonly parts: readonly SplitPart[] }

export type MapLine = { readonly key: MapKey; readonly value: VariableText }

/** `percent` is undefined for all that is left. */
export type SplitPart = { readonly percent: string | undefined; readonly number: number }

/** What a map compares with; the first expression that matches counts, in the order of the lines. */
export type MapKey =
  | { readonly kind: 'default' }
  | { readonly kind: 'empty' }
  /** With case, which a literal key does not. */
  | { readonly kind: 'exact'; readonly value: HeaderValue }
  | { readonly kind: 'pattern'; readonly pattern: HeaderPattern }
  /** A cookie among all cookies. */
  | { readonly kind: 'cookie'; readonly name: CookieName; readonly value: string }
  /** The cookie of a session of the group in that place, after a semicolon, groups with commas, and a semicolon. */
  | { readonly kind: 'session'; readonly cookie: CookieName; readonly place: number }
  /** The cookie of a session of the group that comes first, and a bar; captured second. */
  | { readonly kind: 'kept'; readonly cookie: CookieName; readonly group: string; readonly digits: number }
  /** An expression of our own, without any text of a user's. */
  | { readonly kind: 'ours'; readonly pattern: string }

/** A map, with the name that its content gives it. */
export function mapBlock(name: string, by: VariableText, lines: readonly MapLine[]): VariableBlock {
  return { kind: 'map', variable: named(name, [by, lines]), by, lines }
}

export function splitBlock(name: string, parts: readonly SplitPart[]): VariableBlock {
  return { kind: 'split', variable: named(name, parts), parts }
}

function named(name: string, content: unknown): string {
  return `$${name}_${shortHash(JSON.stringify(content), 12)}`
}

export function text(value: string): VariableText[number] {
  return { kind: 'text', text: value }
}

/** `name` with its dollar sign. */
export function variable(name: string): VariableText[number] {
  return { kind: 'variable', name: name.slice(1) }
}

export const otherwise = (...value: VariableText): MapLine => ({ key: { kind: 'default' }, value })
export const ours = (pattern: string, ...value: VariableText): MapLine => ({ key: { kind: 'ours', pattern }, value })
