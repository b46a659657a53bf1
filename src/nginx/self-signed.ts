/** The certificate shown to clients that name no host we know: made once, kept in the state directory. */
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyPair } from '../model/model.ts'
import { mustParse, parseGeneratedName } from '../model/values.ts'

const DAY_MS = 24 * 3600 * 1000
const VALID_DAYS = 365
const RENEW_DAYS_BEFORE = 30
/** The name it has whatever its content: no Secret's pair is called so. */
export const SELF_SIGNED_NAME = mustParse(parseGeneratedName('self-signed'))

/** Reads the one in the directory, or makes another when there is none or it ends soon. `now` is in milliseconds. */
export async function selfSignedKeyPair(folder: string, now: number): Promise<KeyPair> {
  const path = join(folder, 'self-signed.pem')
  const kept = await readFile(path, 'utf8').catch(() => '')
  if (isGoodUntil(kept, now + RENEW_DAYS_BEFORE * DAY_MS)) return { name: SELF_SIGNED_NAME, pem: kept }
  const pem = await makeSelfSigned('ingress.invalid', now)
  await writeFile(`${path}.new`, pem, { mode: 0o600 })
  await rename(`${path}.new`, path)
  return { name: SELF_SIGNED_NAME, pem }
}

function isGoodUntil(pem: string, time: number): boolean {
  try {
    const certificate = new X509Certificate(pem)
    return certificate.checkPrivateKey(createPrivateKey(pem)) && Date.parse(certificate.validTo) > time
  } catch {
    return false
  }
}

async function makeSelfSigned(name: string, now: number): Promise<string> {
  // Once in a year, so a start that finds one does not pay for loading these.
  await import('reflect-metadata')
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } =
    await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: `00${randomBytes(15).toString('hex')}`,
    name: 'CN=nginx-ts self-signed certificate',
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + VALID_DAYS * DAY_MS),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return `${certificate.toString('pem')}\n-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}
