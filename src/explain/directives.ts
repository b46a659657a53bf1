/** What two models differ in, as lines of NGINX configuration: rendered both, at the example of one location. */
import type { LimitZone } from '../model/limits.ts'
import { hostKey, type Location, type Model, type Owner, type Server, type Upstream } from '../model/model.ts'
import { printPart, type RenderContext } from '../render/render.ts'
import type { Directives } from './schema.ts'

export type Change = { readonly directives: readonly Directives[]; readonly locations: number }

export const NO_CHANGE: Change = { directives: [], locations: 0 }

/** What `after` has and `before` has not, and the other way round. Of many locations that differ one is shown, an own one first. */
export function changeBetween(before: Model, after: Model, owner: Owner, context: RenderContext): Change {
  const [old, now] = [byHost(before.servers), byHost(after.servers)]
  const hosts = [...new Set([...now.keys(), ...old.keys()])]
  const changed = hosts.filter((host) => !isEqual(old.get(host), now.get(host)))
  const places = changed.flatMap((host) => changedPlaces(host, old.get(host), now.get(host)))
  const shown = places.find((place) => isOwn(place, owner)) ?? places[0]
  // With a location each the same in both, a server still shows what differs of itself.
  const cut = (servers: ReadonlyMap<string, Server>) =>
    changed.flatMap((host) => {
      const server = servers.get(host)
      if (server === undefined || (shown !== undefined && host !== shown.host && areSettingsEqual(old.get(host), now.get(host)))) return []
      return [{ ...server, locations: server.locations.filter((location) => host === shown?.host && matchKey(location) === shown.match) }]
    })
  const directives = difference(
    linesOf(
      printPart(
        { servers: cut(old), upstreams: added(after.upstreams, before.upstreams), limitZones: added(after.limitZones, before.limitZones) },
        before,
        context,
      ),
    ),
    linesOf(
      printPart(
        { servers: cut(now), upstreams: added(before.upstreams, after.upstreams), limitZones: added(before.limitZones, after.limitZones) },
        after,
        context,
      ),
    ),
  )
  return { directives, locations: places.length }
}

type Place = { readonly host: string; readonly match: string; readonly owners: readonly (Owner | undefined)[] }

function changedPlaces(host: string, before: Server | undefined, after: Server | undefined): readonly Place[] {
  const [old, now] = [byMatch(before), byMatch(after)]
  return [...new Set([...now.keys(), ...old.keys()])]
    .filter((match) => !isEqual(old.get(match), now.get(match)))
    .map((match) => ({ host, match, owners: [now.get(match)?.owner, old.get(match)?.owner] }))
}

function isOwn({ owners }: Place, { namespace, ingress }: Owner): boolean {
  return owners.some((owner) => owner?.namespace === namespace && owner.ingress === ingress)
}

function areSettingsEqual(before: Server | undefined, after: Server | undefined): boolean {
  return isEqual({ ...before, locations: [] }, { ...after, locations: [] })
}

/** Upstreams of the second that the first has not. */
function added<Part extends Upstream | LimitZone>(first: readonly Part[], second: readonly Part[]): readonly Part[] {
  const known = new Set(first.map((part) => JSON.stringify(part)))
  return second.filter((part) => !known.has(JSON.stringify(part)))
}

function byHost(servers: readonly Server[]): ReadonlyMap<string, Server> {
  return new Map(servers.map((server) => [hostKey(server.host), server]))
}

function byMatch(server: Server | undefined): ReadonlyMap<string, Location> {
  return new Map(server?.locations.map((location) => [matchKey(location), location]))
}

/** Of a location whose kind of match changes the path stays. */
function matchKey({ match }: Location): string {
  return JSON.stringify({ ...match, kind: match.kind === 'exact' ? 'exact' : 'other' })
}

/** Models are plain data whose makers order their keys the same each time. */
function isEqual(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

export type Line = { readonly context: Directives['context']; readonly text: string }

/** The directives of a text that we rendered: one a line, blocks end with a line of their own. Comments are nobody's effect. */
export function linesOf(text: string): readonly Line[] {
  const lines: Line[] = []
  const open: string[] = []
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    if (line === '}') {
      open.pop()
      continue
    }
    lines.push({ context: contextOf(open), text: line })
    if (line.endsWith('{')) open.push(line.split(' ')[0] ?? '')
  }
  return lines
}

function contextOf(open: readonly string[]): Line['context'] {
  return (open.findLast((block) => block === 'location' || block === 'server' || block === 'upstream') as Line['context']) ?? 'http'
}

const CONTEXTS = ['http', 'server', 'location', 'upstream'] as const

/** By context; an order that changes is no difference. A path by segments is two locations that say the same. */
function difference(before: readonly Line[], after: readonly Line[]): readonly Directives[] {
  const [addedLines, removedLines] = [without(after, before), without(before, after)]
  const of = (lines: readonly Line[], context: Line['context']) => [
    ...new Set(lines.filter((line) => line.context === context).map(({ text }) => text)),
  ]
  return CONTEXTS.map((context) => ({ context, added: of(addedLines, context), removed: of(removedLines, context) })).filter(
    (block) => block.added.length + block.removed.length > 0,
  )
}

/** The names of upstreams begin with a hash of what is in them, and that they differ says nothing. */
function keyOf({ context, text }: Line): string {
  return `${context} ${text.replace(/\b[0-9a-f]{12}_/, '')}`
}

function without(lines: readonly Line[], others: readonly Line[]): readonly Line[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(keyOf(line), (left.get(keyOf(line)) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(keyOf(line)) ?? 0
    left.set(keyOf(line), count - 1)
    return count <= 0
  })
}
