/**
 * Regular expressions that tenants write: a part of PCRE's syntax that every PCRE compiles, that defines no name which
 * another server reads, and that is matched in bounded time. What is not understood here is refused, never passed on.
 */
import {
  ALL_CHARACTERS,
  ASSERTION,
  alternatives,
  type CharacterSet,
  CLASS_SIZE,
  type Cost,
  followedBy,
  GROUP_SIZE,
  NO_CHARACTERS,
  NOTHING,
  oneOf,
  type Part,
  repeat,
  setOf,
  setOfEscape,
  whyTooCostly,
  whyTooSlow,
} from './pattern-cost.ts'
import { type Branded, hasControlCharacter, type Parsed } from './values.ts'

/** An expression of that part of PCRE's syntax, starting with `/`; its anchor is not written. */
export type PatternText = Branded<string, 'PatternText'>

/** An expression that a path is, matched at the beginning of a request's path and without case. */
export type Pattern = {
  readonly text: PatternText
  /** How many groups capture: `$1` and so on. */
  readonly captures: number
  /** Whether one that captures holds another. */
  readonly hasNestedCaptures: boolean
  /** What every match begins with: `/api/v` of `/api/v[0-9]+`. */
  readonly beginning: string
}

/** Escaped, it takes at most half of what a token of NGINX's may have. */
const LONGEST_PATTERN_BYTES = 1000
/** NGINX keeps room for the captures of the largest expression with every request. */
const MOST_CAPTURES = 20
const MOST_REPEATS = 255
const DEEPEST_GROUP = 10

class NotUnderstood extends Error {}

/** Reads an expression. */
export function parsePattern(text: string): Parsed<Pattern> {
  if (Buffer.byteLength(text) > LONGEST_PATTERN_BYTES) return refuse(`is longer than ${LONGEST_PATTERN_BYTES} bytes`)
  if (!text.startsWith('/')) return refuse('does not start with /')
  if (hasControlCharacter(text)) return refuse('has a control character')
  if (!text.isWellFormed()) return refuse('is not well-formed Unicode')
  try {
    const { captures, hasNestedCaptures, hasAlternatives } = readExpression([...text])
    if (captures > MOST_CAPTURES) return refuse(`has more than ${MOST_CAPTURES} groups that capture`)
    return {
      ok: true,
      value: { text: text as PatternText, captures, hasNestedCaptures, beginning: hasAlternatives ? '/' : beginningOf(text) },
    }
  } catch (error) {
    if (error instanceof NotUnderstood) return refuse(error.message)
    throw error
  }
}

/** Reads a path as an expression. What it has percent-encoded stands for itself: NGINX compares decoded paths. */
export function patternOfPath(path: string): Parsed<Pattern> {
  try {
    return parsePattern(path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => escapePattern(decodeURIComponent(escapes))))
  } catch {
    return refuse('has a percent sign that does not begin a UTF-8 escape')
  }
}

/** Whether dots are all that stands for more than itself. */
export function isTextWithDots({ text }: Pattern): boolean {
  return !/[\\^$|?*+()[\]{}]/.test(text)
}

