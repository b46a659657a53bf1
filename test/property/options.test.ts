/** Whatever stands in the controller's ConfigMap: nothing throws, and nothing gets into a configuration but what its keys mean. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { configMapKeys } from '../../src/options/keys.ts'
import { otherKeys } from '../../src/options/other-keys.ts'
import { type Configuration, configurationOf } from '../support/configuration.ts'
import { strangersIn } from '../support/configuration-shape.ts'
import { everyDirective, parseDirectives } from '../support/directive-tree.ts'
import { hostileText, hostileTexts } from '../support/hostile.ts'
import { CONFIG_MAP_KEY, endpointSlice, ingress, type Manifest, options, service } from '../support/objects.ts'

const RUNS = { numRuns: 200 }
const KEYS = Object.keys(configMapKeys.shape)
const flags = { configmap: CONFIG_MAP_KEY }
const shop: readonly Manifest[] = [
  ingress('shop').host('shop.test').prefix('/', 'shop').toManifest(),
  service('shop'),
  endpointSlice('shop', [{ address: '10.0.0.1' }], { port: 8080 }),
]

function withOptions(data: Readonly<Record<string, string>>): Configuration {
  return configurationOf([...shop, options(data)], { options: flags })
}

function rootOf({ configSet }: Configuration): string {
  return configSet.rootFile(1).replaceAll(configSet.hash, 'HASH')
}

/** Each directive of the root file, as its name and number of arguments; the words of lists are not counted. */
function shapesIn(root: string): ReadonlySet<string> {
  const lists = new Set(['ssl_protocols', 'proxy_next_upstream', 'grpc_next_upstream', 'gzip_types'])
  return new Set(everyDirective(parseDirectives(root)).map(({ name, args }) => (lists.has(name) ? name : `${name} ${args.length}`)))
}

/** Everything that options can bring into the root file. */
const known = new Set(
  [
    {},
    {
      'use-forwarded-headers': 'true',
      'use-proxy-protocol': 'true',
      'compute-full-forwarded-for': 'true',
      'use-gzip': 'true',
      'hide-headers': 'X-Powered-By',
      'whitelist-source-range': '10.0.0.0/8',
      'denylist-source-range': '10.0.0.0/8',
      'log-format-escape-json': 'true',
      'skip-access-log-urls': '/healthz',
      'ssl-ecdh-curve': 'X25519',
    },
    { 'disable-access-log': 'true' },
  ].flatMap((data) => [...shapesIn(rootOf(withOptions(data)))]),
)
/** Entries of maps: a URI that is not logged, a network that is believed. */
const ENTRY = /^(\\\/[!-~]*|[0-9a-f.:]+(\/\d+)?) 1$/

function expectNothingStrange(configuration: Configuration): void {
  expect(strangersIn(configuration.configSet)).toEqual([])
  expect([...shapesIn(rootOf(configuration))].filter((shape) => !known.has(shape) && !ENTRY.test(shape))).toEqual([])
  expect(configuration.issues.filter(({ message }) => /[\p{Cc}\p{Cf}\p{Cs}]/u.test(message) || message.length > 256)).toEqual([])
}

test('a hostile value of any key', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KEYS, ...Object.keys(otherKeys)), hostileText(), (key, text) => {
      expectNothingStrange(withOptions({ [key]: text }))
    }),
    RUNS,
  )
})

test('a value of many keys that is nearly right', () => {
  const words = fc.constantFrom('on', 'true', '1m', '10.0.0.0/8', 'TLSv1.3', '/a', 'text/plain', '$host', 'X-A', 'error', '4 8k', '301')
  const nearly = fc
    .tuple(words, fc.constantFrom('', ' ', ',', ';', '"', "'", '}', '{', '\\', '\n', '$', '#', '\t'), words)
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...KEYS), nearly), (data) => expectNothingStrange(withOptions(data))),
    RUNS,
  )
})

test('the whole corpus, as the value of all keys at once, and as keys', () => {
  for (const text of hostileTexts) expectNothingStrange(withOptions(Object.fromEntries(KEYS.map((key) => [key, text]))))
  expectNothingStrange(withOptions(Object.fromEntries(hostileTexts.map((text) => [text, text]))))
})
