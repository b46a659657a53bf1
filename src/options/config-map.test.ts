import { describe, expect, test } from '@jest/globals'
import { CONFIG_MAP, CONFIG_MAP_KEY, options as configMap } from '../../test/support/objects.ts'
import { put, storeOf } from '../../test/support/state.ts'
import { nearest } from '../model/nearest.ts'
import { createOptionsReader, type Options, parseOptions, type ReadOptions } from '../options.ts'
import { configMapKeys } from './keys.ts'
import { otherKeys } from './other-keys.ts'

const FLAGS = parseOptions({ configmap: CONFIG_MAP_KEY })

function read(data: Readonly<Record<string, string>>, flags: Options = FLAGS): ReadOptions {
  return createOptionsReader(flags)(storeOf(configMap(data)).snapshot())
}

function told({ issues }: ReadOptions): readonly string[] {
  return issues.map(({ code, field, message }) => `${code} ${field}: ${message}`)
}

test('every default is a value of its own key, and no key is listed twice', () => {
  expect(Object.keys(configMapKeys.parse({})).sort()).toEqual(Object.keys(configMapKeys.shape).sort())
  expect(Object.keys(otherKeys).filter((key) => Object.hasOwn(configMapKeys.shape, key))).toEqual([])
})

describe('a value', () => {
  test.each([
    ['proxy-body-size', '0', 'proxyBodySize', 0],
    ['proxy-body-size', '8m', 'proxyBodySize', 8 * 1024 * 1024],
    ['proxy-body-size', '1G', 'proxyBodySize', 1024 ** 3],
    ['proxy-body-size', ' 10 ', 'proxyBodySize', 10],
    ['proxy-read-timeout', '3600', 'proxyReadTimeout', 3600],
    ['worker-shutdown-timeout', '10m', 'workerShutdownTimeout', 600],
    ['ssl-session-timeout', '1d', 'sslSessionTimeout', 86_400],
    ['large-client-header-buffers', '8 16k', 'largeClientHeaderBuffers', { number: 8, size: 16_384 }],
    ['ssl-redirect', 'False', 'sslRedirect', false],
    ['proxy-buffering', 'on', 'proxyBuffering', true],
    ['worker-processes', 'auto', 'workerProcesses', undefined],
    ['worker-processes', '3', 'workerProcesses', 3],
    ['http-redirect-code', '301', 'httpRedirectCode', 301],
    ['hide-headers', 'Server, X-Powered-By,', 'hideHeaders', ['Server', 'X-Powered-By']],
    ['ssl-ecdh-curve', 'X25519:prime256v1', 'sslEcdhCurve', ['X25519', 'prime256v1']],
    ['ssl-ecdh-curve', 'auto', 'sslEcdhCurve', undefined],
    ['whitelist-source-range', '10.0.0.0/8, 2001:db8::/32,192.0.2.1', 'whitelistSourceRange', ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']],
    ['whitelist-source-range', '', 'whitelistSourceRange', undefined],
  ] as const)('%s: %j is read', (key, value, option, expected) => {
    const found = read({ [key]: value })
    expect(found.options[option]).toEqual(expected)
    expect(found.issues).toEqual([])
  })

  test.each([
    ['proxy-body-size', '-1'],
    ['proxy-body-size', '1 m'],
    ['proxy-body-size', '1e3'],
    ['proxy-body-size', '99999999g'],
    ['proxy-body-size', '1m; return 418'],
    ['proxy-read-timeout', '60s'],
    ['proxy-read-timeout', '0'],
    ['proxy-read-timeout', ''],
    ['proxy-read-timeout', '99999999999'],
    ['proxy-buffer-size', '1'],
    ['proxy-buffers-number', '2'],
    ['large-client-header-buffers', '4'],
    ['large-client-header-buffers', '4 8k 1'],
    ['large-client-header-buffers', '4 10'],
    ['ssl-redirect', 'yes'],
    ['ssl-redirect', 'on'],
    ['proxy-buffering', 'true'],
    ['ssl-protocols', 'TLSv1 TLSv1.2'],
    ['ssl-protocols', ''],
    ['ssl-ciphers', 'HIGH:!aNULL'],
    ['ssl-ciphers', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ['ssl-ciphers', 'AES128-SHA'],
    ['ssl-ecdh-curve', 'X25519:brainpoolP256r1'],
    ['http-redirect-code', '418'],
    ['hide-headers', 'Server;'],
    ['hide-headers', 'x'.repeat(41)],
    ['gzip-types', 'text/plain; return'],
    ['gzip-types', `text/${'x'.repeat(40)}`],
    ['forwarded-for-header', 'X-Real_IP'],
    ['forwarded-for-header', 'proxy_protocol'],
    ['proxy-next-upstream', 'error never'],
    ['skip-access-log-urls', '~^/health'],
    ['log-format-upstream', '$remote_addr $nothing'],
    ['log-format-upstream', '100$'],
    ['log-format-upstream', '$http_authorization'],
    ['load-balance', 'ip_hash'],
  ] as const)('%s: %j is refused, and the default holds', (key, value) => {
    const found = read({ [key]: value })
    expect(found.options).toEqual({ ...FLAGS })
    expect(told(found)).toEqual([expect.stringMatching(new RegExp(`^invalid-option data\\.${key}: .*; its default holds$`))])
    expect(found.issues[0]?.object).toEqual({ kind: 'ConfigMap', ...CONFIG_MAP })
  })
})

describe('what keeps people out never fails open', () => {
  test('an allow list that cannot be read lets nobody in', () => {
    const found = read({ 'whitelist-source-range': '10.0.0.0/8,10.0.0.300' })
    expect(found.options.whitelistSourceRange).toEqual([])
    expect(told(found)).toEqual([expect.stringContaining('nobody is let in until it is mended')])
  })

  test.each(['denylist-source-range', 'block-cidrs'])('a %s that cannot be read keeps everybody out', (key) => {
    const { options } = read({ [key]: 'x' })
    expect(key === 'block-cidrs' ? options.blockCidrs : options.denylistSourceRange).toEqual(['0.0.0.0/0', '::/0'])
  })

  test.each(['10.0.0.0/33', 'unix:', 'example.test', '10.0.0.0/8,*'])(
    'a list of proxies that cannot be read believes none: %s',
    (networks) => {
      const found = read({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': networks })
      expect(found.options.proxyRealIpCidr).toEqual([])
      expect(told(found)).toEqual([expect.stringContaining('no proxy is believed until it is mended')])
    },
  )

  test.each(Object.entries(otherKeys).filter(([, { protects }]) => protects))('%s, which is not there yet, leaves no route bare', (key) => {
    expect(read({ [key]: 'true' }).options.lacksProtection).toBe(true)
    expect(told(read({ [key]: 'true' }))).toEqual([expect.stringContaining('all requests get 503 rather than pass unchecked')])
    expect(read({ [key]: '' }).options.lacksProtection).toBe(false)
  })
})

describe('a key', () => {
  test('that nobody knows is told, with the one that may be meant', () => {
    expect(told(read({ 'proxy-bodysize': '1m', 'proxy-buffers': '8', zzzzzzzz: '', __proto__x: '1', constructor: '1' }))).toEqual([
      'unknown-option data.proxy-bodysize: is no key that is known, proxy-body-size is; it has no effect',
      'unknown-option data.proxy-buffers: is no key that is known, proxy-buffers-number is; it has no effect',
      'unknown-option data.zzzzzzzz: is no key that is known; it has no effect',
      'unknown-option data.__proto__x: is no key that is known; it has no effect',
      'unknown-option data.constructor: is no key that is known; it has no effect',
    ])
  })

  test('of ingress-nginx that has no effect says why, unless it asks for nothing', () => {
    expect(
      told(read({ 'custom-http-errors': '404', 'http-snippet': 'x', 'reuse-port': 'true', 'allow-snippet-annotations': 'false' })),
    ).toEqual([
      'option-not-supported data.custom-http-errors: has no effect yet: waits for error pages',
      'option-not-supported data.http-snippet: is refused: text goes into the configuration through parsers only',
    ])
  })

  test('that believes everybody is warned of, until it says whom', () => {
    expect(read({ 'use-forwarded-headers': 'true' }).issues.map(({ code }) => code)).toEqual(['unsafe-option'])
    expect(read({ 'enable-real-ip': 'true', 'proxy-real-ip-cidr': '::/0' }).issues.map(({ code }) => code)).toEqual(['unsafe-option'])
    expect(read({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '10.0.0.0/8' }).issues).toEqual([])
    expect(read({ 'proxy-real-ip-cidr': '0.0.0.0/0' }).issues).toEqual([])
  })
})

describe('the ConfigMap that --configmap names', () => {
  test('is followed: made, changed, taken away', () => {
    const store = storeOf()
    const reader = createOptionsReader(FLAGS)
    expect(reader(store.snapshot()).issues.map(({ code }) => code)).toEqual(['configmap-not-found'])
    put(store, configMap({ 'proxy-read-timeout': '5' }))
    expect(reader(store.snapshot())).toMatchObject({ options: { proxyReadTimeout: 5 }, issues: [] })
    put(store, configMap({ 'proxy-read-timeout': '6' }))
    expect(reader(store.snapshot()).options.proxyReadTimeout).toBe(6)
    store.delete('ConfigMap', CONFIG_MAP_KEY)
    expect(reader(store.snapshot()).options.proxyReadTimeout).toBe(60)
  })

  test('gives the very same options as long as it is the same', () => {
    const store = storeOf(configMap({ 'proxy-read-timeout': '5' }))
    const reader = createOptionsReader(FLAGS)
    const first = reader(store.snapshot()).options
    put(store, configMap({ 'proxy-read-timeout': '5' }))
    expect(reader(store.snapshot()).options).toBe(first)
    store.delete('ConfigMap', CONFIG_MAP_KEY)
    expect(reader(store.snapshot()).options).toBe(reader(store.snapshot()).options)
  })

  test('comes before a flag of the same meaning', () => {
    const flags = parseOptions({ configmap: FLAGS.configmap && CONFIG_MAP_KEY, proxyBodySize: 5 })
    expect(read({}, flags).options.proxyBodySize).toBe(5)
    expect(read({ 'proxy-body-size': '6' }, flags).options.proxyBodySize).toBe(6)
  })

  test('without the flag is not read', () => {
    expect(read({ 'proxy-read-timeout': '5' }, parseOptions({})).options.proxyReadTimeout).toBe(60)
  })
})

test.each([
  ['proxy-body-sizes', 'proxy-body-size'],
  ['ssl_redirect', 'ssl-redirect'],
  ['forwarded-headers', 'use-forwarded-headers'],
  ['x', undefined],
])('the nearest of %s is %s', (word, expected) => {
  expect(nearest(word, Object.keys(configMapKeys.shape))).toBe(expected)
})
