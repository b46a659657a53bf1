// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** The reader of nginx.conf that other tests judge by, against texts whose reading is known from NGINX itself. */
import { describe, expect, test } from '@jest/globals'
import { everyDirective, parseDirectives, shapeOf } from '../support/directive-tree.ts'

/** The arguments of the only directive of a text. */
function argsOf(text: string): readonly string[] {
  const [only, ...others] = parseDirectives(text)
  expect(others).toEqual([])
  return only?.args ?? []
}

describe('what NGINX makes of a token', () => {
  const readings: readonly (readonly [written: string, read: readonly string[]])[] = [
    ['return 200 a;', ['200', 'a']],
    ['return 200 "a b";', ['200', 'a b']],
    ["return 200 'a b';", ['200', 'a b']],
    ['return 200 "";', ['200', '']],
    ['return 200 a"b;', ['200', 'a"b']],
    ['return 200 "; } # {";', ['200', '; } # {']],
    ['return 200 "it\'s";', ['200', "it's"]],
    ['return 200 "a\\"b";', ['200', 'a"b']],
    ["return 200 'a\\'b';", ['200', "a'b"]],
    ['return 200 "a\\\\";', ['200', 'a\\']],
    ['return 200 "a\\tb\\r\\n";', ['200', 'a\tb\r\n']],
    ['return 200 "a\\$b\\d";', ['200', 'a\\$b\\d']],
    ['return 200 "a\nb";', ['200', 'a\nb']],
    ['return 200 a\\;b;', ['200', 'a\\;b']],
    ['return 200 ${x}y;', ['200', '${x}y']],
    ['return 200 a${x};', ['200', 'a${x}']],
    ['return 200 "${x}";', ['200', '${x}']],
    ['return 200 a#b;', ['200', 'a#b']],
    ['return 200 # } { "\n a;', ['200', 'a']],
    ['return\t200\r\n\r\n"é\u2028";', ['200', 'é\u2028']],
  ]
  test.each(readings)('%j is %j', (written, read) => {
    expect(argsOf(written)).toEqual(read)
  })
})

describe('what NGINX makes of blocks', () => {
  test('they nest, and an unquoted brace opens one even inside a word', () => {
    expect(shapeOf(parseDirectives('http { server { listen 80 ssl; } } user a;'))).toEqual([
      ['http', 0, [['server', 0, [['listen', 2]]]]],
      ['user', 1],
    ])
    expect(shapeOf(parseDirectives('location /a{2; }'))).toEqual([['location', 1, [['2', 0]]]])
  })

  test('a parenthesis may follow a closing quote', () => {
    const [condition] = parseDirectives('if ($a = "b") { return 1; }')
    expect(condition?.args).toEqual(['($a', '=', 'b', ')'])
  })

  test('every directive of a tree is found, parents first', () => {
    expect(everyDirective(parseDirectives('a { b { c; } d; } e;')).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})

describe('what NGINX refuses for its form', () => {
  test.each([
    ['a', 'unexpected end of file'],
    ['a "b;', 'unexpected end of file'],
    ['a {', 'unexpected end of file'],
    ['a \\;', 'unexpected end of file'],
    ['}', 'unexpected "}"'],
    ['a }', 'unexpected "}"'],
    [';', 'unexpected ";"'],
    ['{ }', 'unexpected "{"'],
    ['a "b"c;', 'unexpected "c"'],
    ['a "b"};', 'unexpected "}"'],
    [`a "${'x'.repeat(4096)}";`, 'too long parameter'],
    [`a "${'é'.repeat(2048)}";`, 'too long parameter'],
    [`# ${'x'.repeat(4096)}\na;`, 'too long parameter'],
  ])('%j', (text, reason) => {
    expect(() => parseDirectives(text)).toThrow(reason)
  })

  test('a token of 4095 bytes is the longest', () => {
    expect(argsOf(`a "${'x'.repeat(4095)}";`)).toEqual(['x'.repeat(4095)])
  })
})
