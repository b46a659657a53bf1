/** Canary Ingresses of a host → the backends that get some of the requests of its paths. */
import type { CanaryPatch, UpstreamPatch } from '../annotations/patch.ts'
import type { Canary, CanaryHeader } from '../model/canary.ts'
import { WHOLE_SHARE } from '../model/canary.ts'
import { describeObject, type Issue, issue } from '../model/issue.ts'
import { type Action, describeHost, type HostMatch, type PathMatch, textOf } from '../model/model.ts'
import type { ObjectName } from '../model/values.ts'
import { asPattern } from './patterns.ts'
import { matchKey, type Route } from './routes.ts'
import type { Contribution } from './server.ts'

/** What a request's headers and cookies say of each stands in one token of NGINX's, up to 58 bytes for each canary. */
const MOST_CANARIES = 64

/** Who asks for a canary's backend: a route of the canary, for a path of its main Ingress. */
export type CanaryAsker = {
  readonly canary: Contribution
  readonly route: Route
  readonly main: Contribution
  /** The path as the main Ingress has it. */
  readonly match: PathMatch
  /** What is asked for the upstream. */
  readonly patch: UpstreamPatch
}

/** Finds a canary's backend. */
export type ResolveCanary = (asker: CanaryAsker) => Action

/** What a path of the main Ingress is joined by. */
export type CanaryRoutes = {
  /** The canaries of a path of `main`, oldest first. */
  of(match: PathMatch, main: Contribution, resolve: ResolveCanary): readonly Canary[]
  /** That `main` has a path and answers nobody there, so that its canaries do neither. */
  silence(match: PathMatch, main: Contribution): void
  /** What was found wrong: shares above the whole, too many, and, once all paths have asked, canaries that nobody asked for. */
  issues(): readonly Issue[]
}

/** `canaries` come oldest first. */
export function canaryRoutesOf(host: HostMatch, canaries: readonly Contribution[]): CanaryRoutes {
  type Waiting = { readonly canary: Contribution; readonly route: Route; readonly keys: readonly string[] }
  // On a host where paths are expressions, the main Ingress' is one.
  const waiting = canaries.flatMap((canary) =>
    canary.routes.map((route): Waiting => ({ canary, route, keys: [matchKey(route.match), matchKey(asPattern(route).match)] })),
  )
  const byKey = new Map<string, Waiting[]>()
  for (const each of waiting) for (const key of new Set(each.keys)) byKey.set(key, [...(byKey.get(key) ?? []), each])
  const mains = new Map<string, Contribution>()
  const issues: Issue[] = []

  return {
    of(match, main, resolve) {
      const key = matchKey(match)
      mains.set(key, main)
      let left = WHOLE_SHARE
      const found: Canary[] = []
      for (const { canary, route } of byKey.get(key) ?? []) {
        if (canary.ingress.namespace !== main.ingress.namespace || canary.verdict === 'unavailable') continue
        const rules = canary.patches.upstream.canary ?? {}
        const keepsSessions = keepsSessionsOf(main.patches.upstream, canary.patches.upstream)
        if (isIdle(rules) && !(keepsSessions && main.patches.upstream.affinity?.isOn === true)) continue
        if (found.length === MOST_CANARIES) {
          issues.push(tooManyCanaries(canary, host, route))
          continue
        }
        const patch = upstreamPatchOf(main.patches.upstream, canary.patches.upstream, keepsSessions)
        const action = resolve({ canary, route, main, match, patch })
        if (action.kind !== 'proxy') continue
        const { share, issue: wrong } = shareOf(rules, left, canary)
        if (wrong !== undefined) issues.push(wrong)
        left -= share
        found.push({
          owner: { namespace: canary.ingress.namespace as ObjectName, ingress: canary.ingress.name as ObjectName },
          backend: action.backend,
          backendOverTls: action.backendOverTls,
          header: headerOf(rules),
          cookie: rules.cookie,
          share,
          keepsSessions,
        })
      }
      return found
    },
    silence: (match, main) => void mains.set(matchKey(match), main),
    issues() {
      const lost = waiting.flatMap(({ canary, route, keys }) => {
        const found = keys.flatMap((key) => mains.get(key) ?? [])
        const isHeard = found.some(({ ingress }) => ingress.namespace === canary.ingress.namespace)
        return isHeard ? [] : [withoutMain(canary, host, route, found[0])]
      })
      return [...issues, ...lost]
    },
  }
}

/** Those of hosts that no other Ingress speaks of. */
export function canariesWithoutHost(host: HostMatch, canaries: readonly Contribution[]): readonly Issue[] {
  return canaryRoutesOf(host, canaries).issues()
}

function withoutMain(canary: Contribution, host: HostMatch, { match, field }: Route, main: Contribution | undefined): Issue {
  const place = `${describeHost(host)}${textOf(match)} (${match.kind})`
  const why =
    main === undefined
      ? `no Ingress serves ${place}, so that there is nothing this could be the canary of`
      : `${place} is served by ${describeObject(main.ingress)}, and a canary must be in the namespace of the main Ingress`
  return issue('canary-without-main', canary.ingress, { field, message: `${why}; it gets no requests there` })
}

function tooManyCanaries({ ingress }: Contribution, host: HostMatch, { match, field }: Route): Issue {
  const message = `${describeHost(host)}${textOf(match)} (${match.kind}) has ${MOST_CANARIES} canaries that are older or come first by name; this one gets no requests there`
  return issue('too-many-canaries', ingress, { field, message })
}

/** Whether no request asks for the canary: a rollout's begins and ends so, mostly without endpoints. */
function isIdle({ header, cookie, weight = 0 }: CanaryPatch): boolean {
  return header === undefined && cookie === undefined && weight === 0
}

/** What the canary says of it, else the main Ingress. */
function keepsSessionsOf(main: UpstreamPatch, canary: UpstreamPatch): boolean {
  return (canary.affinity?.canaries ?? main.affinity?.canaries ?? 'sticky') === 'sticky'
}

/** Sessions are kept across backends by one cookie, the main Ingress'. */
function upstreamPatchOf(main: UpstreamPatch, canary: UpstreamPatch, keepsSessions: boolean): UpstreamPatch {
  return keepsSessions && main.affinity?.isOn === true ? { ...canary, affinity: main.affinity } : canary
}

function headerOf({ header, headerValue, headerPattern }: CanaryPatch): CanaryHeader | undefined {
  if (header === undefined) return undefined
  if (headerValue !== undefined) return { name: header, asks: { by: 'value', value: headerValue } }
  if (headerPattern !== undefined) return { name: header, asks: { by: 'pattern', pattern: headerPattern } }
  return { name: header, asks: { by: 'word' } }
}

/** A total below 100 is 100, as in ingress-nginx. */
const LEAST_TOTAL = 100

function shareOf({ weight = 0, weightTotal = LEAST_TOTAL }: CanaryPatch, left: number, { ingress }: Contribution) {
  const total = Math.max(LEAST_TOTAL, weightTotal)
  if (weight > total) {
    const message = `the weight ${weight} is more than the total ${total}; no requests go to the canary by weight`
    return { share: 0, issue: issue('canary-weight', ingress, { message }) }
  }
  // What is asked for is never rounded to nothing.
  const asked = weight === 0 ? 0 : Math.max(1, Math.round((weight / total) * WHOLE_SHARE))
  if (asked <= left) return { share: asked, issue: undefined }
  const message = `older canaries have ${(WHOLE_SHARE - left) / 100} % of the requests by weight already; this one gets ${left / 100} %`
  return { share: left, issue: issue('canary-weight', ingress, { message }) }
}
