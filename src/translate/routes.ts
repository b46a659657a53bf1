/** One Ingress → its routes, by host; what cannot be served is answered. */
import type { Patches } from '../annotations/define.ts'
import { readAnnotations, type Verdict } from '../annotations/read.ts'
import type { Ingress, IngressBackend, IngressPath } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import { type HostMatch, hostKey, type PathMatch } from '../model/model.ts'
import { parseHost, parseObjectName, parsePath, type UriPath } from '../model/values.ts'

/** A path of a rule; `field` is where the Ingress says so. */
export type Route = { readonly match: PathMatch; readonly backend: IngressBackend; readonly field: string }

/** Matches of the same key are the same: host, path and path type decide who serves a path, and whose canary it is. */
export function matchKey(match: PathMatch): string {
  return `${match.kind} ${match.path}`
}

/** What one Ingress says of one host. */
export type HostRoutes = { readonly host: HostMatch; readonly routes: readonly Route[] }

export type IngressRoutes = {
  /** Of one that is withheld nothing is served, its default backend neither. */
  readonly verdict: Verdict
  /** What its annotations ask for. */
  readonly patches: Patches
  /** By host key. A host without routes is there for the default backend. */
  readonly hosts: ReadonlyMap<string, HostRoutes>
  readonly issues: readonly Issue[]
}

const NOTHING: ReadonlyMap<string, HostRoutes> = new Map()

/** Reads the rules of an Ingress. Depends on nothing but the Ingress. */
export function routesOf(ingress: Ingress): IngressRoutes {
  if (!parseObjectName(ingress.name).ok || !parseObjectName(ingress.namespace).ok) {
    return {
      verdict: 'withhold',
      patches: { location: {}, server: {}, upstream: {} },
      hosts: NOTHING,
      issues: [
        issue('invalid-object', ingress, {
          field: 'metadata',
          message: 'the namespace or name is not a DNS-1123 name; the Ingress is left out',
        }),
      ],
    }
  }
  const { verdict, patches, issues: found } = readAnnotations(ingress)
  if (verdict === 'withhold') return { verdict, patches, hosts: NOTHING, issues: found }

  const issues: Issue[] = [...found]
  const hosts = new Map<string, HostRoutes>()
  for (const [index, rule] of ingress.rules.entries()) {
    const field = `spec.rules[${index}]`
    const host = hostOf(rule.host)
    if (!host.ok) {
      issues.push(
        issue('invalid-host', ingress, {
          field: `${field}.host`,
          message: `host ${JSON.stringify(rule.host)} ${host.reason}; the rule is left out`,
        }),
      )
      continue
    }
    const key = hostKey(host.value)
    const routes = (rule.paths ?? []).flatMap((path, place) => routeOf(ingress, path, `${field}.http.paths[${place}]`, issues))
    hosts.set(key, { host: host.value, routes: [...(hosts.get(key)?.routes ?? []), ...routes] })
  }
  if (ingress.rules.length === 0 && ingress.defaultBackend === undefined) {
    issues.push(issue('invalid-object', ingress, { field: 'spec', message: 'has neither rules nor a defaultBackend; nothing is served' }))
  }
  // A canary has no say on any other host than its rules': its default backend is a canary of the catch-all's.
  if (patches.upstream.canary?.isOn === true && ingress.defaultBackend !== undefined) {
    const route: Route = { match: pathMatch('Prefix', '/' as UriPath), backend: ingress.defaultBackend, field: 'spec.defaultBackend' }
    hosts.set('', { host: { kind: 'any' }, routes: [...(hosts.get('')?.routes ?? []), route] })
  }
  return { verdict, patches, hosts, issues }
}

function hostOf(
  host: string | undefined,
): { readonly ok: true; readonly value: HostMatch } | { readonly ok: false; readonly reason: string } {
  return host === undefined ? { ok: true, value: { kind: 'any' } } : parseHost(host)
}

function routeOf(ingress: Ingress, path: IngressPath, field: string, issues: Issue[]): readonly Route[] {
  const written = path.path === undefined || path.path === '' ? '/' : path.path
  const parsed = parsePath(written)
  if (!parsed.ok) {
    issues.push(
      issue('invalid-path', ingress, {
        field: `${field}.path`,
        message: `path ${JSON.stringify(written)} ${parsed.reason}; it is left out`,
      }),
    )
    return []
  }
  if (/[()[\]^$*+|\\]|\{\d/.test(written)) {
    issues.push(
      issue('regex-like-path', ingress, {
        field: `${field}.path`,
        message: `path ${JSON.stringify(written)} looks like a regular expression and is compared literally`,
      }),
    )
  }
  return [{ match: pathMatch(path.pathType, parsed.value), backend: path.backend, field: `${field}.backend` }]
}

/** Prefixes go by segments, so `/foo/` as a prefix is `/foo`; ImplementationSpecific is Prefix here. */
function pathMatch(pathType: IngressPath['pathType'], path: UriPath): PathMatch {
  if (pathType === 'Exact') return { kind: 'exact', path }
  return { kind: 'prefix', path: path === '/' ? path : (path.replace(/\/$/, '') as UriPath) }
}
