// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** Texts that have broken proxies, parsers, templates, logs or terminals, for the fields of manifests. */
import fc from 'fast-check'

/** Ends of a token, a block or a comment. */
const BREAKOUTS = [
  '/x" { return 418; } location "/y',
  "/x' { return 418; } location '/y",
  '/x { alias /var/run/secrets/; } location /y',
  '/x;}}http{server{listen 1;}}',
  '"; return 418; #',
  '"\n;load_module /tmp/a.so;"',
  '/x { perl "sub { system(1) }"; } location /y',
  '# } } return 418;',
  '/a;b{c}d#e',
  '}',
  '{',
  ';',
  '"',
  "'",
  '/quote"s',
  "/apostrophe's",
  '\\',
  '\\\\',
  '/x\\',
  '/x\\"',
  '/x\\\\"; return 418; #',
  '/a\\tb\\r\\nSet-Cookie: z=1',
  '/x ssl_engine dynamic',
  'x;include /etc/passwd;',
]

/** Control and format characters, and what is no character at all. */
const INVISIBLE = [
  '/x\nreturn 418;',
  '/x\nalias /var/run/secrets/;\n#',
  '/x\rreturn 418;',
  '/x\r\nX-Smuggled: 1',
  '/x\u0000y',
  '/a\tb',
  '/x\u0008\u001b[2Jy',
  '/x\u007fy',
  '/x\u0085y',
  '/x\u009b31my',
  '/x\u2028alias /etc/;',
  '/x\u2029y',
  '/x\u202egnp.exe\u2066',
  '/zero\u200bwidth\ufeff',
  '/lone\ud800high',
  '/lone\udc00low',
  '\ud83d',
  '/\u{10ffff}\ufffe',
  '/e\u0301 /\u00e9',
  '\u{e0041}\u{e0042}',
]

/** Variables, modifiers, patterns and names that mean something special to NGINX. */
const SPECIAL = [
  '$',
  '/a$b',
  '$host',
  '/$request_uri',
  '/${dollar}',
  '${',
  '/$1$2',
  '/cost\\$5',
  '~^.*$',
  '~*',
  '^~/x',
  '= /x',
  '@named',
  '"~^(?<http_host>.*)$"',
  '/(a+)+$',
  '/a{2}$',
  '/(unclosed',
  '/[a-z',
  '*',
  '**.b.test',
  'a.*.b.test',
  '.victim.test',
  '_',
  'default',
  'include',
  'hostnames',
  'volatile',
  'off',
  'unix:/var/run/docker.sock',
  'unix:/x:/y',
  '127.0.0.1:8080/admin',
  '[::1',
  '::ffff:169.254.169.254',
  'fe80::1%eth0',
  'http://169.254.169.254/latest/meta-data',
  'user@b.test',
  'victim.test.',
  'vict\u0456m.test',
  'victim\uff0etest',
  'b\u00fccher.test',
  'xn--bcher-kva.test',
  '2130706433',
  'localhost',
  'kubernetes.default.svc',
  '/nginx_status',
  '/generation',
  '/stub_status',
  '/.well-known/acme-challenge/x',
]

/** Paths that two readers may read differently. */
const PATHS = [
  '/a%2Fb',
  '/a%5cb',
  '/a%00b',
  '/a%0ab',
  '/%',
  '/%zz',
  '/100%25',
  '/a/../../etc',
  '/a/./b',
  '//',
  '/a//b',
  '/..;/',
  '/a b',
  '/?q=1',
  '/a%3fb#c',
]

/** What a template engine, a prototype or a number would make something of. */
const LANGUAGE = [
  '{{ 7 * 7 }}',
  '{% include "nginx.conf.njk" %}',
  '{# x',
  '/{{ range.constructor("return 1")() }}',
  '%}{{',
  '${process.exit(1)}',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'NaN',
  '1e21',
  '-1',
  '0',
  '',
  ' ',
  '/',
  '../../etc/passwd',
  '../',
  'null',
  'undefined',
  '[object Object]',
  'a,b',
  '<script>alert(1)</script>',
  "'; DROP TABLE hosts; --",
]

const LONG = [
  `/${'a'.repeat(253)}`,
  `/${'a'.repeat(4090)}`,
  `/${'"\\'.repeat(1500)}`,
  `${'a'.repeat(63)}.test`,
  `${'a'.repeat(64)}.test`,
  'é'.repeat(300),
  'x'.repeat(100_000),
]

export const hostileTexts: readonly string[] = [...BREAKOUTS, ...INVISIBLE, ...SPECIAL, ...PATHS, ...LANGUAGE, ...LONG]

/** A hostile text: one of the corpus, two of them joined, a path made of one, or anything at all down to lone surrogates. */
export function hostileText(): fc.Arbitrary<string> {
  const known = fc.constantFrom(...hostileTexts)
  return fc.oneof(
    { weight: 4, arbitrary: known },
    { weight: 2, arbitrary: fc.tuple(known, known).map(([a, b]) => a + b) },
    { weight: 2, arbitrary: known.map((text) => `/${text}`) },
    { weight: 3, arbitrary: anyText() },
    { weight: 2, arbitrary: anyText().map((text) => `/${text}`) },
  )
}

/** Any string of UTF-16 units, rich in the characters that nginx.conf gives a meaning to. */
export function anyText(): fc.Arbitrary<string> {
  const unit = fc.oneof(
    fc.constantFrom(...' \t\r\n;{}#"\'\\$()~^*%/'),
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  )
  return fc.string({ unit, maxLength: 40 })
}
