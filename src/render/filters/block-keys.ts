/** Keys of the maps that choose canaries and sessions. */
import { parseHeaderPattern } from '../../model/header-pattern.ts'
import { parseCookieName, parseHeaderValue } from '../../model/values.ts'
import type { MapKey } from '../variables.ts'
import { refusal, vetted } from './checks.ts'
import { literal } from './tokens.ts'
import { hexadecimal, integer, keyword } from './words.ts'

/** A key of a map, by what it is to match. Literal keys are compared without case, so most are expressions. */
export function blockKey(value: unknown): string {
  const key = value as MapKey
  switch (key.kind) {
    case 'default':
      return 'default'
    case 'empty':
      return '""'
    case 'exact':
      return literal(`~^${escapePattern(vetted('blockKey', parseHeaderValue, key.value))}$`)
    case 'pattern':
      return literal(`~${vetted('blockKey', parseHeaderPattern, key.pattern)}`)
    case 'cookie':
      return literal(`~(?:^|; *)${cookiePattern(key.name)}=${keyword(key.value)}(?:;|$)`)
    case 'session':
      return literal(
        `~^[^;]*;(?:[^,;]*,){${integer(key.place)}}([0-9a-f]+)[^;]*;(?:|.*; *)${cookiePattern(key.cookie)}=\\1\\.[0-9a-f]+(?:;|$)`,
      )
    case 'kept':
      return literal(
        `~^(${hexadecimal(key.group)}[0-9a-f]{12})\\|(?:|.*; *)${cookiePattern(key.cookie)}=(\\1\\.[0-9a-f]{${integer(key.digits)}})(?:;|$)`,
      )
    case 'ours':
      if (!/^\^[-0-9a-z[\]^(){}|.,:;*+\\$]+$/.test(key.pattern)) throw refusal('blockKey', key.pattern, 'is no expression of ours')
      return literal(`~${key.pattern}`)
    default:
      throw refusal('blockKey', value, 'is no key')
  }
}

/** Cookies stand between semicolons: RFC 6265 section 4.2.1. Those of several fields are joined in that way, too. */
function cookiePattern(name: string): string {
  return escapePattern(vetted('blockKey', parseCookieName, name))
}

function escapePattern(value: string): string {
  return value.replace(/[^A-Za-z0-9]/g, '\\$&')
}
