import { describe, expect, test } from '@jest/globals'
import { hostileTexts } from '../../test/support/hostile.ts'
import { parseStreamEntry, parseStreamPort } from './stream-entries.ts'

const NO_PROXY = { accepted: false, sent: false }

describe('a value', () => {
  test.each([
    ['shop/db:5432', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: NO_PROXY }],
    [' shop/db:5432\n', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: NO_PROXY }],
    ['shop/db:sql', { namespace: 'shop', service: 'db', port: 'sql', proxyProtocol: NO_PROXY }],
    ['shop/db:5432:', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: NO_PROXY }],
    ['shop/db:5432::', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: NO_PROXY }],
    ['shop/db:5432:PROXY', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: { accepted: true, sent: false } }],
    ['shop/db:5432:proxy:Proxy', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: { accepted: true, sent: true } }],
    ['shop/db:5432::PROXY', { namespace: 'shop', service: 'db', port: 5432, proxyProtocol: { accepted: false, sent: true } }],
  ])('%j is read', (text, value) => {
    expect(parseStreamEntry(text)).toEqual({ ok: true, value })
  })

  test.each([
    ['', 'names no namespace: "" is not a DNS label (a-z, 0-9 and -, 63 at most)'],
    ['db:5432', 'names no Service: "" is not a DNS label (a-z, 0-9 and -, 63 at most)'],
    ['shop/db', 'names no port of the Service: "" is neither a number nor the name of a port'],
    ['shop/db:0', 'names no port of the Service: "0" is not a port (1 to 65535)'],
    ['shop/db:65536', 'names no port of the Service: "65536" is not a port (1 to 65535)'],
    ['shop/db:-1', 'names no port of the Service: "-1" is neither a number nor the name of a port'],
    ['shop/db:5432:PROXYY', 'says "PROXYY" where only PROXY or nothing may stand'],
    ['shop/db:5432:PROXY:yes', 'says "yes" where only PROXY or nothing may stand'],
    ['shop/db:5432:PROXY:PROXY:PROXY', 'is not namespace/service:port[:PROXY[:PROXY]]'],
    ['shop.eu/db:5432', expect.stringContaining('names no namespace')],
    ['a/shop/db:5432', 'is not namespace/service:port[:PROXY[:PROXY]]'],
    ['shop/db.other:5432', 'names no Service: "db.other" is not a DNS label (a-z, 0-9 and -, 63 at most)'],
    ['Shop/db:5432', expect.stringContaining('names no namespace: "Shop" is not a DNS label')],
    ['shop/10.0.0.1:5432', expect.stringContaining('names no Service')],
    ['[::1]:80', expect.stringContaining('is not')],
    ['shop/db:5432;return 1', expect.stringContaining('names no port')],
    ['shop/db:sql\n; }', expect.stringContaining('names no port')],
  ])('%j is refused', (text, reason) => {
    expect(parseStreamEntry(text)).toEqual({ ok: false, reason })
  })

  test('no hostile text is one, nor makes one of another', () => {
    for (const text of hostileTexts) {
      expect([text, parseStreamEntry(text).ok]).toEqual([text, false])
      expect([text, parseStreamEntry(`shop/${text}:5432`).ok]).toEqual([text, isName(text)])
      expect([text, parseStreamEntry(`shop/db:5432:${text}`).ok]).toEqual([text, text.trim() === ''])
    }
  })
})

/** Words that mean something elsewhere and are names of a Service all the same. */
function isName(text: string): boolean {
  return /^[a-z0-9-]{1,63}$/.test(text) && !/^-|-$/.test(text)
}

describe('a key', () => {
  test.each(['1', '53', '9000', '65535'])('%s is a port', (text) => {
    expect(parseStreamPort(text)).toEqual({ ok: true, value: Number(text) })
  })

  test.each(['', '0', '65536', '99999', '-1', '+9000', '09000', '9e3', '9000.0', ' 9000', '9000 ', '9000;', '0x2328', 'http', '９０００'])(
    '%j is none',
    (text) => {
      expect(parseStreamPort(text)).toEqual({ ok: false, reason: 'is not a port (1 to 65535)' })
    },
  )

  test('nor is any hostile text', () => {
    expect(hostileTexts.filter((text) => parseStreamPort(text).ok)).toEqual([])
  })
})
