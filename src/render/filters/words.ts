/** Numbers, and words of NGINX's own. */
import type { StrictTransportSecurity } from '../../model/http-settings.ts'
import { expectText, type Filter, matching, refusal } from './checks.ts'

export function integer(value: unknown): string {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw refusal('integer', value, 'is no whole number')
  return String(value)
}

export function seconds(value: unknown): string {
  return `${integer(value)}s`
}

/** Bytes, in the largest unit that says them: NGINX knows k and m everywhere. */
export function size(value: unknown): string {
  const bytes = Number(integer(value))
  if (bytes === 0 || bytes % 1024 !== 0) return String(bytes)
  return bytes % (1024 * 1024) === 0 ? `${bytes / (1024 * 1024)}m` : `${bytes / 1024}k`
}

/** A share, `12.50`. */
export function percent(value: unknown): string {
  const share = expectText('percent', value)
  if (!/^\d{1,2}\.\d{2}$/.test(share) || Number(share) === 0) throw refusal('percent', value, 'is no share')
  return `${share}%`
}

export function onOff(value: unknown): string {
  if (typeof value !== 'boolean') throw refusal('onOff', value, 'is neither true nor false')
  return value ? 'on' : 'off'
}

/** A variable of NGINX's or of our own configuration. */
export const variable = matching('variable', /^\$[a-z0-9_]{1,80}$/, 'is no variable')
/** A word of NGINX's own, chosen by this program. */
export const keyword = matching('keyword', /^[a-z]{1,20}$/, 'is no keyword')
export const indentation = matching('indentation', /^ {0,16}$/, 'is not made of spaces')
/** Digits of a hash, and a dot between two of them. */
export const hexadecimal = matching('hexadecimal', /^[0-9a-f]{1,20}(\.[0-9a-f]{1,20})?$/, 'is not hexadecimal')
export const locationModifier = matching('locationModifier', /^(=|\^~|~|~\*)$/, 'is no modifier')

/** A word of a fixed list. */
export function wordOf(filter: string, words: readonly string[]): Filter {
  return (value) => {
    const text = expectText(filter, value)
    if (!words.includes(text)) throw refusal(filter, value, 'is not of the list')
    return text
  }
}

/** A list of words of a fixed list, joined as OpenSSL wants it. */
export function wordsOf(filter: string, words: readonly string[]): Filter {
  const word = wordOf(filter, words)
  return (value) => {
    if (!Array.isArray(value) || value.length === 0) throw refusal(filter, value, 'is no list')
    return value.map(word).join(':')
  }
}

export function strictTransportSecurity(value: unknown): string {
  const { maxAge, includeSubDomains, preload } = value as StrictTransportSecurity
  return `"max-age=${integer(maxAge)}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}"`
}
