/** What all Ingresses say of one host → one Server: the oldest wins a collision, the loser is told. */
import { isDeepStrictEqual } from 'node:util'
import type { Patches } from '../annotations/define.ts'
import type { RegexReach, ServerPatch } from '../annotations/patch.ts'
import { spelledUnder } from '../annotations/prefixes.ts'
import type { Ingress, IngressBackend } from '../cluster/objects.ts'
import type { Canary } from '../model/canary.ts'
import { describeObject, type Issue, issue } from '../model/issue.ts'
import type { LimitZone } from '../model/limits.ts'
import {
  type Action,
  describeHost,
  type HostMatch,
  type KeyPair,
  type Location,
  type PathMatch,
  type SecretFile,
  type Server,
  textOf,
  type Upstream,
} from '../model/model.ts'
import { isTextWithDots } from '../model/pattern.ts'
import type { RedirectTarget, RewriteTarget } from '../model/redirect.ts'
import type { UriPath } from '../model/values.ts'
import type { Options } from '../options.ts'
import { backendTlsOf } from './backend-tls.ts'
import { misfitIssues } from './buffers.ts'
import { canaryRoutesOf, type ResolveCanary } from './canaries.ts'
import type { BackendRules } from './endpoints.ts'
import { type AuthAsker, authAskerOf, globalAuthOf, protectLocations } from './external-auth.ts'
import type { Lookup } from './lookup.ts'
import { MOST_PATTERNS, settleMatches } from './patterns.ts'
import { type IngressRoutes, isBelow, matchKey, ownerOf, pathFieldOf, type Route } from './routes.ts'
import { NO_SETTINGS, settingsOf } from './settings.ts'
import { tlsOf } from './tls.ts'
import { resolveWays } from './ways.ts'
import { type WwwServer, wwwServerOf } from './www.ts'

/** One Ingress that speaks of a host. */
export type Contribution = {
  readonly ingress: Ingress
  readonly verdict: Exclude<IngressRoutes['verdict'], 'withhold'>
  readonly patches: Patches
  readonly routes: readonly Route[]
  /** Whose paths of the host it makes regular expressions; undefined for none. */
  readonly regexReach: RegexReach | undefined
}

export type ServerTranslation = {
  readonly server: Server
  readonly upstreams: readonly Upstream[]
  readonly keyPair: KeyPair | undefined
  readonly secretFiles: readonly SecretFile[]
  readonly limitZones: readonly LimitZone[]
  /** That of the other name, with or without www., where an Ingress asks for it; it gives way to rules for that name. */
  readonly www: WwwServer | undefined
  readonly issues: readonly Issue[]
}

/** What answers a host's requests that no path matches. */
export type Fallback = { readonly namespace: string; readonly backend: IngressBackend } | undefined

const ROOT = '/' as UriPath
const UNAVAILABLE: Action = { kind: 'respond', status: 503, service: undefined }

