/**
 * What the values of the ConfigMap's keys may be: each a schema from the text of the ConfigMap to a value that may go
 * into a configuration. Allow-lists, anchored; ranges are those in which NGINX takes the value and still serves.
 */
import { z } from 'zod'
import {
  type Cidr,
  type HeaderName,
  type MediaType,
  type ObjectName,
  type Parsed,
  parseCidr,
  parseHeaderName,
  parseMediaType,
  parseNetwork,
  parseObjectName,
  parsePath,
  parseServerName,
  type UriPath,
} from './values.ts'

/** A schema over a text; the reason of a refusal becomes its error. */
function text<Value>(parse: (text: string) => Parsed<Value>): z.ZodType<Value, string> {
  return z.string().transform((given, context) => {
    const parsed = parse(given.trim())
    if (parsed.ok) return parsed.value
    context.addIssue({ code: 'custom', message: parsed.reason })
    return z.NEVER
  })
}

const accept = <Value>(value: Value): Parsed<Value> => ({ ok: true, value })
const refuse = (reason: string) => ({ ok: false, reason }) as const

/** As Go's strconv.ParseBool, which ingress-nginx reads with. */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false] as const),
])

export const boolean = text((given) => {
  const value = BOOLEANS.get(given)
  return value === undefined ? refuse('is neither true nor false') : accept(value)
})

/** `on` or `off`. */
export const onOff = text((given) => (given === 'on' || given === 'off' ? accept(given === 'on') : refuse('is neither on nor off')))

/** One of the words. */
export function oneOf<Word extends string>(...words: readonly Word[]): z.ZodType<Word, string> {
  return text((given) => {
    const word = words.find((candidate) => candidate === given)
    return word === undefined ? refuse(`is none of ${words.join(', ')}`) : accept(word)
  })
}

/** A whole number. */
export function integer(least: number, most: number): z.ZodType<number, string> {
  return text((given) => inRange(/^\d{1,10}$/.test(given) ? Number(given) : undefined, least, most, 'a whole number'))
}

/** More than a month between two bytes is no timeout. */
const LONGEST_SECONDS = 30 * 24 * 3600

