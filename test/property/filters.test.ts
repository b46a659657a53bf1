// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** What the filters write is read by NGINX as the very text it was, whatever that is, or nothing is written. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { filters } from '../../src/render/filters.ts'
import { parseDirectives } from '../support/directive-tree.ts'
import { anyText, hostileText, hostileTexts } from '../support/hostile.ts'

const RUNS = { numRuns: 500 }
const LONGEST_TOKEN_BYTES = 4096

/** What NGINX reads of a token in the middle of a line. Throws when the token is more or less than one argument. */
function readBack(token: string): string {
  const tree = parseDirectives(`before ${token} after;\nnext {\n}\n`)
  expect(tree).toMatchObject([
    { name: 'before', block: undefined },
    { name: 'next', args: [], block: [] },
  ])
  const args = tree[0]?.args ?? []
  expect(args).toHaveLength(2)
  expect(args[1]).toBe('after')
  return args[0] ?? ''
}

/** As NGINX expands variables when all that is there is the one for a dollar sign. */
function expand(text: string): string {
  const rest = text.replaceAll('${dollar}', '')
  expect(rest).not.toContain('$')
  return text.replaceAll('${dollar}', () => '$')
}

function written(filter: keyof typeof filters, value: unknown): string | undefined {
  try {
    return filters[filter](value)
  } catch {
    return undefined
  }
}

describe('any text', () => {
  const texts = () => fc.oneof(hostileText(), anyText(), fc.string({ unit: 'binary', maxLength: 3000 }))

  test('is literal through `literal`, or refused', () => {
    fc.assert(
      fc.property(texts(), (text) => {
        const token = written('literal', text)
        if (token !== undefined) expect(readBack(Buffer.from(token).toString())).toBe(text)
      }),
      RUNS,
    )
  })

  test('is literal through `interpolated` once variables are expanded, or refused', () => {
    fc.assert(
      fc.property(texts(), (text) => {
        const token = written('interpolated', text)
        if (token !== undefined) expect(expand(readBack(Buffer.from(token).toString()))).toBe(text)
      }),
      RUNS,
    )
  })

  test('never makes a token of more than 4096 bytes', () => {
    const long = fc.tuple(fc.constantFrom('"', '\\', '$', 'é', 'a', '\u{1f600}'), fc.integer({ min: 300, max: 5000 }))
    fc.assert(
      fc.property(long, fc.constantFrom('literal' as const, 'interpolated' as const), ([unit, count], filter) => {
        const token = written(filter, unit.repeat(count))
        expect(Buffer.byteLength(token ?? '')).toBeLessThanOrEqual(LONGEST_TOKEN_BYTES)
      }),
      RUNS,
    )
  })

  test('is refused by no filter for want of trying: every harmless text of the corpus is written', () => {
    const harmless = hostileTexts.filter((text) => text.isWellFormed() && !/\p{Cc}/u.test(text) && Buffer.byteLength(text) < 1000)
    expect(harmless.length).toBeGreaterThan(80)
    for (const text of harmless) expect(readBack(filters.literal(text))).toBe(text)
  })

  test('is never written with a control character in it', () => {
    fc.assert(
      fc.property(texts(), fc.constantFrom(...(Object.keys(filters) as (keyof typeof filters)[])), (text, filter) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
        expect(written(filter, text) ?? '').not.toMatch(/[\u0000-\u001f\u007f]/)
      }),
      RUNS,
    )
  })
})

describe('through every other filter any value comes to one harmless word, or is refused', () => {
  const others = (Object.keys(filters) as (keyof typeof filters)[]).filter(
    (name) => !['literal', 'interpolated', 'indentation', 'portSuffix', 'owner'].includes(name),
  )
  const values = () =>
    fc.oneof(
      hostileText(),
      fc.anything(),
      fc.record({ kind: fc.constantFrom('exact', 'wildcard', 'any', 'unix', 'tcp'), name: hostileText(), parent: hostileText() }),
      fc.record({
        kind: fc.constantFrom('tcp', 'unix'),
        address: fc.oneof(hostileText(), fc.ipV4(), fc.ipV6()),
        port: fc.anything(),
        path: hostileText(),
      }),
    )

  test.each(others)('%s', (name) => {
    fc.assert(
      fc.property(values(), (value) => {
        const token = written(name, value)
        if (token !== undefined && token !== '') readBack(token)
      }),
      { numRuns: 200 },
    )
  })

  test('an owner in a comment ends with its line', () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (namespace, ingress) => {
        const text = written('owner', { namespace, ingress })
        if (text !== undefined) expect(parseDirectives(`# Ingress ${text}\nnext;`)).toMatchObject([{ name: 'next' }])
      }),
      RUNS,
    )
  })

  test('the port of a redirect stays a port', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.nat()), (value) => expect(written('portSuffix', value) ?? '').toMatch(/^(:\d+)?$/)),
      RUNS,
    )
  })
})
