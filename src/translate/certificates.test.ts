import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { type Authority, createAuthority, encryptKey, type IssuedCertificate, traditionalKey } from '../../test/support/certificates.ts'
import type { Secret } from '../cluster/objects.ts'
import { readCertificate } from './certificates.ts'

function secret(data: Record<string, string>, name = 'shop-tls', namespace = 'default'): Secret {
  const meta = { namespace, name, uid: undefined, createdAt: undefined, annotations: {}, labels: {} }
  return { kind: 'Secret', ...meta, type: 'kubernetes.io/tls', data }
}

function read(crt: string, key: string) {
  return readCertificate(secret({ 'tls.crt': crt, 'tls.key': key }))
}

/** The PEM that NGINX would be given; fails the test where there is none. */
function pemOf(crt: string, key: string): string {
  const parsed = read(crt, key)
  if (!parsed.ok) throw new Error(`the Secret ${parsed.reason}`)
  return parsed.value.keyPair.pem
}

let root: Authority
let shop: IssuedCertificate
let rsa: IssuedCertificate
let other: IssuedCertificate

beforeAll(async () => {
  root = await createAuthority()
  shop = await root.issue(['shop.test'])
  rsa = await root.issue(['shop.test'], { key: 'rsa-2048' })
  other = await root.issue(['shop.test'], { keyNumber: 1 })
})

describe('a usable Secret', () => {
  test('gives the leaf, the chain in its order and the key, in one PEM text', async () => {
    const issued = await (await root.intermediate('Test Intermediate')).issue(['shop.test'])
    const parsed = read(issued.chain, issued.key)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.value.leaf.serialNumber).toBe(issued.serial)
    expect(parsed.value.keyPair.pem).toBe(issued.chain + issued.key)
  })

  test.each([
    ['PKCS #1', () => rsa],
    ['SEC 1', () => shop],
  ])('may have its key in the older form of %s', (_form, issued) => {
    expect(pemOf(issued().chain, traditionalKey(issued().key))).toBe(issued().chain + issued().key)
  })

  test('may have parameters of the curve before its key, as `openssl ecparam -genkey` writes it', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    expect(pemOf(shop.chain, parameters + traditionalKey(shop.key))).toBe(shop.chain + shop.key)
  })

  test.each([
    ['CRLF line ends', (text: string) => text.replaceAll('\n', '\r\n')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['text before and after', (text: string) => `Bag Attributes\n    friendlyName: shop\n${text}\nthe end {};"$\n`],
    ['no last line break', (text: string) => text.trimEnd()],
    ['spaces at the line ends', (text: string) => text.replaceAll('\n', ' \n')],
    ['empty lines around', (text: string) => `\n\n${text}\n\n`],
  ])('may have %s; NGINX is given clean PEM', (_what, spoil) => {
    expect(pemOf(spoil(shop.chain), spoil(shop.key))).toBe(shop.chain + shop.key)
  })

  test('may have expired: clients are the ones to judge', async () => {
    const expired = await root.issue(['shop.test'], { notBefore: -10, notAfter: -1 })
    expect(read(expired.chain, expired.key).ok).toBe(true)
  })

  test('may have ten certificates', () => {
    expect(read(shop.chain.repeat(10), shop.key).ok).toBe(true)
  })

  test('keeps the name of its pair while it keeps its key, and shares it with no other Secret', async () => {
    const nameOf = (given: Secret) => {
      const parsed = readCertificate(given)
      return parsed.ok ? parsed.value.keyPair.name : undefined
    }
    const first = { 'tls.crt': shop.chain, 'tls.key': shop.key }
    const sameKey = await root.issue(['shop.test'])
    expect(nameOf(secret({ 'tls.crt': sameKey.chain, 'tls.key': sameKey.key }))).toBe(nameOf(secret(first)))
    expect(nameOf(secret({ 'tls.crt': other.chain, 'tls.key': other.key }))).not.toBe(nameOf(secret(first)))
    const names = [secret(first), secret(first, 'b'), secret(first, 'shop-tls', 'b'), secret(first, 'a-b', 'c'), secret(first, 'b', 'c-a')]
    expect(new Set(names.map(nameOf)).size).toBe(names.length)
  })

  test('is read once', () => {
    const given = secret({ 'tls.crt': shop.chain, 'tls.key': shop.key })
    expect(readCertificate(given)).toBe(readCertificate(given))
  })
})

