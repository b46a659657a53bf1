import { describe, expect, test } from '@jest/globals'
import {
  mustParse,
  type Parsed,
  parseGeneratedName,
  parseHeaderName,
  parseHost,
  parseIpAddress,
  parseNetwork,
  parseObjectName,
  parsePath,
  parsePort,
  parseServerName,
  parseServiceName,
} from './values.ts'

const labelOf = (length: number) => 'a'.repeat(length)
const nameOf = (length: number) => `${labelOf(61)}.${labelOf(61)}.${labelOf(61)}.${labelOf(61)}.${labelOf(length - 248)}`
/** What no name of any kind may have: each means something to NGINX, a shell, or a terminal. */
const hostileTexts = [
  'a b',
  'a;',
  'a{',
  'a}',
  'a"',
  "a'",
  'a\\',
  'a$b',
  '$host',
  'a#',
  'a\n',
  '\na',
  'a\u0000',
  'a\r',
  'a/b',
  '../a',
  '~a',
  'é',
  '',
]

function reasonOf(parsed: Parsed<unknown>): string | undefined {
  return parsed.ok ? undefined : parsed.reason
}

describe('DNS names', () => {
  const parsers = { parseServerName, parseObjectName, parseHost }
  const good = ['a', 'shop.test', 'a-b.c', '0.1', 'xn--mnchen-3ya.test', '1.2.3.4', labelOf(63), nameOf(253)]
  const bad = [
    'A.test',
    'a_b',
    '-a',
    'a-',
    'a..b',
    '.a',
    'a.',
    'a.-b',
    'a:80',
    '*',
    'a.*.b',
    '*a.test',
    labelOf(64),
    nameOf(254),
    '[::1]',
    ...hostileTexts,
  ]

  describe.each(Object.entries(parsers))('%s', (_name, parse) => {
    test.each(good)('takes %j', (text) => expect(parse(text)).toMatchObject({ ok: true }))
    test.each(bad)('refuses %j', (text) => expect(parse(text)).toMatchObject({ ok: false, reason: expect.any(String) }))
  })

  test('say what is wrong with them', () => {
    expect(reasonOf(parseServerName(''))).toBe('is empty')
    expect(reasonOf(parseServerName(nameOf(254)))).toBe('is longer than 253 characters')
    expect(reasonOf(parseServerName(`${labelOf(64)}.test`))).toBe('has a label longer than 63 characters')
    expect(reasonOf(parseServerName('Shop.test'))).toMatch(/lower-case/)
  })
})

describe('hosts', () => {
  test('are a name, or a wildcard above one', () => {
    expect(parseHost('shop.test')).toEqual({ ok: true, value: { kind: 'exact', name: 'shop.test' } })
    expect(parseHost('*.shop.test')).toEqual({ ok: true, value: { kind: 'wildcard', parent: 'shop.test' } })
    expect(parseHost('*.test')).toEqual({ ok: true, value: { kind: 'wildcard', parent: 'test' } })
  })

  test.each(['*.', '*..test', '*.*.test', '*.A.test', '**.test', '*', '*.-a', '*.a;b'])('refuse %j', (text) =>
    expect(parseHost(text)).toMatchObject({ ok: false }),
  )
})

describe("Services' names", () => {
  test.each(['a', 'shop-1', '1shop', labelOf(63)])('take %j', (text) => expect(parseServiceName(text)).toEqual({ ok: true, value: text }))
  test.each(['a.b', 'A', '-a', 'a-', labelOf(64), ...hostileTexts])('refuse %j', (text) => expect(parseServiceName(text).ok).toBe(false))
})

