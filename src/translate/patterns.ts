/**
 * Hosts some of whose paths are regular expressions: how the others are matched then, in which order they are tried, and
 * who is told. Beside a single rewrite-target under its prefix, ingress-nginx makes all paths of the host expressions.
 */
import { describeObject, type Issue, issue } from '../model/issue.ts'
import { describeHost, type HostMatch, type Location, type PathMatch, textOf } from '../model/model.ts'
import { escapePattern, parsePattern, patternOfPath } from '../model/pattern.ts'
import { mustParse, type UriPath } from '../model/values.ts'
import type { Route } from './routes.ts'
import type { Contribution } from './server.ts'

export type SettledMatches = {
  /** The same, with all paths as they are matched on this host. */
  readonly contributions: readonly Contribution[]
  /** Matches whatever nothing else does. */
  readonly everything: PathMatch
  /** Orders locations as they are to be tried; the order is of no matter where there are no expressions. */
  readonly inOrder: (locations: readonly Location[]) => readonly Location[]
  readonly issues: readonly Issue[]
}

/** Each request is held against one after the other: a thousand take most of a millisecond. */
export const MOST_PATTERNS = 1000

const EVERYTHING: PathMatch = { kind: 'prefix', path: '/' as UriPath }

/** Decides how the paths of a host are matched; `contributions` come oldest first. */
export function settleMatches(host: HostMatch, contributions: readonly Contribution[]): SettledMatches {
  const asker = contributions.find(({ regexReach }) => regexReach === 'host')
  if (asker === undefined) {
    const hasPatterns = contributions.some(({ regexReach }) => regexReach !== undefined)
    return {
      contributions,
      everything: EVERYTHING,
      inOrder: hasPatterns ? (locations) => locations.toSorted(byBeginning) : (locations) => locations,
      issues: contributions.flatMap((contribution) => (contribution.regexReach === undefined ? regexLikePaths(contribution) : [])),
    }
  }
  return {
    contributions: contributions.map((contribution) => ({ ...contribution, routes: contribution.routes.map(asPattern) })),
    everything: patternMatch('/'),
    inOrder: (locations) => locations.toSorted(byLength),
    issues: contributions.flatMap((contribution) => (contribution.regexReach === undefined ? regexMode(host, contribution, asker) : [])),
  }
}

/** A path that cannot be an expression, of an Ingress that did not ask to have any, stands for itself. */
export function asPattern(route: Route): Route {
  if (route.match.kind === 'regex') return route
  const pattern = patternOfPath(route.path)
  return { ...route, match: pattern.ok ? { kind: 'regex', pattern: pattern.value } : patternMatch(escapePattern(route.match.path)) }
}

function patternMatch(text: string): PathMatch {
  return { kind: 'regex', pattern: mustParse(parsePattern(text)) }
}

function regexLikePaths({ ingress, routes }: Contribution): readonly Issue[] {
  return routes
    .filter(({ path }) => /[()[\]^$*+|\\]|\{\d/.test(path))
    .map(({ path, field }) =>
      issue('regex-like-path', ingress, {
        field: field.replace(/\.backend$/, '.path'),
        message: `path ${JSON.stringify(path)} looks like a regular expression and is compared literally`,
      }),
    )
}

/** How many paths a message names. */
const MOST_NAMED = 3

/** A Prefix of / matches everything either way. */
function regexMode(host: HostMatch, { ingress, routes }: Contribution, asker: Contribution): readonly Issue[] {
  const changed = routes.filter(({ match }) => match.kind !== 'prefix' || match.path !== '/').map(({ path }) => JSON.stringify(path))
  if (changed.length === 0) return []
  const more = changed.length > MOST_NAMED ? ` and ${changed.length - MOST_NAMED} more` : ''
  const message = `${describeObject(asker.ingress)} makes the paths of ${describeHost(host)} regular expressions: ${changed.slice(0, MOST_NAMED).join(', ')}${more} match without case now, and whatever follows`
  return [issue('regex-mode', ingress, { field: 'spec.rules', message })]
}

/** As ingress-nginx: the longest expression first, then the last in the alphabet. */
function byLength(a: Location, b: Location): number {
  return compare(lengthOf(b.match), lengthOf(a.match)) || compare(textOf(b.match), textOf(a.match))
}

/**
 * Exact paths first. An expression counts for as much as its beginning that is no pattern, so that it takes nothing from
 * a longer Prefix; of two with the same beginning the longer one comes first.
 */
function byBeginning(a: Location, b: Location): number {
  return (
    compare(beginningOf(b.match), beginningOf(a.match)) ||
    Number(b.match.kind === 'regex') - Number(a.match.kind === 'regex') ||
    byLength(a, b)
  )
}

function beginningOf(match: PathMatch): number {
  if (match.kind === 'exact') return Number.POSITIVE_INFINITY
  return match.kind === 'prefix' ? match.path.length : match.pattern.beginning.length
}

/** Beside expressions, Exact is what was said of / itself. */
function lengthOf(match: PathMatch): number {
  return match.kind === 'exact' ? Number.POSITIVE_INFINITY : Buffer.byteLength(textOf(match))
}

function compare<Value extends number | string>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0
}
