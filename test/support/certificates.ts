/** Certificates of the tests: authorities that exist, and whatever they may issue, good or bad. */
import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** `rsa-2048` is RSA of 2048 bits; `ecdsa` is on P-256. */
export type KeyKind = 'ecdsa' | `rsa-${number}`

export type CertificateSettings = {
  readonly key?: KeyKind
  /** Keys of one kind and number are the same key, made once a process: RSA takes its time. */
  readonly keyNumber?: number
  /** Both in days from now. */
  readonly notBefore?: number
  readonly notAfter?: number
}

/** What a Secret would hold, in PEM. */
export type IssuedCertificate = {
  /** The certificate and the intermediates above it, without the root. */
  readonly chain: string
  readonly key: string
  /** As `X509Certificate.serialNumber` spells it. */
  readonly serial: string
}

export type Authority = {
  /** Its own certificate in PEM: what a client must trust, for a root. */
  readonly certificate: string
  /** A certificate for servers of these names, or IP addresses. */
  issue(names: readonly string[], settings?: CertificateSettings): Promise<IssuedCertificate>
  /** An authority below this one. */
  intermediate(name: string): Promise<Authority>
}

type Signer = { readonly name: string; readonly keys: webcrypto.CryptoKeyPair; readonly chain: string }

const DAY_MS = 24 * 3600 * 1000
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Keys of authorities, apart from those of servers. */
const ROOT_KEY = 1000
const INTERMEDIATE_KEY = 1001

const keyPairs = new Map<string, Promise<webcrypto.CryptoKeyPair>>()

/** A root that signs for itself. */
export async function createAuthority(name = 'Test Root'): Promise<Authority> {
  const keys = await keyPair('ecdsa', ROOT_KEY)
  const certificate = await certify({ name, keys, chain: '' }, name, keys, authorityExtensions(), {})
  return authorityOf({ name, keys, chain: '' }, certificate.pem)
}

/** The private key, in PKCS #8, under a passphrase. */
export function encryptKey(key: string, passphrase: string): string {
  return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

/** The private key in its older form: `RSA PRIVATE KEY` or `EC PRIVATE KEY`. */
export function traditionalKey(key: string): string {
  const parsed = createPrivateKey(key)
  return parsed.export({ type: parsed.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1', format: 'pem' }).toString()
}

function authorityOf(signer: Signer, certificate: string): Authority {
  return {
    certificate,
    async issue(names, settings = {}) {
      const keys = await keyPair(settings.key ?? 'ecdsa', settings.keyNumber ?? 0)
      const extensions = [
        new BasicConstraintsExtension(false),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment),
        new SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }))),
      ]
      const { pem, serial } = await certify(signer, names[0] ?? 'nobody', keys, extensions, settings)
      return { chain: pem + signer.chain, key: await pkcs8(keys), serial }
    },
    async intermediate(name) {
      const keys = await keyPair('ecdsa', INTERMEDIATE_KEY)
      const { pem } = await certify(signer, name, keys, authorityExtensions(), {})
      return authorityOf({ name, keys, chain: pem + signer.chain }, pem)
    },
  }
}

async function certify(
  signer: Signer,
  subject: string,
  keys: webcrypto.CryptoKeyPair,
  extensions: Extension[],
  { notBefore = -1, notAfter = 90 }: CertificateSettings,
): Promise<{ readonly pem: string; readonly serial: string }> {
  // A leading byte of 1 to 127 keeps the DER form minimal and positive.
  const serialNumber = `01${randomBytes(15).toString('hex')}`
  const now = Date.now()
  const certificate = await X509CertificateGenerator.create({
    serialNumber,
    subject: `CN=${subject}`,
    issuer: `CN=${signer.name}`,
    notBefore: new Date(now + notBefore * DAY_MS),
    notAfter: new Date(now + notAfter * DAY_MS),
    signingAlgorithm: ECDSA,
    publicKey: keys.publicKey,
    signingKey: signer.keys.privateKey,
    extensions,
  })
  return { pem: `${certificate.toString('pem')}\n`, serial: serialNumber.toUpperCase() }
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]
}

function keyPair(kind: KeyKind, number: number): Promise<webcrypto.CryptoKeyPair> {
  const slot = `${kind} ${number}`
  const known = keyPairs.get(slot)
  if (known !== undefined) return known
  const made = generate(kind === 'ecdsa' ? ECDSA : rsaOf(Number(kind.slice('rsa-'.length))))
  keyPairs.set(slot, made)
  return made
}

async function generate(algorithm: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

function rsaOf(modulusLength: number): webcrypto.RsaHashedKeyGenParams {
  return { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
}

async function pkcs8(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString()
}