/** The text as an expression that matches it and nothing else. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}

function readExpression(characters: readonly string[]) {
  let at = 0
  let captures = 0
  let openCaptures = 0
  let hasNestedCaptures = false
  let hasAlternatives = false

  const fail = (reason: string): never => {
    throw new NotUnderstood(reason)
  }
  const peek = (ahead = 0) => characters[at + ahead]
  const take = () => characters[at++] ?? fail('ends too early')

  function readAlternatives(depth: number): Cost {
    const sequences = [readSequence(depth)]
    while (peek() === '|') {
      take()
      sequences.push(readSequence(depth))
    }
    if (depth === 0 && sequences.length > 1) hasAlternatives = true
    return withinLimits(alternatives(sequences))
  }

  function readSequence(depth: number): Cost {
    const parts: Cost[] = []
    while (peek() !== undefined && peek() !== '|' && peek() !== ')') parts.push(readQuantified(depth))
    return withinLimits(parts.reduce(followedBy, NOTHING))
  }

  function readQuantified(depth: number): Cost {
    const part = readPart(depth)
    const range = readQuantifier()
    if (range === undefined) return part
    if (!part.repeats) return fail('has a quantifier after something that cannot be repeated')
    if (peek() === '?' || peek() === '+') take()
    if (readQuantifier() !== undefined) return fail('has two quantifiers in a row')
    const repeated = repeat(part, range)
    return typeof repeated === 'string' ? fail(repeated) : repeated
  }

  function readQuantifier(): { readonly least: number; readonly most: number | undefined } | undefined {
    const simple = { '*': { least: 0, most: undefined }, '+': { least: 1, most: undefined }, '?': { least: 0, most: 1 } }
    const next = peek()
    if (next === '*' || next === '+' || next === '?') {
      take()
      return simple[next]
    }
    if (next !== '{') return undefined
    const [whole, from = '', comma, to = ''] = /^\{(\d{1,3})(,)?(\d{1,3})?\}/.exec(characters.slice(at, at + 9).join('')) ?? []
    if (whole === undefined || (comma === undefined && to !== '')) return fail('has a { that begins no quantifier; write \\{')
    at += whole.length
    const [least, most] = [Number(from), comma === undefined ? Number(from) : to === '' ? undefined : Number(to)]
    if (Math.max(least, most ?? 0) > MOST_REPEATS || (most !== undefined && most < least))
      return fail(`has a quantifier that is not within 0 and ${MOST_REPEATS}, the smaller first`)
    return { least, most }
  }

  function readPart(depth: number): Part {
    const character = take()
    if (character === '(') return readGroup(depth)
    if (character === '[') return readClass()
    if (character === '\\') return readEscape()
    if (character === '^' || character === '$') return ASSERTION
    if (character === '.') return oneOf(ALL_CHARACTERS, 2)
    if ('*+?'.includes(character)) return fail('has a quantifier after nothing')
    if (character === '{') return fail('has a { that begins no quantifier; write \\{')
    if (character === ']' || character === '}') return fail(`has a ${character} that closes nothing; write \\${character}`)
    // To PCRE a character beyond ASCII is several bytes, and a quantifier would repeat the last of them.
    return isAscii(character) ? oneOf(setOf(character), 2) : { ...oneOf(setOf(character), 8), repeats: false }
  }

  function readGroup(depth: number): Part {
    if (depth >= DEEPEST_GROUP) return fail(`has groups within groups, more than ${DEEPEST_GROUP} deep`)
    const kind = readGroupKind()
    if (kind === 'flag') return ASSERTION
    if (kind === 'capture') {
      captures += 1
      if (openCaptures > 0) hasNestedCaptures = true
      openCaptures += 1
    }
    const inner = readAlternatives(depth + 1)
    if (kind === 'capture') openCaptures -= 1
    if (peek() !== ')') return fail('has a ( that is not closed')
    take()
    const size = inner.size + GROUP_SIZE
    // What looks ahead is tried wherever a repetition before it may end.
    return kind === 'look-ahead'
      ? { ...inner, size, first: ALL_CHARACTERS, isOptional: true, open: [], repeats: false }
      : { ...inner, size, repeats: true }
  }

  /** `(`, `(?:`, `(?=`, `(?!`, and the flag that holds anyway. */
  function readGroupKind(): 'capture' | 'plain' | 'look-ahead' | 'flag' {
    if (peek() === '*') return fail('has a verb (*…), which is not allowed')
    if (peek() !== '?') return 'capture'
    take()
    const sign = take()
    if (sign === ':') return 'plain'
    if (sign === '=' || sign === '!') return 'look-ahead'
    if (sign === 'i' && peek() === ')') {
      take()
      return 'flag'
    }
    return fail(`has a group (?${sign}…), which is not allowed; (…), (?:…), (?=…) and (?!…) are`)
  }

  function readEscape(): Part {
    const character = take()
    if ('dDwWsS'.includes(character)) return oneOf(setOfEscape(character), CLASS_SIZE)
    if (character === 'b' || character === 'B') return ASSERTION
    return isPunctuation(character) ? oneOf(setOf(character), 2) : fail(`has \\${character}, which is not allowed`)
  }

  function readClass(): Part {
    const begin = at
    const isNegated = peek() === '^'
    if (isNegated) take()
    if (peek() === ']') return fail('has an empty class []')
    let set = NO_CHARACTERS
    let before: string | undefined
    let canBeRange = false
    while (peek() !== ']') {
      if (peek() === undefined) return fail('has a [ that is not closed')
      const isDash = peek() === '-' && at > begin + Number(isNegated) && peek(1) !== ']'
      if (isDash && !canBeRange) return fail('has a - in a class that could be a range; write \\-')
      if (isDash) take()
      const member = readClassMember()
      if (isDash) {
        const to = member.character
        if (before === undefined || to === undefined || before > to)
          return fail('has a range in a class that does not go from a character to a later one')
        for (let code = before.charCodeAt(0); code <= to.charCodeAt(0); code++) set |= setOf(String.fromCharCode(code))
      }
      set |= member.set
      before = member.character
      canBeRange = !isDash && before !== undefined
    }
    // `[:a:]` by itself is an error to PCRE.
    const inner = characters.slice(begin, at)
    if (inner.length > 1 && inner[0] === inner.at(-1) && ':.='.includes(inner[0] ?? '')) return fail('has a class within a class')
    take()
    return oneOf(isNegated ? ALL_CHARACTERS & ~set : set, CLASS_SIZE)
  }

  /** A single character, or an escape for several. */
  function readClassMember(): { readonly character: string | undefined; readonly set: CharacterSet } {
    const character = take()
    if (!isAscii(character)) return fail('has a character beyond ASCII in a class')
    if (character === '[' && [':', '.', '='].includes(peek() ?? '')) return fail('has a class within a class')
    if (character !== '\\') return { character, set: setOf(character) }
    const escaped = take()
    if ('dDwWsS'.includes(escaped)) return { character: undefined, set: setOfEscape(escaped) }
    return isPunctuation(escaped) ? { character: escaped, set: setOf(escaped) } : fail(`has \\${escaped} in a class, which is not allowed`)
  }

  function withinLimits(cost: Cost): Cost {
    const reason = whyTooCostly(cost)
    return reason === undefined ? cost : fail(reason)
  }

  const whole = readAlternatives(0)
  if (peek() === ')') fail('has a ) that closes nothing')
  const reason = whyTooSlow(whole)
  if (reason !== undefined) fail(reason)
  return { captures, hasNestedCaptures, hasAlternatives }
}

const isAscii = (character: string) => /^[\u0020-\u007e]$/.test(character)
const isPunctuation = (character: string) => isAscii(character) && /^[^A-Za-z0-9 ]$/.test(character)

/** The characters before the first that stands for others, without one that a quantifier may take away. */
function beginningOf(text: string): string {
  const characters: string[] = []
  for (const [unit] of text.matchAll(/\\[^A-Za-z0-9]|./gu)) {
    if (/^[?*{]$/.test(unit)) characters.pop()
    if (/^[\\^$.|?*+()[\]{}]$/.test(unit)) break
    characters.push(unit.slice(-1))
  }
  return characters.join('') || '/'
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
