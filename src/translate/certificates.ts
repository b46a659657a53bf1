/** Secret → a certificate chain and key that NGINX can show. What OpenSSL would refuse at a handshake is refused here. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Secret } from '../cluster/objects.ts'
import type { KeyPair } from '../model/model.ts'
import { mustParse, type Parsed, parseGeneratedName } from '../model/values.ts'

export type Certificate = { readonly keyPair: KeyPair; readonly leaf: X509Certificate }

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
/** A longer chain swells every handshake. */
const LONGEST_CHAIN = 10
/** A larger key costs a worker tens of milliseconds a handshake. */
const LARGEST_RSA_BITS = 4096

/** Those that TLS 1.2 and 1.3 have signatures for: RFC 8446 section 4.2.3, without what browsers dropped. */
const KEY_TYPES: ReadonlySet<string> = new Set(['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448'])

const read = new WeakMap<Secret, Parsed<Certificate>>()

/** Reads `tls.crt` and `tls.key`; the result for a Secret is remembered. */
export function readCertificate(secret: Secret): Parsed<Certificate> {
  const known = read.get(secret)
  if (known !== undefined) return known
  const parsed = parseCertificate(secret)
  read.set(secret, parsed)
  return parsed
}

/**
 * The file of a Secret's key pair. NGINX reads it twice, for the certificate and for the key, and a renewal between the
 * two must not mix them: a new key takes a new name and a reload, a renewal that keeps its key needs none.
 */
function keyPairName(secret: Secret, leaf: X509Certificate) {
  const hash = createHash('sha256')
    .update(`${secret.namespace}/${secret.name}/`)
    .update(leaf.publicKey.export({ type: 'spki', format: 'der' }))
  return mustParse(parseGeneratedName(hash.digest('hex').slice(0, 20)))
}

function parseCertificate(secret: Secret): Parsed<Certificate> {
  const { 'tls.crt': certificates, 'tls.key': key } = secret.data
  if (certificates === undefined || certificates === '') return refuse('has no tls.crt')
  if (key === undefined || key === '') return refuse('has no tls.key')
  if (certificates.includes('PRIVATE KEY')) return refuse('has a private key in tls.crt, which is public')
  const chain = readChain(certificates)
  if (!chain.ok) return chain
  const [leaf] = chain.value
  if (leaf === undefined) return refuse('has no PEM certificate in tls.crt')
  if (chain.value.length > LONGEST_CHAIN) return refuse(`has ${chain.value.length} certificates in tls.crt, ${LONGEST_CHAIN} are the most`)
  const privateKey = readKey(key)
  if (!privateKey.ok) return privateKey
  if (!leaf.checkPrivateKey(privateKey.value)) return refuse('has a tls.key that is not the key of the first certificate in tls.crt')
  if (!KEY_TYPES.has(privateKey.value.asymmetricKeyType ?? ''))
    return refuse(`has a key of type ${privateKey.value.asymmetricKeyType}, which no TLS client takes`)
  if ((privateKey.value.asymmetricKeyDetails?.modulusLength ?? 0) > LARGEST_RSA_BITS)
    return refuse(`has an RSA key above ${LARGEST_RSA_BITS} bits`)

  const cert = chain.value.map((certificate) => certificate.toString()).join('')
  const pem = privateKey.value.export({ type: 'pkcs8', format: 'pem' }).toString()
  try {
    createSecureContext({ cert, key: pem })
  } catch (error) {
    return refuse(`is refused by OpenSSL: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { ok: true, value: { leaf, keyPair: { name: keyPairName(secret, leaf), pem: cert + pem } } }
}

function readChain(text: string): Parsed<readonly X509Certificate[]> {
  try {
    return { ok: true, value: (text.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem)) }
  } catch {
    return refuse('has a certificate in tls.crt that cannot be read')
  }
}

function readKey(text: string): Parsed<KeyObject> {
  if (text.includes('ENCRYPTED')) return refuse('has an encrypted tls.key')
  try {
    return { ok: true, value: createPrivateKey(text) }
  } catch {
    return refuse('has a tls.key that cannot be read')
  }
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
