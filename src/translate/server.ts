/** What all Ingresses say of one host → one Server: the oldest wins a collision, the loser is told. */
import type { Patches } from '../annotations/define.ts'
import type { Ingress, IngressBackend } from '../cluster/objects.ts'
import { describeObject, type Issue, issue } from '../model/issue.ts'
import type { LimitZone } from '../model/limits.ts'
import {
  type Action,
  type HostMatch,
  hostKey,
  type KeyPair,
  type Location,
  type Owner,
  type PathMatch,
  type SecretFile,
  type Server,
  type Upstream,
} from '../model/model.ts'
import type { ObjectName, UriPath } from '../model/values.ts'
import type { Options } from '../options.ts'
import { backendTlsOf } from './backend-tls.ts'
import { type BackendRules, resolveBackend } from './backends.ts'
import { misfitIssues } from './buffers.ts'
import { type AuthAsker, protectLocations } from './external-auth.ts'
import type { Lookup } from './lookup.ts'
import type { IngressRoutes, Route } from './routes.ts'
import { NO_SETTINGS, settingsOf } from './settings.ts'
import { tlsOf } from './tls.ts'

/** One Ingress that speaks of a host. */
export type Contribution = {
  readonly ingress: Ingress
  readonly verdict: Exclude<IngressRoutes['verdict'], 'withhold'>
  readonly patches: Patches
  readonly routes: readonly Route[]
}

export type ServerTranslation = {
  readonly server: Server
  readonly upstreams: readonly Upstream[]
  readonly keyPair: KeyPair | undefined
  readonly secretFiles: readonly SecretFile[]
  readonly limitZones: readonly LimitZone[]
  readonly issues: readonly Issue[]
}

/** What answers a host's requests that no path matches. */
export type Fallback = { readonly namespace: string; readonly backend: IngressBackend } | undefined

const ROOT = '/' as UriPath
const UNAVAILABLE: Action = { kind: 'respond', status: 503, service: undefined }

/** `contributions` come oldest first. */
export function translateServer(
  host: HostMatch,
  contributions: readonly Contribution[],
  fallback: Fallback,
  lookup: Lookup,
  options: Options,
  rules: BackendRules,
): ServerTranslation {
  const issues: Issue[] = []
  const upstreams = new Map<string, Upstream>()
  const tls = tlsOf(
    host,
    contributions.map(({ ingress }) => ingress),
    lookup,
  )
  issues.push(...tls.issues)
  const backendTls = new Map(contributions.map((one) => [one, backendTlsOf(one.patches.location.backendTls, one.ingress, lookup)]))
  for (const found of backendTls.values()) issues.push(...found.issues)
  for (const { ingress, patches } of contributions) issues.push(...misfitIssues(patches.location.proxy ?? {}, ingress, options))

  function actionOf(backend: IngressBackend, namespace: string, contribution: Contribution | undefined, field: string): Action {
    const { location, upstream: patch } = contribution?.patches ?? { location: {}, upstream: {} }
    const connection = contribution && backendTls.get(contribution)
    const asker = { namespace, ingress: contribution?.ingress, field, patch, backend: location.backend, tls: connection?.terms }
    const resolve = (more: object) => resolveBackend(backend, { ...asker, ...more }, lookup, options, rules)
    const asClient = location.backend?.protocol === 'as-client'
    const resolved = asClient ? resolve({ backend: { ...location.backend, protocol: 'http' }, tls: undefined }) : resolve({})
    const overTls = asClient ? resolve({ backend: { ...location.backend, protocol: 'https' } }) : undefined
    issues.push(...resolved.issues)
    if (contribution?.verdict === 'unavailable' || connection?.isClosed || options.lacksProtection) return UNAVAILABLE
    for (const { upstream } of [resolved, overTls ?? resolved]) if (upstream !== undefined) upstreams.set(upstream.name, upstream)
    if (resolved.action.kind !== 'proxy' || overTls?.action.kind !== 'proxy') return resolved.action
    return { ...resolved.action, backendOverTls: overTls.action.backend }
  }

  const redirects = (tls.enabled && options.sslRedirect) || options.forceSslRedirect
  const locations = new Map<string, Location>()
  const claimedBy = new Map<string, Ingress>()
  const secretFiles: SecretFile[] = []
  const limitZones: LimitZone[] = []
  const authAskers = new Map<string, AuthAsker>()
  function claim(match: PathMatch, owner: Contribution | undefined, action: Action) {
    const canAuthenticate = !options.noAuthLocations.some((path) => isBelow(match.path, path))
    const found =
      owner === undefined ? NO_SETTINGS : settingsOf(owner.patches.location, { ingress: owner.ingress, canAuthenticate }, lookup, options)
    secretFiles.push(...found.secretFiles)
    limitZones.push(...found.limitZones)
    issues.push(...found.issues)
    locations.set(matchKey(match), {
      match,
      owner: owner && ownerOf(owner.ingress),
      settings: found.settings,
      redirectToHttps: redirects && !options.noTlsRedirectLocations.some((path) => isBelow(match.path, path)),
      action: found.isClosed ? UNAVAILABLE : action,
    })
    const auth = owner?.patches.location.externalAuth
    if (owner === undefined || auth === undefined || options.noAuthLocations.some((path) => isBelow(match.path, path))) return
    authAskers.set(matchKey(match), { ingress: owner.ingress, patch: auth })
  }

  for (const contribution of contributions) {
    for (const route of contribution.routes) {
      const winner = claimedBy.get(matchKey(route.match))
      if (winner !== undefined) {
        issues.push(collision(contribution.ingress, winner, host, route))
        continue
      }
      claimedBy.set(matchKey(route.match), contribution.ingress)
      claim(route.match, contribution, actionOf(route.backend, contribution.ingress.namespace, contribution, route.field))
    }
  }

  const everything: PathMatch = { kind: 'prefix', path: ROOT }
  const ruleForAll = claimedBy.get(matchKey(everything))
  const own = ruleForAll === undefined ? defaultBackendOwner(host, contributions) : undefined
  issues.push(...unheardDefaultBackends(host, contributions, ruleForAll, own?.ingress))
  if (ruleForAll === undefined) {
    if (own?.ingress.defaultBackend !== undefined)
      claim(everything, own, actionOf(own.ingress.defaultBackend, own.ingress.namespace, own, 'spec.defaultBackend'))
    else if (fallback !== undefined)
      claim(everything, undefined, actionOf(fallback.backend, fallback.namespace, undefined, '--default-backend-service'))
    else claim(everything, undefined, { kind: 'respond', status: 404, service: undefined })
  }

  const guarded = protectLocations(host, [...locations.values()], ({ match }) => authAskers.get(matchKey(match)), {
    lookup,
    options,
    rules,
  })
  issues.push(...guarded.issues)
  for (const upstream of guarded.upstreams) upstreams.set(upstream.name, upstream)

  const server: Server = {
    host,
    locations: guarded.locations,
    tls: tls.enabled ? { keyPair: tls.keyPair?.name } : undefined,
    owners: contributions.map(({ ingress }) => ({ kind: 'Ingress', namespace: ingress.namespace, name: ingress.name })),
  }
  for (const { files } of backendTls.values()) secretFiles.push(...files)
  return { server, upstreams: [...upstreams.values()], keyPair: tls.keyPair, secretFiles, limitZones, issues }
}

