/**
 * Users and the hashes of their passwords, as Secrets have them → the file that NGINX reads. NGINX compares hashes
 * itself or has libc's crypt do it, in the worker and anew for each request: a hash that takes long stops everybody's
 * requests meanwhile, so those of more than about 0.2 s are refused.
 */

import type { Secret } from '../cluster/objects.ts'
import type { SecretFile } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import { hasControlCharacter, mustParse, parseGeneratedName } from '../model/values.ts'

/** How a Secret has users: lines of `user:hash` under the key `auth`, or a key for each user. */
export type UsersFormat = 'file' | 'map'

export type Users = {
  /** Undefined when there is no user. */
  readonly file: SecretFile | undefined
  /** What was left out, each as `line 2` or `a key` and why; nothing of what stands there. */
  readonly leftOut: readonly string[]
}

/** The key of an htpasswd file in a Secret. */
export const USERS_KEY = 'auth'

const LONGEST_NAME = 255

const RADIX_64 = '[./A-Za-z0-9]'
const MOST_BCRYPT_COST = 12
const MOST_SHA_ROUNDS = 100_000

/** Hashes that NGINX on the libc of Debian was seen to check, on 1.22, 1.26 and 1.30. */
const HASHES: readonly RegExp[] = [
  new RegExp(`^\\$apr1\\$${RADIX_64}{1,8}\\$${RADIX_64}{22}$`),
  new RegExp(`^\\$1\\$${RADIX_64}{1,8}\\$${RADIX_64}{22}$`),
  new RegExp(`^\\$2[aby]\\$(?<cost>\\d\\d)\\$${RADIX_64}{53}$`),
  new RegExp(`^\\$5\\$(?:rounds=(?<rounds>[1-9]\\d{3,8})\\$)?${RADIX_64}{1,16}\\$${RADIX_64}{43}$`),
  new RegExp(`^\\$6\\$(?:rounds=(?<rounds>[1-9]\\d{3,8})\\$)?${RADIX_64}{1,16}\\$${RADIX_64}{86}$`),
  // The parameters that mkpasswd and PAM write, and the next higher ones.
  new RegExp(`^\\$y\\$j[6-9A]T\\$${RADIX_64}{1,86}\\$${RADIX_64}{43}$`),
  /^\{SHA\}[A-Za-z0-9+/]{27}=$/,
  // The digest of 20 bytes, and a salt of 4 to 16.
  /^\{SSHA\}[A-Za-z0-9+/]{32,48}={0,2}$/,
  new RegExp(`^${RADIX_64}{13}$`),
]

const read: Readonly<Record<UsersFormat, WeakMap<Secret, Users>>> = { file: new WeakMap(), map: new WeakMap() }

/** Reads the users of a Secret; the result for a Secret is remembered. */
export function readUsers(secret: Secret, format: UsersFormat): Users {
  const known = read[format].get(secret)
  if (known !== undefined) return known
  const users = format === 'file' ? usersOfFile(secret.data[USERS_KEY] ?? '') : usersOfMap(secret.data)
  read[format].set(secret, users)
  return users
}

type Entry = { readonly place: string; readonly name: string; readonly hash: string }

/** An htpasswd file: `user:hash`, and after another colon what is for people. */
function usersOfFile(text: string): Users {
  const entries = text.split(/\r\n|\r|\n/).flatMap((line, index): readonly Entry[] => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const [name = '', hash = ''] = line.split(':')
    return [{ place: `line ${index + 1}`, name, hash: hash.trim() }]
  })
  return usersOf(entries)
}

function usersOfMap(data: Secret['data']): Users {
  return usersOf(Object.entries(data).map(([name, hash]) => ({ place: 'a key', name, hash: hash.trim() })))
}

function usersOf(entries: readonly Entry[]): Users {
  const lines = new Map<string, string>()
  const leftOut: string[] = []
  for (const { place, name, hash } of entries) {
    const reason = whyNoName(name) ?? whyNoHash(hash)
    if (reason !== undefined) leftOut.push(`${place} ${reason}`)
    // NGINX takes the first line of a name.
    else if (!lines.has(name)) lines.set(name, `${name}:${hash}\n`)
  }
  if (lines.size === 0) return { file: undefined, leftOut }
  const text = [...lines.values()].join('')
  return { file: { name: mustParse(parseGeneratedName(shortHash(text, 20))), text }, leftOut }
}

function whyNoName(name: string): string | undefined {
  if (name === '') return 'has no name before a colon'
  if (name.length > LONGEST_NAME) return `has a name of more than ${LONGEST_NAME} characters`
  if (name.startsWith('#')) return 'has a name that begins with #, which is a comment to NGINX'
  return hasControlCharacter(name) || name.includes(':') ? 'has a name with a colon or control character' : undefined
}

function whyNoHash(hash: string): string | undefined {
  if (/^\{PLAIN\}/i.test(hash)) return 'has a password in the clear; write its hash'
  const found = HASHES.map((pattern) => pattern.exec(hash)).find((match) => match !== null)
  if (found === undefined) return 'has no hash that NGINX can check (bcrypt, apr1, SHA-crypt, yescrypt, {SSHA})'
  const { cost, rounds } = found.groups ?? {}
  if (cost !== undefined && (Number(cost) < 4 || Number(cost) > MOST_BCRYPT_COST))
    return `has a bcrypt hash of cost ${cost}; ${MOST_BCRYPT_COST} is the most, as each request waits for it`
  if (rounds !== undefined && Number(rounds) > MOST_SHA_ROUNDS)
    return `has a hash of ${rounds} rounds; ${MOST_SHA_ROUNDS} are the most, as each request waits for them`
  return undefined
}
