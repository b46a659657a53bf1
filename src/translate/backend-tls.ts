/** What an Ingress asks for TLS to its backends → files and settings; its Secret is read here. */
import { X509Certificate } from 'node:crypto'
import type { BackendTlsPatch } from '../annotations/patch.ts'
import { spelledUnder } from '../annotations/prefixes.ts'
import { type Ingress, keyOf, type Secret, type Service } from '../cluster/objects.ts'
import type { BackendTls } from '../model/backend-tls.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import type { SecretFile } from '../model/model.ts'
import { shortHash } from '../model/short-hash.ts'
import { mustParse, type Parsed, parseGeneratedName, parseServerName, type ServerName } from '../model/values.ts'
import { readCertificate } from './certificates.ts'
import { parseExternalName } from './external-name.ts'
import type { Lookup } from './lookup.ts'

export type BackendTlsResult = {
  /** Undefined where nothing is asked for, or nothing can be had. */
  readonly terms: BackendTls | undefined
  readonly files: readonly SecretFile[]
  /** Whether what was asked for cannot be had: no request may go out without it. */
  readonly isClosed: boolean
  readonly issues: readonly Issue[]
}

const NOTHING: BackendTlsResult = { terms: undefined, files: [], isClosed: false, issues: [] }
/** Of ingress-nginx, and of NGINX. */
const DEPTH = 1
const KEY = 'proxy-ssl-secret'

/** Reads the Secret that the patch names, in the Ingress' own namespace. */
export function backendTlsOf(patch: BackendTlsPatch | undefined, ingress: Ingress, lookup: Lookup): BackendTlsResult {
  if (patch === undefined) return NOTHING
  function close(code: IssueCode, message: string): BackendTlsResult {
    const found = issue(code, ingress, { annotation: spelledUnder(ingress.annotations, KEY), message: `${message}; requests get 503` })
    return { ...NOTHING, isClosed: true, issues: [found] }
  }
  const common = { depth: patch.depth ?? DEPTH, name: patch.name, sendsName: patch.sendsName ?? false }
  const terms = { ...common, keyPair: undefined, authorities: undefined, protocols: patch.protocols, ciphers: patch.ciphers }
  if (patch.secret === undefined) return { ...NOTHING, terms }

  const { namespace = ingress.namespace, name } = patch.secret
  const described = `Secret ${namespace}/${name}`
  if (namespace !== ingress.namespace) return close('protection-invalid', `${described} is in another namespace than the Ingress`)
  const secret = lookup.secret(keyOf(namespace, name))
  if (secret === undefined) return close('secret-not-found', `${described} does not exist`)
  const read = readBackendSecret(secret)
  if (!read.ok) return close('protection-invalid', `${described} ${read.reason}`)
  const { keyPair, authorities } = read.value
  if (patch.verify === true && authorities === undefined)
    return close('protection-invalid', `${described} has no ca.crt, by which proxy-ssl-verify could tell whom to believe`)
  const verifies = patch.verify === true ? authorities : undefined
  return {
    ...NOTHING,
    terms: { ...terms, keyPair: keyPair?.name, authorities: verifies?.name },
    files: [keyPair, verifies].filter((file) => file !== undefined),
  }
}

/** The terms for one Service: certificates inside a cluster are made out for its DNS name, `service.namespace.svc`. */
export function termsFor(terms: BackendTls, service: Service): BackendTls {
  const isNameOfUse = terms.authorities !== undefined || terms.sendsName
  return { ...terms, name: terms.name ?? (isNameOfUse ? nameOf(service) : undefined) }
}

function nameOf(service: Service): ServerName | undefined {
  const external = service.type === 'ExternalName' ? parseExternalName(service.externalName ?? '') : undefined
  if (external?.ok && external.value.kind === 'name') return external.value.name
  const name = parseServerName(`${service.name}.${service.namespace}.svc`)
  return name.ok ? name.value : undefined
}

type BackendSecret = { readonly keyPair: SecretFile | undefined; readonly authorities: SecretFile | undefined }

const read = new WeakMap<Secret, Parsed<BackendSecret>>()

/** The result for a Secret is remembered. */
function readBackendSecret(secret: Secret): Parsed<BackendSecret> {
  const known = read.get(secret)
  if (known !== undefined) return known
  const parsed = parseBackendSecret(secret)
  read.set(secret, parsed)
  return parsed
}

function parseBackendSecret(secret: Secret): Parsed<BackendSecret> {
  const has = (key: string) => (secret.data[key] ?? '') !== ''
  const certificate = has('tls.crt') || has('tls.key') ? readCertificate(secret) : undefined
  if (certificate?.ok === false) return certificate
  const authorities = has('ca.crt') ? readAuthorities(secret.data['ca.crt'] ?? '') : undefined
  if (authorities?.ok === false) return authorities
  if (certificate === undefined && authorities === undefined) return { ok: false, reason: 'has neither tls.crt and tls.key nor ca.crt' }
  return {
    ok: true,
    value: { keyPair: certificate && secretFile(certificate.value.keyPair.pem), authorities: authorities && secretFile(authorities.value) },
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
/** Some more than browsers believe in. */
const MOST_AUTHORITIES = 300

/** Nothing but certificates that can be read, in PEM. */
function readAuthorities(text: string): Parsed<string> {
  if (text.includes('PRIVATE KEY')) return { ok: false, reason: 'has a private key in ca.crt, which is public' }
  const pems = text.match(CERTIFICATE) ?? []
  if (pems.length === 0) return { ok: false, reason: 'has no PEM certificate in ca.crt' }
  if (pems.length > MOST_AUTHORITIES)
    return { ok: false, reason: `has ${pems.length} certificates in ca.crt, ${MOST_AUTHORITIES} are the most` }
  try {
    return { ok: true, value: pems.map((pem) => new X509Certificate(pem).toString()).join('') }
  } catch {
    return { ok: false, reason: 'has a certificate in ca.crt that cannot be read' }
  }
}

/** A renewed Secret takes another file, and with it a reload: NGINX reads these when it reads its configuration. */
function secretFile(text: string): SecretFile {
  return { name: mustParse(parseGeneratedName(`${shortHash(text, 20)}.pem`)), text }
}