/** For the catch-all, an Ingress that has nothing but a default backend comes before one that has rules too. */
function defaultBackendOwner(host: HostMatch, contributions: readonly Contribution[]): Contribution | undefined {
  const candidates = contributions.filter(({ ingress }) => ingress.defaultBackend !== undefined)
  return (host.kind === 'any' && candidates.find(({ ingress }) => ingress.rules.length === 0)) || candidates[0]
}

/**
 * Default backends that another Ingress' takes the place of. One that stands beside rules is there for its own hosts,
 * and to give way there to a rule for `/` is its nature.
 */
function unheardDefaultBackends(
  host: HostMatch,
  contributions: readonly Contribution[],
  ruleForAll: Ingress | undefined,
  chosen: Ingress | undefined,
): readonly Issue[] {
  const winner = chosen ?? (host.kind === 'any' ? ruleForAll : undefined)
  if (winner === undefined) return []
  return contributions
    .map(({ ingress }) => ingress)
    .filter((ingress) => ingress !== winner && ingress.defaultBackend !== undefined && (host.kind !== 'any' || ingress.rules.length === 0))
    .map((loser) =>
      issue('path-claimed', loser, {
        field: 'spec.defaultBackend',
        message: `what no path matches on ${hostKey(host) || 'any host'} goes to ${describeObject(winner)} already; this default backend gets none of it`,
      }),
    )
}

function matchKey(match: PathMatch): string {
  return `${match.kind} ${match.path}`
}

function ownerOf(ingress: Ingress): Owner {
  return { namespace: ingress.namespace as ObjectName, ingress: ingress.name as ObjectName }
}

function isBelow(path: UriPath, above: UriPath): boolean {
  return above === ROOT || path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`)
}

function collision(loser: Ingress, winner: Ingress, host: HostMatch, route: Route): Issue {
  const place = `${hostKey(host) || 'any host'}${route.match.path}`
  const who = winner === loser ? 'an earlier rule of this Ingress' : `${describeObject(winner)}, which is older or comes first by name,`
  return issue('path-claimed', loser, {
    field: route.field.replace(/\.backend$/, ''),
    message: `${place} (${route.match.kind}) is claimed by ${who} already; this path is left out`,
  })
}
