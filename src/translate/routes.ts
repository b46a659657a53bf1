/** One Ingress → its routes, by host; what cannot be served is answered. */
import type { Patches } from '../annotations/define.ts'
import type { LocationPatch, RegexReach } from '../annotations/patch.ts'
import { readAnnotations, type Verdict } from '../annotations/read.ts'
import type { Ingress, IngressBackend, IngressPath } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import { type HostMatch, hostKey, type Owner, type PathMatch, textOf } from '../model/model.ts'
import { patternOfPath } from '../model/pattern.ts'
import type { RewriteTarget } from '../model/redirect.ts'
import { type ObjectName, parseHost, parseObjectName, parsePath, type UriPath } from '../model/values.ts'
import { regexReachOf, rewriteOf } from './rewrites.ts'

/** A path of a rule, as it is written and as it is matched; `field` is where the Ingress says so. */
export type Route = {
  readonly path: string
  readonly match: PathMatch
  readonly rewrite: RewriteTarget | undefined
  readonly backend: IngressBackend
  readonly field: string
}

/** Where the Ingress says what the path is. */
export function pathFieldOf({ field }: Pick<Route, 'field'>): string {
  return field.replace(/\.backend$/, '')
}

/** Whether a path is another one or below it, by whole segments. */
export function isBelow(path: string, above: UriPath): boolean {
  return above === '/' || path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`)
}

/** Matches of the same key are the same: host, path and path type decide who serves a path, and whose canary it is. */
export function matchKey(match: PathMatch): string {
  return `${match.kind} ${textOf(match)}`
}

/** What one Ingress says of one host. */
export type HostRoutes = {
  readonly host: HostMatch
  readonly routes: readonly Route[]
  /** Whose paths of the host it makes regular expressions; undefined for none. */
  readonly regexReach: RegexReach | undefined
}

/** A path that is not read yet. */
type WrittenPath = { readonly path: IngressPath; readonly written: string; readonly field: string }

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
  const { verdict: asked, patches, issues: found } = readAnnotations(ingress)
  const verdict = ingress.isClosed && asked === 'serve' ? 'unavailable' : asked
  if (verdict === 'withhold') return { verdict, patches, hosts: NOTHING, issues: found }

  const issues: Issue[] = [...found]
  const written = new Map<string, { readonly host: HostMatch; readonly paths: WrittenPath[] }>()
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
    const paths = (rule.paths ?? []).map((path, place) => ({ path, written: path.path || '/', field: `${field}.http.paths[${place}]` }))
    written.set(key, { host: host.value, paths: [...(written.get(key)?.paths ?? []), ...paths] })
  }
  const hosts = new Map<string, HostRoutes>()
  for (const [key, { host, paths }] of written) {
    const regexReach = regexReachOf(
      patches.location,
      paths.map((path) => path.written),
    )
    const read = (path: WrittenPath) =>
      regexReach === undefined ? routeOf(ingress, path, issues) : patternRouteOf(ingress, path, patches.location, issues)
    hosts.set(key, { host, routes: paths.flatMap(read), regexReach })
  }
  if (ingress.rules.length === 0 && ingress.defaultBackend === undefined) {
    issues.push(issue('invalid-object', ingress, { field: 'spec', message: 'has neither rules nor a defaultBackend; nothing is served' }))
  }
  // A canary has no say on any other host than its rules': its default backend is a canary of the catch-all's.
  if (patches.upstream.canary?.isOn === true && ingress.defaultBackend !== undefined) {
    const route: Route = {
      path: '/',
      match: pathMatch('Prefix', '/' as UriPath),
      rewrite: undefined,
      backend: ingress.defaultBackend,
      field: 'spec.defaultBackend',
    }
    hosts.set('', { host: { kind: 'any' }, routes: [...(hosts.get('')?.routes ?? []), route], regexReach: undefined })
  }
  return { verdict, patches, hosts, issues }
}

/** Who a location is of. Ingresses whose names are none have no routes. */
export function ownerOf(ingress: Ingress): Owner {
  return { namespace: ingress.namespace as ObjectName, ingress: ingress.name as ObjectName }
}

function hostOf(
  host: string | undefined,
): { readonly ok: true; readonly value: HostMatch } | { readonly ok: false; readonly reason: string } {
  return host === undefined ? { ok: true, value: { kind: 'any' } } : parseHost(host)
}

function routeOf(ingress: Ingress, { path, written, field }: WrittenPath, issues: Issue[]): readonly Route[] {
  const parsed = parsePath(written)
  if (parsed.ok)
    return [
      {
        path: written,
        match: pathMatch(path.pathType, parsed.value),
        rewrite: undefined,
        backend: path.backend,
        field: `${field}.backend`,
      },
    ]
  issues.push(
    issue('invalid-path', ingress, {
      field: `${field}.path`,
      message: `path ${JSON.stringify(written)} ${parsed.reason}; it is left out`,
    }),
  )
  return []
}

/** A path of an Ingress that makes its paths expressions. */
function patternRouteOf(ingress: Ingress, { path, written, field }: WrittenPath, patch: LocationPatch, issues: Issue[]): readonly Route[] {
  const pattern = patternOfPath(written)
  if (!pattern.ok) {
    issues.push(
      issue('invalid-path', ingress, {
        field: `${field}.path`,
        message: `path ${JSON.stringify(written)} is a regular expression here and ${pattern.reason}; it is left out`,
      }),
    )
    return []
  }
  const rewritten = rewriteOf(patch, written, pattern.value)
  if (rewritten.issue !== undefined)
    issues.push(
      issue(rewritten.issue.code, ingress, {
        field: `${field}.path`,
        message: `path ${JSON.stringify(written)} ${rewritten.issue.message}`,
      }),
    )
  if (!rewritten.ok) return []
  const match: PathMatch = { kind: 'regex', pattern: pattern.value }
  return [{ path: written, match, rewrite: rewritten.target, backend: path.backend, field: `${field}.backend` }]
}

/** Prefixes go by segments, so `/foo/` as a prefix is `/foo`; ImplementationSpecific is Prefix here. */
function pathMatch(pathType: IngressPath['pathType'], path: UriPath): PathMatch {
  if (pathType === 'Exact') return { kind: 'exact', path }
  return { kind: 'prefix', path: path === '/' ? path : (path.replace(/\/$/, '') as UriPath) }
}