/** What is `written` comes oldest first, and so do `canaries`, which add nothing but another backend for some requests. */
export function translateServer(
  host: HostMatch,
  written: readonly Contribution[],
  canaries: readonly Contribution[],
  fallback: Fallback,
  lookup: Lookup,
  options: Options,
  rules: BackendRules,
): ServerTranslation {
  const issues: Issue[] = []
  const { contributions, everything, inOrder, issues: matchIssues } = settleMatches(host, written)
  issues.push(...matchIssues)
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

  function actionOf(
    backend: IngressBackend,
    namespace: string,
    contribution: Contribution | undefined,
    match: PathMatch,
    field: string,
  ): Action {
    const { location, upstream: patch } = contribution?.patches ?? { location: {}, upstream: {} }
    const connection = contribution && backendTls.get(contribution)
    const asker = { namespace, ingress: contribution?.ingress, field, match, patch, backend: location.backend, tls: connection?.terms }
    const resolved = resolveWays(backend, asker, lookup, options, rules)
    issues.push(...resolved.issues)
    if (contribution?.verdict === 'unavailable' || connection?.isClosed || options.lacksProtection) return UNAVAILABLE
    for (const upstream of resolved.upstreams) upstreams.set(upstream.name, upstream)
    return resolved.action
  }

  /** A redirect needs no backend, which is often there for the form only. */
  function actionOfRoute(
    { backend, match, field, rewrite }: Pick<Route, 'backend' | 'match' | 'field' | 'rewrite'>,
    contribution: Contribution,
  ): Action {
    const { ingress, verdict, patches } = contribution
    const to = patches.location.redirect ?? (rewrite?.kind === 'url' ? redirectBy(rewrite) : undefined)
    if (to === undefined || verdict === 'unavailable' || options.lacksProtection)
      return actionOf(backend, ingress.namespace, contribution, match, field)
    return { kind: 'redirect', ...to }
  }

  const canaryRoutes = canaryRoutesOf(host, canaries)
  /** A canary's backend is spoken to as the main Ingress says of its own. */
  const resolveCanary: ResolveCanary = ({ canary: { ingress }, route: { backend, field }, main, match, patch }) => {
    const way = { backend: main.patches.location.backend, tls: backendTls.get(main)?.terms }
    const asker = { namespace: ingress.namespace, ingress, field, match, patch, isCanary: true, ...way }
    const resolved = resolveWays(backend, asker, lookup, options, rules)
    issues.push(...resolved.issues)
    for (const upstream of resolved.upstreams) upstreams.set(upstream.name, upstream)
    return resolved.action
  }

  /** Where the main backend answers nobody, be it for a protection that cannot be built, its canaries do neither. */
  function canariesOf(match: PathMatch, main: Contribution, action: Action): readonly Canary[] {
    if (action.kind === 'proxy') return canaryRoutes.of(match, main, resolveCanary)
    canaryRoutes.silence(match, main)
    return []
  }

  const locations = new Map<string, Location>()
  const claimedBy = new Map<string, Ingress>()
  const secretFiles: SecretFile[] = []
  const limitZones: LimitZone[] = []
  const authAskers = new Map<string, AuthAsker>()
  const globalAuth = globalAuthOf(options)
  let patterns = 0
  function claim(match: PathMatch, owner: Contribution | undefined, wanted: Action, rewrite?: RewriteTarget) {
    const { withTls = options.sslRedirect, always = options.forceSslRedirect } = owner?.patches.location.httpsRedirect ?? {}
    const isRedirected = always || (tls.enabled && withTls)
    const canAuthenticate = !options.noAuthLocations.some((path) => isBelow(beginningOf(match), path))
    const found =
      owner === undefined ? NO_SETTINGS : settingsOf(owner.patches.location, { ingress: owner.ingress, canAuthenticate }, lookup, options)
    secretFiles.push(...found.secretFiles)
    limitZones.push(...found.limitZones)
    issues.push(...found.issues)
    const action = found.isClosed ? UNAVAILABLE : wanted
    const joined = owner === undefined ? [] : canariesOf(match, owner, action)
    locations.set(matchKey(match), {
      match,
      owner: owner && ownerOf(owner.ingress),
      settings: { ...found.settings, ...(rewrite?.kind === 'path' && { rewrite }) },
      redirectToHttps:
        isRedirected && !leadsElsewhere(wanted) && !options.noTlsRedirectLocations.some((path) => isBelow(textOf(match), path)),
      action,
      ...(joined.length > 0 && { canaries: joined }),
    })
    const asker = owner && canAuthenticate ? authAskerOf(owner.ingress, owner.patches.location, globalAuth) : undefined
    if (asker !== undefined) authAskers.set(matchKey(match), asker)
  }

  const appRoot = firstAsking('appRoot', 'app-root', contributions, issues)
  if (appRoot !== undefined && !options.lacksProtection)
    claim({ kind: 'exact', path: ROOT }, appRoot.contribution, {
      kind: 'redirect',
      status: 302,
      to: { kind: 'path', path: appRoot.asked.path },
    })

  for (const contribution of contributions) {
    for (const route of contribution.routes) {
      const key = matchKey(route.match)
      const winner = claimedBy.get(key)
      if (winner !== undefined) {
        issues.push(collision(contribution, winner, host, route))
        continue
      }
      if (route.match.kind === 'regex' && ++patterns > MOST_PATTERNS) {
        issues.push(tooManyPatterns(contribution.ingress, host, route))
        continue
      }
      claimedBy.set(key, contribution.ingress)
      if (locations.has(key)) issues.push(isAppRoot(contribution.ingress, host, route))
      else claim(route.match, contribution, actionOfRoute(route, contribution), route.rewrite)
    }
  }

  const ruleForAll = claimedBy.get(matchKey(everything))
  const own = ruleForAll === undefined ? defaultBackendOwner(host, contributions) : undefined
  issues.push(...unheardDefaultBackends(host, contributions, ruleForAll, own?.ingress))
  if (ruleForAll === undefined) {
    if (own?.ingress.defaultBackend !== undefined)
      claim(
        everything,
        own,
        actionOfRoute({ backend: own.ingress.defaultBackend, field: 'spec.defaultBackend', match: everything, rewrite: undefined }, own),
      )
    else if (fallback !== undefined)
      claim(everything, undefined, actionOf(fallback.backend, fallback.namespace, undefined, everything, '--default-backend-service'))
    else claim(everything, undefined, { kind: 'respond', status: 404, service: undefined })
  }

  const guarded = protectLocations(host, inOrder([...locations.values()]), ({ match }) => authAskers.get(matchKey(match)), {
    lookup,
    options,
    rules,
  })
  issues.push(...guarded.issues)
  for (const upstream of guarded.upstreams) upstreams.set(upstream.name, upstream)
  issues.push(...canaryRoutes.issues())

  const server: Server = {
    host,
    locations: guarded.locations,
    tls: tls.enabled ? { keyPair: tls.keyPair?.name } : undefined,
    owners: [...contributions, ...canaries].map(({ ingress }) => ({ kind: 'Ingress', namespace: ingress.namespace, name: ingress.name })),
  }
  for (const { files } of backendTls.values()) secretFiles.push(...files)
  const www = wwwServerOf(host, firstAsking('www', 'from-to-www-redirect', contributions, issues)?.contribution, lookup, options, issues)
  return { server, upstreams: [...upstreams.values()], keyPair: tls.keyPair, secretFiles, limitZones, www, issues }
}

