import { describe, expect, test } from '@jest/globals'
import { parseHttpUrl, parseLocalPath, parseRewriteTarget, rewriteTargetText } from './redirect.ts'

describe('a URL', () => {
  test.each([
    'https://new.test',
    'http://new.test:8080/',
    'https://new.test/a/b?c=d&e=f#g',
    'https://new.test?x=1',
    'https://10.0.0.1/%20x',
    'https://[2001:db8::1]:443/',
    'https://NEW.test/a;b,(c)!*@x',
  ])('%s', (text) => {
    expect(parseHttpUrl(text)).toEqual({ ok: true, value: text })
  })

  test.each([
    'new.test',
    '//new.test',
    'javascript:alert(document.domain)',
    'ftp://new.test/',
    'https://',
    'https:///x',
    'https://user@new.test/',
    'https://ok.test$request_uri',
    'https://ok.test/$request_uri',
    'https://new.test:0/',
    'https://new.test:99999/',
    'https://new.test:8080:1/',
    'https://new.test\\@evil.test/',
    'https://new.test/x; } location / { return 418',
    'https://new.test/"; return 418; #',
    "https://new.test/'",
    'https://new.test/a b',
    'https://new.test/%zz',
    'https://new.test/\r\nSet-Cookie: a=b',
    'https://new.test/é',
    `https://new.test/${'a'.repeat(1000)}`,
  ])('%j is none', (text) => {
    expect(parseHttpUrl(text)).toMatchObject({ ok: false })
  })
})

describe('a path of the same host', () => {
  test.each(['/', '/app1', '/a/b?c=d#/e', '/%20'])('%s', (text) => {
    expect(parseLocalPath(text)).toEqual({ ok: true, value: text })
  })

  test.each(['', 'app1', '//evil.test', '/\\evil.test', '/$host', '/a b', '/x";return 418', 'https://new.test/'])('%j is none', (text) => {
    expect(parseLocalPath(text)).toMatchObject({ ok: false })
  })
})

describe('the target of a rewrite', () => {
  test.each([
    ['/', 'path'],
    ['/$2', 'path'],
    ['$1', 'path'],
    ['/a-b._~:c/$1/x$9', 'path'],
    ['/$10', 'path'],
    ['https://new.test/$1', 'url'],
    ['http://new.test', 'url'],
  ])('%s', (text, kind) => {
    const parsed = parseRewriteTarget(text)
    expect(parsed).toMatchObject({ ok: true, value: { kind } })
    expect(parsed.ok && rewriteTargetText(parsed.value)).toBe(text)
  })

  test.each([
    '/$1"; return 418; #',
    '/a b',
    '/$0',
    '/$',
    '/$request_uri',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
    '/${dollar}',
    '/../$1',
    '/a/./b',
    '/..$1',
    '/x?y=$1',
    '/x#y',
    'foo/$1',
    '.$1',
    'https://ok.test$1',
    'https://$1/x',
    'https://user@ok.test/$1',
    'ftp://ok.test/$1',
    '/a%20b',
    '/a\\b',
    '/a\nb',
    `/${'a'.repeat(1000)}`,
  ])('%j is none', (text) => {
    expect(parseRewriteTarget(text)).toMatchObject({ ok: false })
  })
})
