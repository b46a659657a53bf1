/**
 * Regular expressions that may be matched against what a client sends. PCRE must compile them, or NGINX refuses the whole
 * configuration, and no text may keep it busy for long: so a small part of the syntax, read by a grammar.
 */
import type { HeaderPattern, Parsed } from './values.ts'

const LONGEST_PATTERN = 200
/** Each multiplies what a text can cost by its length. */
const MOST_UNBOUNDED = 3
const MOST_REPETITIONS = 100
/** PCRE's compiled form has 64 KB at most, and has a group as often as it may be repeated. Roughly in bytes, and with room. */
const LARGEST_SIZE = 50_000
const [CHARACTER_SIZE, CLASS_SIZE, GROUP_SIZE] = [2, 40, 16]

/** What a piece holds, as far as it counts for what stands around it. */
type Piece = { readonly isSimple: boolean; readonly size: number }

class Unreadable extends Error {}

/**
 * Reads text, `.`, `^`, `$`, classes, groups, alternatives, `\d \w \s \b` with their opposites, escaped punctuation, and
 * `* + ? {n,m}`. Refused are back references, assertions, named groups, flags, and the repetition of a group that repeats
 * or chooses within, which is what takes exponential time.
 */
export function parseHeaderPattern(text: string): Parsed<HeaderPattern> {
  if (text === '') return refuse('is empty')
  if (text.length > LONGEST_PATTERN) return refuse(`is longer than ${LONGEST_PATTERN} characters`)
  if (!/^[\x20-\x7e]+$/.test(text)) return refuse('is not printable ASCII')
  try {
    const { end, size } = readAlternatives({ text, unbounded: 0 }, 0, 0)
    if (end !== text.length) return refuse('has a ) that closes nothing')
    if (size > LARGEST_SIZE) return refuse('repeats a group that is too large for that')
  } catch (error) {
    if (error instanceof Unreadable) return refuse(error.message)
    throw error
  }
  return { ok: true, value: text as HeaderPattern }
}

type Reading = { readonly text: string; unbounded: number }
const DEEPEST = 10

/** `a|b|c`, up to a `)` or the end. */
function readAlternatives(reading: Reading, start: number, depth: number): Piece & { readonly end: number } {
  if (depth > DEEPEST) throw new Unreadable(`has groups nested deeper than ${DEEPEST}`)
  const { text } = reading
  let at = start
  let isSimple = true
  let size = 0
  while (at < text.length && text[at] !== ')') {
    if (text[at] === '|') {
      isSimple = false
      size += GROUP_SIZE
      at++
      continue
    }
    const atom = readAtom(reading, at, depth)
    const quantifier = readQuantifier(text, atom.end)
    at = quantifier?.end ?? atom.end
    size += atom.isGroup ? atom.size * (quantifier?.most ?? 1) : atom.size + (quantifier === undefined ? 0 : GROUP_SIZE)
    if (!atom.isSimple) isSimple = false
    if (quantifier === undefined) continue
    if (!atom.isRepeatable) throw new Unreadable('repeats something that cannot be repeated')
    if (!atom.isSimple && !quantifier.isOptional) throw new Unreadable('repeats a group that repeats or chooses within')
    isSimple = false
    if (quantifier.isUnbounded && ++reading.unbounded > MOST_UNBOUNDED) throw new Unreadable(`has more than ${MOST_UNBOUNDED} of * and +`)
  }
  return { isSimple, size, end: at }
}

type Atom = Piece & { readonly end: number; readonly isRepeatable: boolean; readonly isGroup: boolean }
const CHARACTER = { isSimple: true, size: CHARACTER_SIZE, isRepeatable: true, isGroup: false } as const