describe('paths', () => {
  test.each([
    ['/', '/'],
    ['/cart', '/cart'],
    ['/cart/', '/cart/'],
    ['/Cart', '/Cart'],
    ['/a.b/..c/d..', '/a.b/..c/d..'],
    ['/...', '/...'],
    ['/a%20b', '/a b'],
    ['/a b', '/a b'],
    ['/caf%C3%A9', '/café'],
    ['/caf%c3%a9', '/café'],
    ['/日本', '/日本'],
    ['/%F0%9F%92%9A', '/💚'],
    ['/100%25', '/100%'],
    ['/a%252Fb', '/a%2Fb'],
    ['/%3F%23', '/?#'],
    ['/a;b{c}$d"e\'f\\g#h', '/a;b{c}$d"e\'f\\g#h'],
    [`/${labelOf(253)}`, `/${labelOf(253)}`],
    [`/${'%61'.repeat(253)}`, `/${labelOf(253)}`],
  ])('%j is %j', (text, path) => expect(parsePath(text)).toEqual({ ok: true, value: path }))

  test.each([
    ['', 'does not start with /'],
    ['cart', 'does not start with /'],
    [' /cart', 'does not start with /'],
    ['%2Fcart', 'does not start with /'],
    ['/a%2Fb', 'encoded slash'],
    ['/a%2fb', 'encoded slash'],
    ['/100%', 'percent sign'],
    ['/%zz', 'percent sign'],
    ['/%ff', 'percent sign'],
    ['/%C3', 'percent sign'],
    ['/a\nb', 'control character'],
    ['/a%0ab', 'control character'],
    ['/a%00', 'control character'],
    ['/%7f', 'control character'],
    ['/\ud800', 'well-formed'],
    ['//', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/.', '. or .. segment'],
    ['/a/../b', '. or .. segment'],
    ['/a/%2e%2E', '. or .. segment'],
    ['/a/./', '. or .. segment'],
    [`/${labelOf(254)}`, 'is longer than 254 bytes'],
    [`/${'é'.repeat(127)}`, 'is longer than 254 bytes'],
  ])('%j is refused: %s', (text, reason) => expect(reasonOf(parsePath(text))).toContain(reason))
})

describe('addresses', () => {
  test.each(['10.0.0.1', '127.0.0.1', '::1', 'fd00::1', '2001:DB8::1', '::ffff:10.0.0.1'])('take %j', (text) =>
    expect(parseIpAddress(text)).toEqual({ ok: true, value: text }),
  )
  test.each([
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1:80',
    '[::1]',
    'fe80::1%eth0',
    'localhost',
    '1',
    '0x7f.0.0.1',
    ':::',
    ...hostileTexts,
  ])('refuse %j', (text) => expect(parseIpAddress(text).ok).toBe(false))
})

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/08', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::/0', '::/0'],
  ])('%j is %j', (text, network) => expect(parseNetwork(text)).toEqual({ ok: true, value: network }))
  test.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '::ffff:10.0.0.0/104', ...hostileTexts])(
    'refuse %j',
    (text) => expect(parseNetwork(text).ok).toBe(false),
  )
})

describe('ports', () => {
  test.each([1, 80, 65535])('take %d', (port) => expect(parsePort(port)).toEqual({ ok: true, value: port }))
  test.each([0, -1, 65536, 80.5, Number.NaN, Number.POSITIVE_INFINITY])('refuse %d', (port) => expect(parsePort(port).ok).toBe(false))
})

describe('names of our own', () => {
  test.each(['a', '0f3b_cart_80', 'self-signed', 'a.b'])('take %j', (text) => expect(parseGeneratedName(text).ok).toBe(true))
  test.each(['.a', '-a', '_a', '..', 'a'.repeat(202), ...hostileTexts])('refuse %j', (text) =>
    expect(parseGeneratedName(text).ok).toBe(false),
  )
  test('that are none are a bug', () => {
    expect(mustParse(parseGeneratedName('echo'))).toBe('echo')
    expect(() => mustParse(parseGeneratedName('a b'))).toThrow('is not a generated name')
  })
})

describe('header names', () => {
  test.each(['X-Forwarded-For', 'a', 'X1'])('take %j', (text) => expect(parseHeaderName(text).ok).toBe(true))
  test.each(['1a', '-a', 'a_b', 'a:b', 'a.b', 'a'.repeat(102), ...hostileTexts])('refuse %j', (text) =>
    expect(parseHeaderName(text).ok).toBe(false),
  )
})
