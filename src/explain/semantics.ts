/**
 * What Ingresses come to together, or by Kubernetes' rules where ingress-nginx had others: nothing is wrong, and a team
 * that migrates wants to know. What is wrong, translate says.
 */
import type { Ingress } from '../cluster/objects.ts'
import { keyOf, type ObjectKey } from '../cluster/objects.ts'
import { printable } from '../model/issue.ts'
import { hostKey, type Model, textOf } from '../model/model.ts'
import type { Finding } from './schema.ts'

/** The codes that only `explain` has, beside those of Issues. */
export const semanticCodes = {
  'wildcard-is-one-label': 'A wildcard host stands for one label; in ingress-nginx it stood for any number of them.',
  'prefix-by-segments': 'A path of type ImplementationSpecific goes by whole segments; in ingress-nginx it went by characters.',
  'tls-without-secret': 'A tls entry names no Secret; the default certificate is shown.',
  'tls-host-unused': 'A tls entry lists a host that no Ingress has a rule for.',
  'second-certificate': "Two Ingresses name different Secrets for one host; the older one's is shown.",
  'shared-host': 'Ingresses of several namespaces name one host, and are served side by side.',
  'no-class': 'An Ingress names no class.',
} as const

type SemanticCode = keyof typeof semanticCodes

export type Semantics = {
  /** Of each Ingress by itself. */
  readonly byIngress: ReadonlyMap<ObjectKey, readonly Finding[]>
  /** Of the set. */
  readonly ofSet: readonly Finding[]
}

/** `ingresses` are those that are served, oldest first, and `model` is what came of them. */
export function semanticsOf(ingresses: readonly Ingress[], classOf: (ingress: Ingress) => string | undefined, model: Model): Semantics {
  const prefixes = prefixesIn(model)
  const ruled = new Set(ingresses.flatMap(({ rules }) => rules.map(({ host = '' }) => host.toLowerCase())))
  const secretsOfHosts = new Map<string, { readonly key: string; readonly owner: string }>()
  const byIngress = new Map<ObjectKey, readonly Finding[]>()
  for (const ingress of ingresses) {
    const found = [
      ...withoutClass(classOf(ingress)),
      ...wildcards(ingress),
      ...prefixesByCharacters(ingress, prefixes),
      ...tlsEntries(ingress, ruled),
      ...secondCertificates(ingress, secretsOfHosts),
    ]
    if (found.length > 0) byIngress.set(keyOf(ingress.namespace, ingress.name), found)
  }
  return { byIngress, ofSet: sharedHosts(ingresses) }
}

function finding(code: SemanticCode, level: Finding['level'], message: string, more: Pick<Finding, 'field' | 'ingresses'> = {}): Finding {
  return { code, level, message: printable(message), ...more }
}

function wildcards({ rules }: Ingress): readonly Finding[] {
  return rules.flatMap(({ host }, index) =>
    host?.startsWith('*.')
      ? [
          finding(
            'wildcard-is-one-label',
            'different',
            `${host} answers for one label, as any${host.slice(1)}; a.b${host.slice(1)} was answered in ingress-nginx, and is not here`,
            { field: `spec.rules[${index}].host` },
          ),
        ]
      : [],
  )
}

/** `host path` of each location that goes by segments; on a host in regex mode others do not. */
function prefixesIn({ servers }: Model): ReadonlySet<string> {
  return new Set(
    servers.flatMap(({ host, locations }) =>
      locations.filter(({ match }) => match.kind === 'prefix').map(({ match }) => `${hostKey(host)} ${textOf(match)}`),
    ),
  )
}

/** What looks like an expression is told of as one. */
function prefixesByCharacters({ rules }: Ingress, prefixes: ReadonlySet<string>): readonly Finding[] {
  const paths = rules.flatMap(({ host = '', paths = [] }) =>
    paths
      .filter(
        ({ path = '/', pathType }) =>
          pathType === 'ImplementationSpecific' && !/\/$|[()[\]^$*+|\\]/.test(path) && prefixes.has(`${host.toLowerCase()} ${path}`),
      )
      .map(({ path = '/' }) => path),
  )
  const [first] = paths
  if (first === undefined) return []
  const which = paths.length === 1 ? first : `${first} and ${paths.length - 1} more paths`
  const message = `${which} of type ImplementationSpecific: whole segments are compared; in ingress-nginx ${first} took ${first}-else, too`
  return [finding('prefix-by-segments', 'different', message)]
}

function tlsEntries({ tls }: Ingress, ruled: ReadonlySet<string>): readonly Finding[] {
  return tls.flatMap(({ hosts, secretName }, index) => {
    const field = `spec.tls[${index}]`
    const unused = hosts.filter((host) => !isRuled(host.toLowerCase(), ruled))
    return [
      ...(secretName ? [] : [finding('tls-without-secret', 'different', 'names no Secret; the default certificate is shown', { field })]),
      ...(unused.length === 0
        ? []
        : [finding('tls-host-unused', 'different', `no rule is for ${unused.join(', ')}, so nothing is served there`, { field })]),
    ]
  })
}

/** A wildcard of a certificate is of use for the hosts one label below it. */
function isRuled(host: string, ruled: ReadonlySet<string>): boolean {
  return ruled.has(host) || (host.startsWith('*.') && [...ruled].some((name) => name.slice(name.indexOf('.')) === host.slice(1)))
}

function secondCertificates(ingress: Ingress, known: Map<string, { readonly key: string; readonly owner: string }>): readonly Finding[] {
  const owner = `${ingress.namespace}/${ingress.name}`
  return ingress.tls.flatMap(({ hosts, secretName }, index) => {
    if (!secretName) return []
    const key = `${ingress.namespace}/${secretName}`
    return hosts.flatMap((host) => {
      const first = known.get(host) ?? { key, owner }
      known.set(host, first)
      if (first.key === key || first.owner === owner) return []
      const message = `${host} shows the certificate of Secret ${first.key}, for Ingress ${first.owner} is older or comes first by name; Secret ${key} is shown where that one is of no use`
      return [finding('second-certificate', 'different', message, { field: `spec.tls[${index}]` })]
    })
  })
}

function sharedHosts(ingresses: readonly Ingress[]): readonly Finding[] {
  const byHost = new Map<string, Ingress[]>()
  for (const ingress of ingresses) {
    for (const host of new Set(ingress.rules.map((rule) => rule.host?.toLowerCase()))) {
      if (host === undefined) continue
      const known = byHost.get(host)
      if (known === undefined) byHost.set(host, [ingress])
      else known.push(ingress)
    }
  }
  return [...byHost].flatMap(([host, sharing]) => {
    const namespaces = [...new Set(sharing.map(({ namespace }) => namespace))].sort()
    if (namespaces.length < 2) return []
    const message = `${host} is shared by the namespaces ${namespaces.join(', ')}: paths are served side by side, and what holds for a host the oldest Ingress decides`
    return [finding('shared-host', 'fine', message, { ingresses: sharing.map(nameOf) })]
  })
}

function withoutClass(name: string | undefined): readonly Finding[] {
  if (name !== undefined) return []
  const message = 'names no class: served with --watch-ingress-without-class, or where a default IngressClass was written in'
  return [finding('no-class', 'different', message)]
}

function nameOf({ namespace, name }: Ingress): string {
  return `${namespace}/${name}`
}