/** One character, class, escape, anchor or group. */
function readAtom(reading: Reading, at: number, depth: number): Atom {
  const { text } = reading
  const character = text[at]
  if (character === '(') return readGroup(reading, at, depth)
  if (character === '[') return { ...CHARACTER, size: CLASS_SIZE, end: readClass(text, at) }
  if (character === '\\') {
    const escaped = /^\\([dDwWsS]|[^A-Za-z0-9\s])/.exec(text.slice(at))?.[0]
    if (escaped !== undefined) return { ...CHARACTER, end: at + escaped.length }
    if (/^\\[bB]/.test(text.slice(at))) return { ...CHARACTER, isRepeatable: false, end: at + 2 }
    throw new Unreadable('has an escape that is not one of \\d \\w \\s \\b, their opposites, or punctuation')
  }
  if (character === '^' || character === '$') return { ...CHARACTER, isRepeatable: false, end: at + 1 }
  if (/[*+?{}\]]/.test(character ?? '')) throw new Unreadable(`has a ${character} that stands for nothing; write \\${character}`)
  return { ...CHARACTER, end: at + 1 }
}

function readGroup(reading: Reading, at: number, depth: number): Atom {
  const { text } = reading
  let start = at + 1
  if (text[start] === '?') {
    if (text[start + 1] !== ':') throw new Unreadable('has a group that begins with (? and not with (?:')
    start += 2
  } else if (text[start] === '*') throw new Unreadable('has a verb (*…)')
  const inside = readAlternatives(reading, start, depth + 1)
  if (text[inside.end] !== ')') throw new Unreadable('has a ( that is not closed')
  if (inside.end === start) throw new Unreadable('has an empty group')
  return { isSimple: inside.isSimple, size: inside.size + GROUP_SIZE, isRepeatable: true, isGroup: true, end: inside.end + 1 }
}

/** `[…]` of characters, ranges, `\d \w \s` and escaped punctuation; without `[` in it, which could begin a class by name. */
function readClass(text: string, at: number): number {
  const found = /^\[\^?(?:[^\][\\]|\\[dDwWsS]|\\[^A-Za-z0-9\s])+\]/.exec(text.slice(at))?.[0]
  if (found === undefined) throw new Unreadable('has a [ that is not closed, or a class with [ or an unknown escape in it')
  if (found === '[^]') throw new Unreadable('has an empty class [^]')
  // `[:a:]` by itself is an error to PCRE.
  if (/^\[([:.=]).*\1\]$/.test(found)) throw new Unreadable('has a class such as [:a:], which is not within another one')
  for (const [, from = '', to = ''] of found.slice(1, -1).matchAll(/(\\.|[^\\])-(\\.|[^\\])/g)) {
    const isRange = ![from, to].some((end) => /^\\[dDwWsS]$/.test(end)) && from.slice(-1) <= to.slice(-1)
    if (!isRange) throw new Unreadable('has a class with a range that is none')
  }
  return at + found.length
}

type Quantifier = {
  readonly end: number
  readonly isUnbounded: boolean
  readonly isOptional: boolean
  /** How often what it repeats is written down at most. */
  readonly most: number
}

function readQuantifier(text: string, at: number): Quantifier | undefined {
  const found = /^(?:[*+?]|\{(\d{1,3})(?:(,)(\d{1,3})?)?\})\??/.exec(text.slice(at))
  if (found === null) return undefined
  const [written, least, comma, most = comma === undefined ? least : undefined] = found
  for (const count of [least, most]) {
    if (count !== undefined && Number(count) > MOST_REPETITIONS) throw new Unreadable(`repeats more than ${MOST_REPETITIONS} times`)
  }
  if (least !== undefined && most !== undefined && Number(least) > Number(most)) throw new Unreadable('has a {n,m} with n above m')
  const isUnbounded = written.startsWith('*') || written.startsWith('+') || (comma !== undefined && most === undefined)
  const copies = Math.max(1, Number(most ?? 0), Number(least ?? 0) + 1)
  return { end: at + written.length, isUnbounded, isOptional: written.startsWith('?'), most: copies }
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
