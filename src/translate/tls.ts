/** Which certificate a host shows, and whether it has TLS at all. */
import { type Ingress, keyOf } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import { type HostMatch, hostKey, type KeyPair } from '../model/model.ts'
import { type Certificate, readCertificate } from './certificates.ts'
import type { Lookup } from './lookup.ts'

export type HostTls = {
  /** Whether some tls entry speaks of the host: plain http is then redirected. */
  readonly enabled: boolean
  /** The pair of the first usable Secret, oldest Ingress first; undefined for the default one. */
  readonly keyPair: KeyPair | undefined
  readonly issues: readonly Issue[]
}

type TlsEntry = {
  readonly ingress: Ingress
  readonly hosts: readonly string[]
  readonly secretName: string | undefined
  readonly field: string
}

/** Finds the certificate of a host among the tls entries of its Ingresses. */
export function tlsOf(host: HostMatch, ingresses: readonly Ingress[], lookup: Lookup): HostTls {
  const entries = ingresses.flatMap((ingress) =>
    ingress.tls.map((tls, index): TlsEntry => ({ ...tls, ingress, field: `spec.tls[${index}]` })),
  )
  if (host.kind === 'any') return tlsOfAnyHost(entries)
  const issues: Issue[] = []
  const listed = ingresses.flatMap((ingress) => {
    const own = entries.filter((entry) => entry.ingress === ingress)
    // Within an Ingress, an entry that names the host comes before one for all its hosts.
    return [...own.filter(({ hosts }) => hosts.some((name) => speaksOf(name, host))), ...own.filter(({ hosts }) => hosts.length === 0)]
  })
  const others = entries.filter((entry) => !listed.includes(entry))

  for (const entry of listed) {
    const certificate = certificateOf(entry, lookup, issues)
    if (certificate === undefined) continue
    if (!covers(certificate, host)) issues.push(mismatch(entry, host))
    return { enabled: true, keyPair: certificate.keyPair, issues }
  }
  // As ingress-nginx does: an entry that lists other hosts still serves one that its certificate is made out for.
  for (const entry of others) {
    const certificate = certificateOf(entry, lookup, [])
    if (certificate !== undefined && covers(certificate, host)) return { enabled: true, keyPair: certificate.keyPair, issues }
  }
  return { enabled: listed.length > 0, keyPair: undefined, issues }
}

/** The pair of an Ingress' first certificate that is made out for the host, whatever hosts its entry lists. */
export function keyPairCovering(host: HostMatch, ingress: Ingress, lookup: Lookup): KeyPair | undefined {
  for (const [index, tls] of ingress.tls.entries()) {
    const certificate = certificateOf({ ...tls, ingress, field: `spec.tls[${index}]` }, lookup, [])
    if (certificate !== undefined && covers(certificate, host)) return certificate.keyPair
  }
  return undefined
}

function tlsOfAnyHost(entries: readonly TlsEntry[]): HostTls {
  const issues = entries
    .filter((entry) => entry.hosts.length === 0)
    .map((entry) =>
      issue('tls-without-host', entry.ingress, {
        field: entry.field,
        message:
          'a rule without host cannot choose the certificate for every unknown name; the default certificate is shown, see --default-ssl-certificate',
      }),
    )
  return { enabled: false, keyPair: undefined, issues }
}

function certificateOf(entry: TlsEntry, lookup: Lookup, issues: Issue[]): Certificate | undefined {
  const field = `${entry.field}.secretName`
  if (entry.secretName === undefined || entry.secretName === '') return undefined
  const described = `Secret ${entry.ingress.namespace}/${entry.secretName}`
  const secret = lookup.secret(keyOf(entry.ingress.namespace, entry.secretName))
  if (secret === undefined) {
    issues.push(
      issue('certificate-not-found', entry.ingress, {
        field,
        message: `${described} does not exist; another certificate or the default one is shown until it does`,
      }),
    )
    return undefined
  }
  const certificate = readCertificate(secret)
  if (certificate.ok) return certificate.value
  issues.push(
    issue('invalid-certificate', entry.ingress, {
      field,
      message: `${described} ${certificate.reason}; another certificate or the default one is shown`,
    }),
  )
  return undefined
}

/** Whether a name of `tls.hosts` is the host, or a wildcard one label above it. */
function speaksOf(name: string, host: HostMatch): boolean {
  const listed = name.toLowerCase()
  const key = hostKey(host)
  return listed === key || (listed.startsWith('*.') && host.kind === 'exact' && key.slice(key.indexOf('.') + 1) === listed.slice(2))
}

function covers(certificate: Certificate, host: HostMatch): boolean {
  const name = host.kind === 'wildcard' ? `any-label.${host.parent}` : hostKey(host)
  return certificate.leaf.checkHost(name) !== undefined
}

function mismatch(entry: TlsEntry, host: HostMatch): Issue {
  return issue('certificate-mismatch', entry.ingress, {
    field: `${entry.field}.secretName`,
    message: `the certificate in Secret ${entry.ingress.namespace}/${entry.secretName} is not made out for ${hostKey(host)}; it is shown all the same`,
  })
}
