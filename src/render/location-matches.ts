/** How NGINX is told what a location matches. */
import type { Location, PathMatch } from '../model/model.ts'
import { escapePattern } from '../model/pattern.ts'

type Matching = Pick<Location, 'match'>

/** The head of a `location`. */
export type MatchView = { readonly modifier: '=' | '^~' | '~' | '~*'; readonly path: string }

/**
 * Where there is an expression, NGINX would hold all `=` and `^~` before it and all other prefixes after it, whatever the
 * model's order is. So everything is an expression there, and the first that matches wins.
 */
export function matchViewsOf<Place extends Matching>(locations: readonly Place[]): readonly (readonly [Place, MatchView])[] {
  if (locations.some(({ match }) => match.kind === 'regex')) return locations.map((location) => [location, asExpression(location.match)])
  const exactPaths = new Set(locations.flatMap(({ match }) => (match.kind === 'exact' ? [match.path] : [])))
  const asWritten = locations.flatMap((location) => asPaths(location.match, exactPaths).map((view) => [location, view] as const))
  return [...asWritten, ...unredirected(locations)]
}

/** `\z`, because `$` also matches before a line feed at the end. */
function asExpression(match: PathMatch): MatchView {
  if (match.kind === 'regex') return { modifier: '~*', path: `^${match.pattern.text}` }
  if (match.path === '/' && match.kind === 'prefix') return { modifier: '~', path: '^/' }
  return { modifier: '~', path: `^${escapePattern(match.path)}${match.kind === 'exact' ? '\\z' : '(?:/|\\z)'}` }
}

/**
 * A prefix by segments takes two locations, `= /foo` and `^~ /foo/`: NGINX compares bytes, and a lone `/foo/` would
 * answer `/foo` with a redirect. `^~` keeps the longest prefix the winner whatever else is there.
 */
function asPaths(match: PathMatch, exactPaths: ReadonlySet<string>): readonly MatchView[] {
  if (match.kind === 'regex') return [asExpression(match)]
  const { kind, path } = match
  if (kind === 'exact') return [{ modifier: '=', path }]
  if (path === '/') return [{ modifier: '^~', path }]
  const below: MatchView = { modifier: '^~', path: `${path}/` }
  return exactPaths.has(path) ? [below] : [{ modifier: '=', path }, below]
}

/**
 * NGINX redirects `/foo` to a proxied `= /foo/` unless `/foo` has a location of its own: it gets one that does what the
 * longest prefix above it does.
 */
function unredirected<Place extends Matching>(locations: readonly Place[]): readonly (readonly [Place, MatchView])[] {
  const paths = locations.flatMap((location) => (location.match.kind === 'regex' ? [] : [{ location, match: location.match }]))
  const claimed = new Set<string>(paths.map(({ match }) => match.path))
  return paths.flatMap(({ match }) => {
    const path = match.path.slice(0, -1)
    if (match.kind !== 'exact' || !match.path.endsWith('/') || path === '' || claimed.has(path)) return []
    const above = paths
      .filter((one) => one.match.kind === 'prefix' && (one.match.path === '/' || path.startsWith(`${one.match.path}/`)))
      .reduce<(typeof paths)[number] | undefined>(
        (longest, one) => (one.match.path.length > (longest?.match.path.length ?? 0) ? one : longest),
        undefined,
      )
    return above === undefined ? [] : [[above.location, { modifier: '=', path }] as const]
  })
}
