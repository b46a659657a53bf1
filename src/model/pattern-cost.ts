/**
 * What matching a regular expression costs at worst, counted part by part as it is read. PCRE gives up after ten million
 * steps, and the client gets a 500; for a path of 8 KB that took up to 0.9 s, and of what is let in up to 0.1 s.
 */

/** PCRE's compiled form has 64 KB at most, and repeats what is repeated. Roughly in bytes. */
const LARGEST_SIZE = 10_000
/** Each doubles the ways to match at worst: `?`, `{2,3}`, and the alternatives of a group by their logarithm. */
const MOST_CHOICES = 24
/** Repetitions without limit: `*`, `+`, `{2,}`. */
const MOST_LOOPS = 12
/**
 * Each multiplies the time by the length of the path at worst: a repetition that may end in several places, as the first
 * of `/(.*)/(.*)` may.
 */
const MOST_AMBIGUOUS_LOOPS = 2

/** Characters without case, a bit each; the last is for all beyond ASCII. */
export type CharacterSet = bigint
export const NO_CHARACTERS: CharacterSet = 0n
const BEYOND_ASCII = 128
export const ALL_CHARACTERS: CharacterSet = (1n << BigInt(BEYOND_ASCII + 1)) - 1n

/** What matching a part of an expression costs, and what decides whether its repetitions may end in several places. */
export type Cost = {
  readonly size: number
  readonly choices: number
  readonly loops: number
  readonly ambiguous: number
  /** What it may begin with, and consist of. */
  readonly first: CharacterSet
  readonly all: CharacterSet
  readonly isOptional: boolean
  /** Of the repetitions that nothing has followed yet, what they repeat. */
  readonly open: readonly CharacterSet[]
}

/** A part of an expression; `repeats` says whether a quantifier may follow. */
export type Part = Cost & { readonly repeats: boolean }

export const NOTHING: Cost = {
  size: 0,
  choices: 0,
  loops: 0,
  ambiguous: 0,
  first: NO_CHARACTERS,
  all: NO_CHARACTERS,
  isOptional: true,
  open: [],
}
export const ASSERTION: Part = { ...NOTHING, size: 1, repeats: false }
/** A class of bytes is a bitmap. */
export const CLASS_SIZE = 40
export const GROUP_SIZE = 16

/** A part again and again; `most` is undefined for no limit. The reason where that could take forever. */
export function repeat(part: Cost, { least, most }: { readonly least: number; readonly most: number | undefined }): Cost | string {
  const isOptional = part.isOptional || least === 0
  if (most === undefined) {
    if (part.loops > 0 || part.choices > 0)
      return 'repeats without limit a group that has quantifiers or alternatives in it, which can take forever to match'
    return { ...part, size: part.size * Math.max(1, least) + GROUP_SIZE, loops: 1, isOptional, open: [part.all] }
  }
  const times = Math.max(1, most)
  if (part.loops * times > MOST_LOOPS) return 'repeats a group with repetitions without limit too often'
  const copies = part.loops === 0 ? part : Array<Cost>(times).fill(part).reduce(followedBy, NOTHING)
  const choices = part.choices * times + (most > least ? Math.log2(most - least + 1) : 0)
  return { ...copies, size: part.size * times + GROUP_SIZE, choices, isOptional }
}

/** Why a part of an expression is not let in, whatever the rest is. */
export function whyTooCostly({ size, choices, loops }: Cost): string | undefined {
  if (size > LARGEST_SIZE) return 'repeats too much'
  if (choices > MOST_CHOICES) return 'has too many alternatives and optional parts'
  return loops > MOST_LOOPS ? `has more than ${MOST_LOOPS} repetitions without limit` : undefined
}

/** Why a whole expression is not. A repetition that ends in a single place is still gone through from each place where another may end. */
export function whyTooSlow({ loops, ambiguous, open }: Cost): string | undefined {
  const factors = ambiguous + Number(loops > ambiguous + open.length)
  return factors > MOST_AMBIGUOUS_LOOPS ? 'has repetitions such as .* that may end in too many places; write [^/]* for .*' : undefined
}

/** One of these characters. */
export function oneOf(set: CharacterSet, size: number): Part {
  return { ...NOTHING, size, first: set, all: set, isOptional: false, repeats: true }
}

/** One part after another. A repetition may end in several places where what follows may be more of the same. */
export function followedBy(before: Cost, next: Cost): Cost {
  const closed = before.open.filter((set) => (set & next.first) === NO_CHARACTERS)
  return {
    size: before.size + next.size,
    choices: before.choices + next.choices,
    loops: before.loops + next.loops,
    ambiguous: before.ambiguous + next.ambiguous + before.open.length - closed.length,
    first: before.isOptional ? before.first | next.first : before.first,
    all: before.all | next.all,
    isOptional: before.isOptional && next.isOptional,
    open: next.isOptional ? [...closed, ...next.open] : next.open,
  }
}

/** One part or another: only one of them is matched at a time. */
export function alternatives(costs: readonly Cost[]): Cost {
  const total = (read: (cost: Cost) => number) => costs.reduce((sum, cost) => sum + read(cost), 0)
  const most = (read: (cost: Cost) => number) => Math.max(...costs.map(read))
  const union = (sets: readonly (CharacterSet | undefined)[]) =>
    sets.reduce<CharacterSet>((all, set = NO_CHARACTERS) => all | set, NO_CHARACTERS)
  return {
    size: total(({ size }) => size + 4),
    choices: total(({ choices }) => choices) + Math.log2(costs.length),
    loops: most(({ loops }) => loops),
    ambiguous: most(({ ambiguous }) => ambiguous),
    first: union(costs.map(({ first }) => first)),
    all: union(costs.map(({ all }) => all)),
    isOptional: costs.some(({ isOptional }) => isOptional),
    open: Array.from({ length: most(({ open }) => open.length) }, (_, place) => union(costs.map(({ open }) => open[place]))),
  }
}

export function setOf(character: string): CharacterSet {
  const codes = [character.toLowerCase(), character.toUpperCase()].map((each) => each.codePointAt(0) ?? BEYOND_ASCII)
  return codes.reduce((set, code) => set | (1n << BigInt(Math.min(code, BEYOND_ASCII))), NO_CHARACTERS)
}

/** `\d` and so on; a capital is for all others. */
export function setOfEscape(letter: string): CharacterSet {
  const members = { d: /\d/, w: /\w/, s: /\s/ }[letter.toLowerCase()] ?? /^/
  let set = NO_CHARACTERS
  for (let code = 0; code < BEYOND_ASCII; code++) if (members.test(String.fromCharCode(code))) set |= 1n << BigInt(code)
  return letter === letter.toLowerCase() ? set : ALL_CHARACTERS & ~set
}