/** A whole number of seconds, without a unit. */
export function seconds(least = 1): z.ZodType<number, string> {
  return text((given) => inRange(/^\d{1,10}$/.test(given) ? Number(given) : undefined, least, LONGEST_SECONDS, 'a whole number of seconds'))
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A time with a unit, `240s`, `10m`, `1h` or `1d`; without one it is in seconds. In seconds. */
export const duration = durationFrom(1)

/** The same, or 0. */
export const durationOrZero = durationFrom(0)

function durationFrom(least: number): z.ZodType<number, string> {
  return text((given) => {
    const [, number, unit = 's'] = /^(\d{1,8})([smhd]?)$/.exec(given) ?? []
    const value = number === undefined ? undefined : Number(number) * (SECONDS[unit || 's'] ?? 1)
    return inRange(value, least, LONGEST_SECONDS, 'a time such as 240s, 10m or 1h')
  })
}

const BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** A size, `8k`, `1m` or `1g`; without a unit in bytes. In bytes. */
export function size(least: number, most: number): z.ZodType<number, string> {
  return text((given) => inRange(bytesOf(given), least, most, 'a size such as 8k or 1m'))
}

function bytesOf(given: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(given) ?? []
  return number === undefined ? undefined : Number(number) * (BYTES[unit.toLowerCase()] ?? 1)
}

function inRange(value: number | undefined, least: number, most: number, what: string): Parsed<number> {
  if (value === undefined) return refuse(`is not ${what}`)
  return value < least || value > most ? refuse(`is not within ${least} and ${most}`) : accept(value)
}

/** `4 8k`: how many buffers, and of what size in bytes. */
export const buffers = text((given) => {
  const [number = '', sizeText = '', ...rest] = given.split(/\s+/)
  const count = /^\d{1,3}$/.test(number) ? Number(number) : 0
  const bytes = bytesOf(sizeText) ?? 0
  if (rest.length > 0 || count < 1 || count > 64 || bytes < 1024 || bytes > 1024 ** 2)
    return refuse('is not a number of buffers, 1 to 64, and their size, 1k to 1m, such as 4 8k')
  return accept({ number: count, size: bytes })
})

/** `auto`, or how many; undefined for auto. */
export const countOrAuto = text(
  (given): Parsed<number | undefined> =>
    given === 'auto' ? accept(undefined) : inRange(/^\d{1,4}$/.test(given) ? Number(given) : undefined, 1, 512, 'auto or a whole number'),
)

const MOST_ENTRIES = 1000

/** Words between commas, each read by `parse`; empty ones are passed over. */
function commaSeparated<Value>(parse: (word: string) => Parsed<Value>, most = MOST_ENTRIES): z.ZodType<readonly Value[], string> {
  return text((given) => eachOf(given.split(','), parse, most))
}

function eachOf<Value>(words: readonly string[], parse: (word: string) => Parsed<Value>, most = MOST_ENTRIES): Parsed<readonly Value[]> {
  const values = new Set<Value>()
  for (const word of words.map((each) => each.trim()).filter((each) => each !== '')) {
    const parsed = parse(word)
    if (!parsed.ok) return refuse(`has ${JSON.stringify(word)}, which ${parsed.reason}`)
    values.add(parsed.value)
  }
  return values.size > most ? refuse(`has more than ${most} entries`) : accept([...values])
}

/** Words between spaces, all of a list, at least one. */
export function wordsOf<Word extends string>(
  separator: RegExp,
  words: readonly Word[],
  spelled: string,
): z.ZodType<readonly Word[], string> {
  return text((given) => {
    const found = eachOf(given.split(separator), (each) => {
      const word = words.find((candidate) => candidate === each)
      return word === undefined ? refuse(`is none of ${spelled}`) : accept(word)
    })
    return found.ok && found.value.length === 0 ? refuse('is empty') : found
  })
}

/** Networks; undefined where none is named. */
export const networks = commaSeparated<Cidr>(parseCidr).transform((list) => (list.length === 0 ? undefined : list))

/**
 * NGINX keeps the headers that it sets on requests of gRPC, and those that it hides from answers, in hashes whose buckets
 * have 64 bytes, and no directive changes that: a longer name is an error for all.
 */
const LONGEST_GRPC_HEADER = 40

/** Reads the name of a header that a gRPC backend may get, or send. */
export function parseGrpcHeaderName(word: string): Parsed<HeaderName> {
  return word.length > LONGEST_GRPC_HEADER ? refuse(`is longer than ${LONGEST_GRPC_HEADER} characters`) : parseHeaderName(word)
}

export const headerNames = commaSeparated<HeaderName>(parseGrpcHeaderName, 100)

/** With `http_` before it, it is the name of a variable, of which none that is printed has more than 80 characters. */
const LONGEST_REQUEST_HEADER = 75

/** A header that a variable reads from requests. */
export const headerName = text((given) =>
  given.length > LONGEST_REQUEST_HEADER ? refuse(`is longer than ${LONGEST_REQUEST_HEADER} characters`) : parseHeaderName(given),
)

/** Paths, each of which stands for what is below it by whole segments. */
export const paths = commaSeparated<UriPath>(parsePath, 100)

/** A bucket of a hash of media types has 64 bytes, and one that does not fit is an error for all. */
const LONGEST_MEDIA_TYPE = 40

export const mediaTypes = text((given) =>
  eachOf<MediaType>(
    given.split(/\s+/),
    (word) => (word.length > LONGEST_MEDIA_TYPE ? refuse(`is longer than ${LONGEST_MEDIA_TYPE} characters`) : parseMediaType(word)),
    100,
  ),
)

/** As a request line has them: a key of a map, whose buckets have 128 bytes at least. */
export const requestUris = commaSeparated<string>(
  (word) => (/^\/[\x21-\x7e]{0,99}$/.test(word) ? accept(word) : refuse('is not a URI of printable ASCII, /… and 100 characters at most')),
  100,
)

/** One network at least. */
export const someNetworks = commaSeparated<Cidr>(parseNetwork).refine((list) => list.length > 0, 'names no network')

/** A Secret or ConfigMap; `namespace` is undefined for that of whoever names it. */
export type NamedObject = { readonly namespace: ObjectName | undefined; readonly name: ObjectName }

/** `name`, or `namespace/name`. */
export const namedObject = text((given): Parsed<NamedObject> => {
  const [first = '', second, ...rest] = given.split('/')
  const name = parseObjectName(second ?? first)
  const namespace = second === undefined ? undefined : parseObjectName(first)
  if (rest.length > 0 || !name.ok || namespace?.ok === false) return refuse('is not a name or namespace/name')
  return accept({ namespace: namespace?.value, name: name.value })
})

/** A DNS name; capitals are taken for small letters. */
export const serverName = text((given) => parseServerName(given.toLowerCase()))

/** Words between commas, of which there is one at least. */
export function listOf<Value>(parse: (word: string) => Parsed<Value>, most: number): z.ZodType<readonly Value[], string> {
  return commaSeparated(parse, most).refine((list) => list.length > 0, 'names nothing')
}

/** A whole number that may be below zero. */
export function signedInteger(least: number, most: number): z.ZodType<number, string> {
  return text((given) => inRange(/^[+-]?\d{1,10}$/.test(given) ? Number(given) : undefined, least, most, 'a whole number'))
}

/** One of the words, in any case. */
export function oneOfAnyCase<Word extends string>(...words: readonly Word[]): z.ZodType<Word, string> {
  return text((given) => {
    const word = words.find((candidate) => candidate.toLowerCase() === given.toLowerCase())
    return word === undefined ? refuse(`is none of ${words.join(', ')}`) : accept(word)
  })
}

/** What the schema takes; undefined for an empty text. */
export function orNothing<Value>(schema: z.ZodType<Value, string>): z.ZodType<Value | undefined, string> {
  return text((given): Parsed<Value | undefined> => {
    if (given === '') return accept(undefined)
    const parsed = schema.safeParse(given)
    return parsed.success ? accept(parsed.data) : refuse(parsed.error.issues.map(({ message }) => message).join('; '))
  })
}

export { text as fromText }
