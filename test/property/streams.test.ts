/** Whatever stands in the ConfigMaps of TCP and UDP services: nothing throws, others are served as before, and nothing gets into a configuration but services. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Configuration, configurationOf, freshMemos, serverTexts } from '../support/configuration.ts'
import { strangersIn } from '../support/configuration-shape.ts'
import { everyDirective, parseDirectives } from '../support/directive-tree.ts'
import { hostileText, hostileTexts } from '../support/hostile.ts'
import { configMap, ingress, type Manifest, options } from '../support/objects.ts'
import { STREAM_FLAGS, streamService } from '../support/stream-backends.ts'

const RUNS = { numRuns: 300 }
const GOOD = { '9000': 'shop/db:5432', '9001': 'shop/db:main:PROXY:PROXY' }
const ENDPOINT = { address: '10.0.0.1', port: 5432 }
const memos = freshMemos()
let before: Configuration

type Data = Readonly<Record<string, string>>

function served(tcp: Data, udp: Data = {}, others: readonly Manifest[] = []): Configuration {
  return configurationOf(
    [
      ingress('shop').created('2026-01-01T00:00:00Z').host('shop.test').prefix('/', 'missing').toManifest(),
      ...streamService('db', [ENDPOINT], 'TCP', 'shop'),
      ...streamService('dns', [ENDPOINT], 'UDP', 'shop'),
      configMap('tcp', tcp, 'nginx-ts'),
      configMap('udp', udp, 'nginx-ts'),
      ...others,
    ],
    { memos, options: { ...STREAM_FLAGS, configmap: 'nginx-ts/options' } },
  )
}

beforeAll(() => {
  before = served(GOOD)
})

/** The servers that listen, by their ports: nobody's but those of entries that were read. */
function portsIn({ configSet }: Configuration): readonly string[] {
  const file = configSet.files.find(({ path }) => path.startsWith('streams/'))
  const listens = everyDirective(parseDirectives(file?.text ?? '')).filter(({ name }) => name === 'listen')
  // Each stands there once more for IPv6.
  const onIpv4 = listens.filter(({ args: [address = ''] }) => !address.startsWith('['))
  return onIpv4.map(({ args }) => args.filter((word) => word === 'udp' || /^\d+$/.test(word)).join(' '))
}

/** The root file's directives, without what stands in them. */
function rootNames({ configSet }: Configuration): readonly string[] {
  return everyDirective(parseDirectives(configSet.rootFile(1))).map(({ name, args }) => `${name} ${args.length}`)
}

function expectUnharmed(configuration: Configuration, ports: readonly string[]): void {
  expect(serverTexts(configuration)).toEqual(serverTexts(before))
  expect(strangersIn(configuration.configSet)).toEqual([])
  expect(portsIn(configuration)).toEqual(ports)
  expect(rootNames(configuration)).toEqual(rootNames(before))
  expect(
    configuration.issues.filter(({ message, field = '' }) => /[\p{Cc}\p{Cf}\p{Cs}]/u.test(message + field) || message.length > 256),
  ).toEqual([])
}

describe('a hostile text costs nobody else anything', () => {
  test('as a value', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        expectUnharmed(served({ ...GOOD, '9002': text, '9003': `shop/db:5432:${text.trim() || 'x'}` }, { '53': text }), ['9000', '9001'])
      }),
      RUNS,
    )
  })

  test('in any part of a value', () => {
    const values = (text: string) => [`${text}/db:5432`, `shop/${text}:5432`, `shop/db:${text}`, `shop/db:5432:PROXY:${text.trim() || 'x'}`]
    fc.assert(
      fc.property(hostileText(), (text) => {
        const entries = Object.fromEntries(values(text).map((value, index) => [String(9010 + index), value]))
        expectUnharmed(served({ ...GOOD, ...entries }), ['9000', '9001'])
      }),
      RUNS,
    )
  })

  test('as a key', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        fc.pre(!/^\d+$/.test(text))
        expectUnharmed(served({ ...GOOD, [text]: 'shop/db:5432' }), ['9000', '9001'])
      }),
      RUNS,
    )
  })

  test('the whole corpus at once, as keys and as values', () => {
    const keys = Object.fromEntries(hostileTexts.filter((text) => !/^\d+$/.test(text)).map((text) => [text, 'shop/db:5432']))
    const values = Object.fromEntries(hostileTexts.map((text, index) => [String(20_000 + index), text]))
    expectUnharmed(served({ ...GOOD, ...keys, ...values }), ['9000', '9001'])
  })
})

test('numbers of all kinds as ports: one that is listened on is one that was asked for', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: -10, max: 70_000 }), fc.double()), fc.boolean(), (number, isUdp) => {
      const key = String(number)
      const entry = { [key]: isUdp ? 'shop/dns:5432' : 'shop/db:5432' }
      const isPort = Number.isInteger(number) && number >= 1 && number <= 65_535 && (isUdp || (number !== 80 && number !== 443))
      expect(portsIn(served(isUdp ? {} : entry, isUdp ? entry : {}))).toEqual(isPort ? [isUdp ? `${key} udp` : key] : [])
    }),
    RUNS,
  )
})

test('a hostile value of any of the options for them', () => {
  const keys = [
    'proxy-stream-timeout',
    'proxy-stream-next-upstream',
    'proxy-stream-next-upstream-timeout',
    'proxy-stream-next-upstream-tries',
  ]
  const others = ['proxy-stream-responses', 'proxy-protocol-header-timeout', 'log-format-stream', 'disable-stream-access-log']
  fc.assert(
    fc.property(fc.constantFrom(...keys, ...others), hostileText(), (key, text) => {
      const configuration = served(GOOD, {}, [options({ [key]: text })])
      expect(strangersIn(configuration.configSet)).toEqual([])
      expect(portsIn(configuration)).toEqual(['9000', '9001'])
      // Which has a word less where nothing is logged.
      const others = (names: readonly string[]) => names.filter((name) => !name.startsWith('access_log'))
      expect(others(rootNames(configuration))).toEqual(others(rootNames(before)))
    }),
    RUNS,
  )
})
