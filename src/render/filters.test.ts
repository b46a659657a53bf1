// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
import { describe, expect, test } from '@jest/globals'
import type { HostMatch } from '../model/model.ts'
import { filters } from './filters.ts'

type Filter = keyof typeof filters

describe('what each filter writes', () => {
  const written: readonly (readonly [Filter, unknown, string])[] = [
    ['literal', '', '""'],
    ['certificateKey', 'news.test', '"\\\\news.test"'],
    ['routedHostKey', 'news.test', '"\\\\news.test|news.test"'],
    ['literal', 'a b;{}#$', '"a b;{}#$"'],
    ['literal', 'a"b\\c', '"a\\"b\\\\c"'],
    ['literal', "it's", `"it's"`],
    ['interpolated', 'cost $5', '"cost ${dollar}5"'],
    ['interpolated', '${x}', '"${dollar}{x}"'],
    ['interpolated', '\\$', '"\\\\${dollar}"'],
    ['realm', '', '""'],
    ['realm', 'a "b" \\ $c', '"a \\\\\\"b\\\\\\" \\\\\\\\ ${dollar}c"'],
    ['serverName', { kind: 'any' }, '_'],
    ['serverName', { kind: 'exact', name: 'shop.test' }, '"shop.test"'],
    ['integer', 0, '0'],
    ['integer', 1048576, '1048576'],
    ['seconds', 60, '60s'],
    ['keyword', 'proxy', 'proxy'],
    ['indentation', '    ', '    '],
    ['generatedName', '0a_web_80', '0a_web_80'],
    ['generatedPath', 'servers/0a.conf', 'servers/0a.conf'],
    ['headerName', 'X-Real-IP', 'X-Real-IP'],
    ['listenAddress', '8080', '8080'],
    ['listenAddress', '[::]:8080', '[::]:8080'],
    ['unixAddress', '/run/a b.sock', '"unix:/run/a b.sock"'],
    ['endpointAddress', { kind: 'tcp', address: '10.0.0.1', port: 80 }, '10.0.0.1:80'],
    ['endpointAddress', { kind: 'tcp', address: 'fd00::1', port: 80 }, '[fd00::1]:80'],
    ['endpointAddress', { kind: 'unix', path: '/run/echo.sock' }, '"unix:/run/echo.sock"'],
    ['portSuffix', 443, ''],
    ['portSuffix', 8443, ':8443'],
    ['owner', { namespace: 'shop', ingress: 'web.v2' }, 'shop/web.v2'],
    ['percent', '12.50', '12.50%'],
    ['hexadecimal', '00ff.12', '00ff.12'],
    ['blockKey', { kind: 'default' }, 'default'],
    ['blockKey', { kind: 'empty' }, '""'],
    ['blockKey', { kind: 'exact', value: 'include' }, '"~^include$"'],
    ['blockKey', { kind: 'exact', value: 'a.b"c' }, '"~^a\\\\.b\\\\\\"c$"'],
    ['blockKey', { kind: 'pattern', pattern: '^v[3-9]"' }, '"~^v[3-9]\\""'],
    ['blockKey', { kind: 'cookie', name: 'my-canary', value: 'always' }, '"~(?:^|; *)my\\\\-canary=always(?:;|$)"'],
    ['blockKey', { kind: 'ours', pattern: '^[anw]{2}(a|wa)' }, '"~^[anw]{2}(a|wa)"'],
    [
      'variableText',
      [
        { kind: 'text', text: 'cost $' },
        { kind: 'variable', name: 'uri' },
      ],
      '"cost ${dollar}${uri}"',
    ],
  ]
  test.each(written)('%s of %j is %s', (filter, value, text) => {
    expect(filters[filter](value)).toBe(text)
  })
})