describe('a Secret is refused, and the reason given, when it', () => {
  const refusals: readonly (readonly [string, () => Record<string, string>, string])[] = [
    ['has no data', () => ({}), 'has no tls.crt'],
    ['has an empty tls.crt', () => ({ 'tls.crt': '', 'tls.key': shop.key }), 'has no tls.crt'],
    ['has no tls.crt', () => ({ 'tls.key': shop.key }), 'has no tls.crt'],
    ['has no tls.key', () => ({ 'tls.crt': shop.chain }), 'has no tls.key'],
    ['has no PEM', () => ({ 'tls.crt': 'hello', 'tls.key': shop.key }), 'has no PEM certificate in tls.crt'],
    [
      'has DER in place of PEM',
      () => ({ 'tls.crt': new X509Certificate(shop.chain).raw.toString('utf8'), 'tls.key': shop.key }),
      'has no PEM certificate in tls.crt',
    ],
    [
      'has a public key in place of a certificate',
      () => ({
        'tls.crt': new X509Certificate(shop.chain).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        'tls.key': shop.key,
      }),
      'has no PEM certificate in tls.crt',
    ],
    [
      'has a certificate cut short',
      () => ({ 'tls.crt': shop.chain.replace(/.{200}(?=\n-----END)/s, ''), 'tls.key': shop.key }),
      'has a certificate in tls.crt that cannot be read',
    ],
    [
      'has a broken intermediate',
      () => ({ 'tls.crt': `${shop.chain}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, 'tls.key': shop.key }),
      'has a certificate in tls.crt that cannot be read',
    ],
    [
      "has another certificate's key",
      () => ({ 'tls.crt': shop.chain, 'tls.key': other.key }),
      'has a tls.key that is not the key of the first certificate in tls.crt',
    ],
    [
      'has a key of another kind',
      () => ({ 'tls.crt': shop.chain, 'tls.key': rsa.key }),
      'has a tls.key that is not the key of the first certificate in tls.crt',
    ],
    [
      'has its chain upside down',
      () => ({ 'tls.crt': root.certificate + shop.chain, 'tls.key': shop.key }),
      'has a tls.key that is not the key of the first certificate in tls.crt',
    ],
    ['has an encrypted key', () => ({ 'tls.crt': shop.chain, 'tls.key': encryptKey(shop.key, 'secret') }), 'has an encrypted tls.key'],
    ['has a key that is none', () => ({ 'tls.crt': shop.chain, 'tls.key': 'hello' }), 'has a tls.key that cannot be read'],
    ['has a certificate in tls.key', () => ({ 'tls.crt': shop.chain, 'tls.key': shop.chain }), 'has a tls.key that cannot be read'],
    [
      'has its private key in tls.crt too',
      () => ({ 'tls.crt': shop.chain + shop.key, 'tls.key': shop.key }),
      'has a private key in tls.crt, which is public',
    ],
    [
      'has eleven certificates',
      () => ({ 'tls.crt': shop.chain.repeat(11), 'tls.key': shop.key }),
      'has 11 certificates in tls.crt, 10 are the most',
    ],
  ]
  test.each(refusals)('%s', (_what, data, reason) => {
    expect(readCertificate(secret(data()))).toEqual({ ok: false, reason })
  })

  test('has an RSA key of 1024 bits', async () => {
    const small = await root.issue(['shop.test'], { key: 'rsa-1024' })
    expect(read(small.chain, small.key)).toEqual({ ok: false, reason: expect.stringMatching(/^is refused by OpenSSL: .*key too small/) })
  })

  test('has an RSA key that would take a worker too long', async () => {
    const large = await root.issue(['shop.test'], { key: 'rsa-4104' })
    expect(read(large.chain, large.key)).toEqual({ ok: false, reason: 'has an RSA key above 4096 bits' })
  })

  test('is refused without a word of its key', () => {
    for (const key of [other.key, encryptKey(shop.key, 'secret'), shop.key.slice(0, 100)]) {
      const parsed = read(shop.chain, key)
      expect(parsed.ok).toBe(false)
      expect(JSON.stringify(parsed)).not.toContain(key.split('\n')[1])
    }
  })
})
