/** What all Ingresses say of one host → one Server: the oldest wins a collision, the loser is told. */
import type { Patches } from '../annotations/define.ts'
import type { Ingress, IngressBackend } from '../cluster/objects.ts'
import type { Canary } from '../model/canary.ts'
import { describeObject, type Issue, issue } from '../model/issue.ts'
import {
  type Action,
  type HostMatch,
  hostKey,
  type KeyPair,
  type Location,
  type Owner,
  type PathMatch,
  type Server,
  type Upstream,
} from '../model/model.ts'
import type { ObjectName, UriPath } from '../model/values.ts'
import type { Options } from '../options.ts'
import { type BackendRules, resolveBackend } from './backends.ts'
import { canaryRoutesOf, EVERYTHING, type ResolveCanary } from './canaries.ts'
import type { Lookup } from './lookup.ts'
import { type IngressRoutes, matchKey, type Route } from './routes.ts'
import { settingsOf } from './settings.ts'
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
  readonly issues: readonly Issue[]
}

/** What answers a host's requests that no path matches. */
export type Fallback = { readonly namespace: string; readonly backend: IngressBackend } | undefined

const ROOT = '/' as UriPath

/** `contributions` and `canaries` come oldest first; a canary adds nothing but another backend for some requests. */
export function translateServer(
  host: HostMatch,
  contributions: readonly Contribution[],
  canaries: readonly Contribution[],
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

  function actionOf(
    backend: IngressBackend,
    namespace: string,
    contribution: Contribution | undefined,
    match: PathMatch,
    field: string,
  ): Action {
    const asker = { namespace, ingress: contribution?.ingress, field, match, patch: contribution?.patches.upstream ?? {} }
    const resolved = resolveBackend(backend, asker, lookup, options, rules)
    issues.push(...resolved.issues)
    if (contribution?.verdict === 'unavailable' || options.lacksProtection) return { kind: 'respond', status: 503, service: undefined }
    if (resolved.upstream !== undefined) upstreams.set(resolved.upstream.name, resolved.upstream)
    return resolved.action
  }

  const canaryRoutes = canaryRoutesOf(host, canaries)
  const resolveCanary: ResolveCanary = (backend, { ingress }, patch, match, field) => {
    const asker = { namespace: ingress.namespace, ingress, field, match, patch, isCanary: true }
    const resolved = resolveBackend(backend, asker, lookup, options, rules)
    issues.push(...resolved.issues)
    if (resolved.upstream !== undefined) upstreams.set(resolved.upstream.name, resolved.upstream)
    return resolved.action
  }

  /** Where the main backend answers nobody, be it for a protection that cannot be built, its canaries do neither. */
  function canariesOf(match: PathMatch, main: Contribution, action: Action): readonly Canary[] {
    if (action.kind === 'proxy') return canaryRoutes.of(match, main, resolveCanary)
    canaryRoutes.silence(match, main)
    return []
  }

  const redirects = (tls.enabled && options.sslRedirect) || options.forceSslRedirect
  const locations = new Map<string, Location>()
  const claimedBy = new Map<string, Ingress>()
  function claim(match: PathMatch, owner: Contribution | undefined, action: Action) {
    const joined = owner === undefined ? [] : canariesOf(match, owner, action)
    locations.set(matchKey(match), {
      match,
      owner: owner && ownerOf(owner.ingress),
      settings: owner === undefined ? {} : settingsOf(owner.patches.location),
      redirectToHttps: redirects && !options.noTlsRedirectLocations.some((path) => isBelow(match.path, path)),
      action,
      ...(joined.length > 0 && { canaries: joined }),
    })
  }

  for (const contribution of contributions) {
    for (const route of contribution.routes) {
      const winner = claimedBy.get(matchKey(route.match))
      if (winner !== undefined) {
        issues.push(collision(contribution, winner, host, route))
        continue
      }
      claimedBy.set(matchKey(route.match), contribution.ingress)
      claim(route.match, contribution, actionOf(route.backend, contribution.ingress.namespace, contribution, route.match, route.field))
    }
  }

  const everything = EVERYTHING
  const ruleForAll = claimedBy.get(matchKey(everything))
  const own = ruleForAll === undefined ? defaultBackendOwner(host, contributions) : undefined
  issues.push(...unheardDefaultBackends(host, contributions, ruleForAll, own?.ingress))
  if (ruleForAll === undefined) {
    if (own?.ingress.defaultBackend !== undefined)
      claim(everything, own, actionOf(own.ingress.defaultBackend, own.ingress.namespace, own, everything, 'spec.defaultBackend'))
    else if (fallback !== undefined)
      claim(everything, undefined, actionOf(fallback.backend, fallback.namespace, undefined, everything, '--default-backend-service'))
    else claim(everything, undefined, { kind: 'respond', status: 404, service: undefined })
  }

  issues.push(...canaryRoutes.issues())

  const server: Server = {
    host,
    locations: [...locations.values()],
    tls: tls.enabled ? { keyPair: tls.keyPair?.name } : undefined,
    owners: [...contributions, ...canaries].map(({ ingress }) => ({ kind: 'Ingress', namespace: ingress.namespace, name: ingress.name })),
  }
  return { server, upstreams: [...upstreams.values()], keyPair: tls.keyPair, issues }
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

function ownerOf(ingress: Ingress): Owner {
  return { namespace: ingress.namespace as ObjectName, ingress: ingress.name as ObjectName }
}

function isBelow(path: UriPath, above: UriPath): boolean {
  return above === ROOT || path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`)
}

function collision({ ingress: loser, patches }: Contribution, winner: Ingress, host: HostMatch, route: Route): Issue {
  const place = `${hostKey(host) || 'any host'}${route.match.path}`
  const field = route.field.replace(/\.backend$/, '')
  // As rollouts leave their canary when it is not needed.
  if (patches.upstream.canary?.isOn === false && winner !== loser && winner.namespace === loser.namespace) {
    const message = `is no canary for now; ${place} (${route.match.kind}) is served by ${describeObject(winner)} alone`
    return issue('canary-off', loser, { field, message })
  }
  const who = winner === loser ? 'an earlier rule of this Ingress' : `${describeObject(winner)}, which is older or comes first by name,`
  return issue('path-claimed', loser, {
    field,
    message: `${place} (${route.match.kind}) is claimed by ${who} already; this path is left out`,
  })
}