describe('what each filter refuses', () => {
  const refused: readonly (readonly [Filter, unknown])[] = [
    ['literal', undefined],
    ['literal', null],
    ['literal', 5],
    ['literal', ['a']],
    ['literal', new String('a')],
    ['literal', 'a\nb'],
    ['literal', 'a\u0000b'],
    ['literal', 'a\u007fb'],
    ['literal', 'a\ud800b'],
    ['literal', '"'.repeat(2046)],
    ['literal', 'é'.repeat(2046)],
    ['interpolated', '$'.repeat(455)],
    ['interpolated', undefined],
    ['realm', 'off'],
    ['realm', 'a\nb'],
    ['serverName', { kind: 'exact', name: '~^.*$' }],
    ['serverName', { kind: 'exact', name: '*.shop.test' }],
    ['serverName', { kind: 'exact', name: 'SHOP.test' }],
    ['serverName', { kind: 'wildcard', parent: 'a|b' }],
    ['serverName', { kind: 'wildcard', parent: '' }],
    ['serverName', undefined],
    ['certificateKey', 'default;'],
    ['certificateKey', ''],
    ['locationModifier', '=~'],
    ['locationModifier', ''],
    ['locationModifier', undefined],
    ['integer', '5'],
    ['integer', -1],
    ['integer', 1.5],
    ['integer', Number.NaN],
    ['integer', 1e21],
    ['integer', Number.POSITIVE_INFINITY],
    ['integer', [5]],
    ['seconds', undefined],
    ['keyword', 'proxy;'],
    ['keyword', ''],
    ['indentation', '\n'],
    ['generatedName', '../x'],
    ['generatedName', 'a b'],
    ['generatedName', ''],
    ['generatedPath', '../x'],
    ['generatedPath', '/etc/passwd'],
    ['generatedPath', 'a//b'],
    ['headerName', 'X-A: b'],
    ['headerName', 'X_A'],
    ['headerName', ''],
    ['listenAddress', '8080 ssl'],
    ['listenAddress', 'unix:/x'],
    ['listenAddress', 8080],
    ['unixAddress', '/run/a\nb'],
    ['endpointAddress', { kind: 'tcp', address: 'localhost', port: 80 }],
    ['endpointAddress', { kind: 'tcp', address: '10.0.0.1;', port: 80 }],
    ['endpointAddress', { kind: 'tcp', address: '10.0.0.1', port: 0 }],
    ['endpointAddress', { kind: 'tcp', address: 'fe80::1%eth0', port: 80 }],
    ['endpointAddress', undefined],
    ['portSuffix', '443'],
    ['owner', { namespace: 'a\nb', ingress: 'c' }],
    ['owner', { namespace: 'a', ingress: 'c/d' }],
    ['owner', { namespace: 'a' }],
    ['percent', '0.00'],
    ['percent', '100.00'],
    ['percent', 20],
    ['hexadecimal', 'x'],
    ['hexadecimal', 'a.b.c'],
    ['blockKey', { kind: 'include' }],
    ['blockKey', { kind: 'exact', value: 'a\nb' }],
    ['blockKey', { kind: 'pattern', pattern: '(a+)+' }],
    ['blockKey', { kind: 'cookie', name: 'a=b', value: 'always' }],
    ['blockKey', { kind: 'cookie', name: 'a', value: 'b;' }],
    ['blockKey', { kind: 'session', cookie: 'a b', place: 1 }],
    ['blockKey', { kind: 'session', cookie: 'a', place: '1' }],
    ['blockKey', { kind: 'kept', cookie: 'a', group: 'abcdef', digits: '1}' }],
    ['blockKey', { kind: 'ours', pattern: '^a" 1; #' }],
    ['variableText', [{ kind: 'variable', name: 'a;b' }]],
    ['variableText', [{ kind: 'text', text: 'a\nb' }]],
  ]
  test.each(refused)('%s of %j', (filter, value) => {
    expect(() => filters[filter](value)).toThrow()
  })
})

describe('a wildcard is one label, as a pattern anchored at both ends', () => {
  const host = { kind: 'wildcard', parent: 'a-b.test' } as HostMatch

  test.each([
    ['serverName', filters.serverName(host)],
    ['certificateKey', filters.certificateKey('*.a-b.test')],
  ])('%s', (_, token) => {
    const [, pattern = ''] = /^"~\*?(.*)"$/.exec(token) ?? []
    const matcher = new RegExp(pattern)
    for (const name of ['x.a-b.test', 'x-y.a-b.test']) expect(name).toMatch(matcher)
    for (const name of ['a-b.test', '.a-b.test', 'x.y.a-b.test', 'x.a-bxtest', 'x.a-b.test.evil.test', 'evil-a-b.test'])
      expect(name).not.toMatch(matcher)
  })
})

test.each(['include', 'default', 'hostnames', 'volatile'])('%s, which means something to a map, is a key like others', (word) => {
  expect(filters.certificateKey(word)).toBe(`"\\\\${word}"`)
})
