import { describe, expect, test } from '@jest/globals'
import { escapePattern, parsePattern, patternOfPath } from './pattern.ts'

/** Of paths that people have written for ingress-nginx. */
const GOOD: readonly (readonly [text: string, captures: number, beginning: string])[] = [
  ['/', 0, '/'],
  ['/foo', 0, '/foo'],
  ['/something(/|$)(.*)', 2, '/something'],
  ['/api/?(.*)', 1, '/api'],
  ['/v[0-9]+/users/\\d{1,3}', 0, '/v'],
  ['/(?!api|static).*', 0, '/'],
  ['/(?i)shop', 0, '/'],
  ['/(?:a|b)/([^/]+)/(.+)$', 2, '/'],
  ['/.well-known/acme-challenge/x', 0, '/'],
  ['/file\\.(?:png|jpe?g)$', 0, '/file.'],
  ['/a+b', 0, '/a'],
  ['/ab*c', 0, '/a'],
  ['/ab{0,1}', 0, '/a'],
  ['/a|/b', 0, '/'],
  ['/[\\w.-]+/[a-z0-9_-]*?', 0, '/'],
  ['/((x|y)z)', 2, '/'],
  ['/(?:/[^/]+){2}', 0, '/'],
  ['/x[.]y[:-]', 0, '/x'],
  ['/([^/]+)/([^/]+)/([^/]+)/([^/]+)(/.*)?$', 5, '/'],
  ['/(.*)/(.*)/(.*)', 3, '/'],
  ['/a/(.*)\\.(?:js|css|png|svg|ico|woff2?)$', 1, '/a/'],
  ['/(?:[a-z]+-){2}[0-9]+', 0, '/'],
  ['/grüße/.*', 0, '/grüße/'],
  ['/with space', 0, '/with space'],
]

test.each(GOOD)('%s is read', (text, captures, beginning) => {
  expect(parsePattern(text)).toMatchObject({ ok: true, value: { text, captures, beginning } })
})

describe('refused', () => {
  test.each([
    ['/(unclosed', 'has a ( that is not closed'],
    ['/closed)', 'has a ) that closes nothing'],
    ['/[a-z', 'has a [ that is not closed'],
    ['/[]', 'has an empty class []'],
    ['/[z-a]', 'has a range in a class'],
    ['/[\\w-z]', 'has a - in a class that could be a range'],
    ['/[[:alpha:]]', 'has a class within a class'],
    ['/[:a:]', 'has a class within a class'],
    ['/x]', 'has a ] that closes nothing'],
    ['/{id}', 'has a { that begins no quantifier'],
    ['/a{2', 'has a { that begins no quantifier'],
    ['/a{3,2}', 'has a quantifier that is not within'],
    ['/a{999}', 'has a quantifier that is not within'],
    ['/a**', 'has two quantifiers in a row'],
    ['/(*COMMIT)a', 'has a verb (*…)'],
    ['/^*', 'has a quantifier after something'],
    ['/(|*)', 'has a quantifier after nothing'],
    ['/tail\\', 'ends too early'],
    ['/a\\Qb', 'has \\Q'],
    ['/(a)\\1', 'has \\1'],
    ['/\\x41', 'has \\x'],
    ['/(?<shared_upstream>.*)', 'has a group (?<…)'],
    ["/(?'name'x)", "has a group (?'…)"],
    ['/(?P<http_host>x)', 'has a group (?P…)'],
    ['/(?<=x)y', 'has a group (?<…)'],
    ['/a(?C1)b', 'has a group (?C…)'],
    ['/(?R)', 'has a group (?R…)'],
    ['/(?1)', 'has a group (?1…)'],
    ['/(?(1)a|b)', 'has a group (?(…)'],
    ['/(?>a)', 'has a group (?>…)'],
    ['/(?#x)', 'has a group (?#…)'],
    ['/(?s)x', 'has a group (?s…)'],
    ['/(a+)+$', 'repeats without limit a group'],
    ['/(a|a)*$', 'repeats without limit a group'],
    ['/(a?){2,}$', 'repeats without limit a group'],
    ['/(?:(?:a+){2})+', 'repeats without limit a group'],
    ['/(a?){30}a{30}', 'has too many alternatives'],
    [`/${'[a-c]+x'.repeat(13)}`, 'has more than 12 repetitions without limit'],
    ['/.*.*.*x', 'may end in too many places'],
    ['/(.*)a(.*)b(.*)c', 'may end in too many places'],
    ['/[a-z]*[A-Z]*[\\w]*[0-9]', 'may end in too many places'],
    ['/(?:x[^/]*|y)?z.*a.*b', 'may end in too many places'],
    ['/.*(?=.*x)(?=.*y).*z.*q', 'may end in too many places'],
    ['/(?:a{255}){255}', 'repeats too much'],
    [`/${'('.repeat(11)}a${')'.repeat(11)}`, 'has groups within groups'],
    [`/${'(a)'.repeat(21)}`, 'has more than 20 groups that capture'],
    [`/${'a'.repeat(1000)}`, 'is longer than 1000 bytes'],
    ['/ä+', 'has a quantifier after something'],
    ['/[ä]', 'has a character beyond ASCII in a class'],
    ['/a\nb', 'has a control character'],
    ['/\ud800', 'is not well-formed Unicode'],
    ['foo', 'does not start with /'],
    ['', 'does not start with /'],
  ])('%s: %s', (text, reason) => {
    expect(parsePattern(text)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) })
  })
})

test('what a path has percent-encoded stands for itself', () => {
  expect(patternOfPath('/a%20b(%28|%2E)')).toMatchObject({ ok: true, value: { text: '/a b(\\(|\\.)' } })
  expect(patternOfPath('/%zz')).toMatchObject({ ok: true })
  expect(patternOfPath('/%ff')).toMatchObject({ ok: false })
})

test('nested captures are known', () => {
  expect(parsePattern('/(a(b))')).toMatchObject({ value: { hasNestedCaptures: true } })
  expect(parsePattern('/(?:a(b))(c)')).toMatchObject({ value: { hasNestedCaptures: false } })
})

test('an escaped text is read, whatever it has', () => {
  const text = '/\\^$.|?*+()[]{}-~!"#%&\',:;<=>@_`'
  expect(parsePattern(escapePattern(text))).toMatchObject({ ok: true, value: { captures: 0, beginning: text } })
})
