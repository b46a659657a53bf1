import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { selfSignedKeyPair } from './self-signed.ts'

const DAY_MS = 24 * 3600 * 1000
const now = Date.parse('2026-06-01T00:00:00Z')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

test('the pair is one that OpenSSL accepts, for a name that nobody has', async () => {
  const { pem } = await selfSignedKeyPair(folder, now)
  const certificate = new X509Certificate(pem)
  expect(() => createSecureContext({ cert: pem, key: pem })).not.toThrow()
  expect(certificate.checkPrivateKey(createPrivateKey(pem))).toBe(true)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.subjectAltName).toBe('DNS:ingress.invalid')
  expect(certificate.ca).toBe(false)
})

test('it is valid a day before it is made, for clocks that are behind, and a year after', async () => {
  const certificate = new X509Certificate((await selfSignedKeyPair(folder, now)).pem)
  expect(certificate.validFromDate).toEqual(new Date(now - DAY_MS))
  expect(certificate.validToDate).toEqual(new Date(now + 365 * DAY_MS))
})

test('every serial number is one that OpenSSL reads, and another', async () => {
  const serials = new Set<string>()
  for (let count = 0; count < 40; count++) {
    await rm(join(folder, 'self-signed.pem'), { force: true })
    serials.add(new X509Certificate((await selfSignedKeyPair(folder, now)).pem).serialNumber)
  }
  expect(serials.size).toBe(40)
})

test('the next start shows the same certificate', async () => {
  const first = await selfSignedKeyPair(folder, now)
  expect(await selfSignedKeyPair(folder, now + 300 * DAY_MS)).toEqual(first)
})

test('a certificate that ends within 30 days is replaced, under the same name', async () => {
  const first = await selfSignedKeyPair(folder, now)
  const later = now + 336 * DAY_MS
  const second = await selfSignedKeyPair(folder, later)
  expect(second.name).toBe(first.name)
  expect(second.pem).not.toBe(first.pem)
  expect(new X509Certificate(second.pem).validToDate).toEqual(new Date(later + 365 * DAY_MS))
  expect(await readFile(join(folder, 'self-signed.pem'), 'utf8')).toBe(second.pem)
})

test.each([
  ['garbage', () => 'no certificate'],
  ['an empty file', () => ''],
  ['a certificate without its key', (pem: string) => pem.replace(/-----BEGIN PRIVATE KEY[\s\S]*/, '')],
  ['a file cut short', (pem: string) => pem.slice(0, -60)],
])('%s in its place is replaced', async (_what, spoil) => {
  const first = await selfSignedKeyPair(folder, now)
  await writeFile(join(folder, 'self-signed.pem'), spoil(first.pem))
  const second = await selfSignedKeyPair(folder, now)
  expect(second.pem).not.toBe(first.pem)
  expect(() => createSecureContext({ cert: second.pem, key: second.pem })).not.toThrow()
})

test('nobody else may read the file', async () => {
  await selfSignedKeyPair(folder, now)
  expect((await stat(join(folder, 'self-signed.pem'))).mode & 0o077).toBe(0)
})