type Asking<Noun extends keyof ServerPatch> = { readonly contribution: Contribution; readonly asked: NonNullable<ServerPatch[Noun]> }

/** The oldest Ingress that asks for something of the whole host; others that ask otherwise are told. One that is closed has no say. */
function firstAsking<Noun extends keyof ServerPatch>(
  noun: Noun,
  key: string,
  contributions: readonly Contribution[],
  issues: Issue[],
): Asking<Noun> | undefined {
  const asking = contributions.flatMap((contribution): Asking<Noun>[] => {
    const asked = contribution.patches.server[noun]
    return asked === undefined || contribution.verdict === 'unavailable' ? [] : [{ contribution, asked }]
  })
  const [first, ...others] = asking
  for (const { contribution, asked } of others)
    if (!isDeepStrictEqual(asked, first?.asked))
      issues.push(
        issue('host-setting-claimed', contribution.ingress, {
          annotation: spelledUnder(contribution.ingress.annotations, key),
          message: `${describeObject(first?.contribution.ingress ?? contribution.ingress)}, which is older or comes first by name, has decided this for the host; it has no effect`,
        }),
      )
  return first
}

function redirectBy(target: RewriteTarget): { readonly status: 302; readonly to: RedirectTarget } {
  return { status: 302, to: { kind: 'rewrite', target } }
}

/** To a URL with a scheme of its own. As in ingress-nginx, nobody is sent to https first. */
function leadsElsewhere(action: Action): boolean {
  return action.kind === 'redirect' && (action.to.kind === 'url' || action.to.kind === 'rewrite')
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
        message: `what no path matches on ${describeHost(host)} goes to ${describeObject(winner)} already; this default backend gets none of it`,
      }),
    )
}

/**
 * What every request that it takes begins with. A path that has dots and nothing else of an expression counts as it is
 * written: it may be a path of an Ingress that asked for no expressions, as those of an ACME solver are, and takes one
 * character in place of each dot, but nothing of other paths.
 */
function beginningOf(match: PathMatch): string {
  if (match.kind !== 'regex') return match.path
  return isTextWithDots(match.pattern) ? match.pattern.text : match.pattern.beginning
}

function collision({ ingress: loser, patches }: Contribution, winner: Ingress, host: HostMatch, route: Route): Issue {
  const place = `${describeHost(host)}${textOf(route.match)}`
  const field = pathFieldOf(route)
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

function tooManyPatterns(ingress: Ingress, host: HostMatch, route: Route): Issue {
  return issue('too-many-patterns', ingress, {
    field: pathFieldOf(route),
    message: `${describeHost(host)} has ${MOST_PATTERNS} regular expressions already; ${textOf(route.match)} is left out`,
  })
}

function isAppRoot(ingress: Ingress, host: HostMatch, route: Route): Issue {
  return issue('path-claimed', ingress, {
    field: pathFieldOf(route),
    message: `${describeHost(host)}/ (exact) is redirected by app-root; this path is left out`,
  })
}
