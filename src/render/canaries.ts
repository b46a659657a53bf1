/**
 * Which backend a request of a location gets: a variable that has the number of a canary, or 0. Names of backends stay
 * literal in `proxy_pass`: by variable, NGINX would search all upstreams at each request.
 */
import { type Canary, type CanaryHeader, WHOLE_SHARE } from '../model/canary.ts'
import type { Backend, Capabilities, Location } from '../model/model.ts'
import { type SessionView, sessionView } from './sessions.ts'
import { type MapLine, mapBlock, otherwise, ours, type SplitPart, splitBlock, text, type VariableBlock, variable } from './variables.ts'

/** A location's backends, and what it takes to tell them apart. */
export type Dispatch = {
  /** What chooses among them; what sessions need comes with their upstreams. */
  readonly blocks: readonly VariableBlock[]
  readonly main: SessionView
  /** Passed to where the variable has their number. */
  readonly canaries: readonly {
    readonly variable: string
    readonly number: number
    readonly backend: Backend
    readonly backendOverTls: Backend | undefined
    readonly session: SessionView
  }[]
  /** Hold Set-Cookie headers, at most one of them at a time. */
  readonly setCookies: readonly string[]
  /** Of the main backend and its canaries, between commas; undefined where sessions do not choose. */
  readonly groups: string | undefined
}

/** A location, and what tells its backends apart; undefined where there is one, without sessions. */
export type DispatchedLocation = Location & { readonly dispatch: Dispatch | undefined }

/** Says of each location which backend its requests get. */
export function dispatched(locations: readonly Location[], capabilities: Capabilities): readonly DispatchedLocation[] {
  return locations.map((location) => ({ ...location, dispatch: dispatchOf(location, capabilities) }))
}

function dispatchOf({ action, canaries: all = [] }: Location, capabilities: Capabilities): Dispatch | undefined {
  if (action.kind !== 'proxy') return undefined
  const canaries = all.filter(isEverAsked)
  const main = sessionView(action.backend, capabilities)
  const sessions = canaries.map(({ backend }) => sessionView(backend, capabilities))
  const schemes = [main, ...sessions].flatMap(({ scheme }) => scheme ?? [])
  const [last, ...before] = canaries.length === 0 ? [] : choiceBlocks(canaries, main, sessions).toReversed()
  if (last === undefined && schemes.length === 0) return undefined
  return {
    blocks: [...before.reverse(), ...(last === undefined ? [] : [last])],
    main,
    canaries: canaries.flatMap(({ backend, backendOverTls }, index) => {
      const session = sessions[index]
      if (last === undefined || session === undefined) return []
      return [{ variable: last.variable, number: index + 1, backend, backendOverTls, session }]
    }),
    setCookies: [...new Set(schemes.map(({ setCookie }) => setCookie))],
    groups: canaries.length === 0 || schemes.length === 0 ? undefined : [main, ...sessions].map(({ group }) => group).join(','),
  }
}

function isEverAsked({ header, cookie, share, keepsSessions, backend }: Canary): boolean {
  return share > 0 || header !== undefined || cookie !== undefined || (keepsSessions && backend.session !== undefined)
}

/**
 * The last one chooses. It goes by two letters for each canary, what its header and what its cookie say (`a` asked for, `n`
 * not wanted, `w` by weight), then the number by weight, then the groups of all backends and all cookies. The first line that matches decides: a session,
 * then canaries that are asked for, the oldest first, then the weight.
 */
function choiceBlocks(canaries: readonly Canary[], main: SessionView, sessions: readonly SessionView[]): readonly VariableBlock[] {
  const rules = canaries.map(({ header, cookie }) => ({ header: header && headerBlock(header), cookie: cookie && cookieBlock(cookie) }))
  const parts = partsOf(canaries)
  const split = parts.length === 0 ? undefined : splitBlock('canary_weight', parts)
  const kept = keptLines(canaries, main, sessions)
  const hasRules = rules.some(({ header, cookie }) => header !== undefined || cookie !== undefined)
  // With weights alone, the split is the choice.
  if (split !== undefined && !hasRules && kept.length === 0) return [split]
  const by = [
    ...rules.flatMap(({ header, cookie }) => [header, cookie].map((block) => (block === undefined ? text('w') : variable(block.variable)))),
    text(':'),
    ...(split === undefined ? [] : [variable(split.variable)]),
    text(';'),
    ...(kept.length === 0 ? [] : [variable('$session_groups'), text(';'), variable('$http_cookie')]),
  ]
  const before = (index: number) => `^[anw]{${2 * index}}`
  const asked = rules.flatMap(({ header, cookie }, index) =>
    header === undefined && cookie === undefined ? [] : [ours(`${before(index)}(a|wa)`, text(String(index + 1)))],
  )
  const drawn = canaries.flatMap(({ share }, index) =>
    share === 0 ? [] : [ours(`${before(index)}ww[anw]*:${index + 1};`, text(String(index + 1)))],
  )
  return [
    ...rules.flatMap(({ header, cookie }) => [header ?? [], cookie ?? []].flat()),
    ...(split === undefined ? [] : [split]),
    mapBlock('canary', by, [otherwise(text('0')), ...kept, ...asked, ...drawn]),
  ]
}

/** A client that has a session stays with the backend it is of, before anything else is asked: so it was in ingress-nginx. */
function keptLines(canaries: readonly Canary[], main: SessionView, sessions: readonly SessionView[]): readonly MapLine[] {
  const keeping = [canaries.some(({ keepsSessions }) => keepsSessions), ...canaries.map(({ keepsSessions }) => keepsSessions)]
  return [main, ...sessions].flatMap(({ scheme }, number): readonly MapLine[] =>
    scheme === undefined || keeping[number] !== true
      ? []
      : [{ key: { kind: 'session', cookie: scheme.cookie, place: number }, value: [text(String(number))] }],
  )
}

function headerBlock({ name, asks }: CanaryHeader): VariableBlock {
  const source = variable(`$http_${name.toLowerCase().replaceAll('-', '_')}`)
  const lines: readonly MapLine[] =
    asks.by === 'word'
      ? [ours('^always$', text('a')), ours('^never$', text('n'))]
      : [
          {
            key: asks.by === 'value' ? { kind: 'exact', value: asks.value } : { kind: 'pattern', pattern: asks.pattern },
            value: [text('a')],
          },
        ]
  return mapBlock('canary_header', [source], [otherwise(text('w')), ...lines])
}

function cookieBlock(name: NonNullable<Canary['cookie']>): VariableBlock {
  return mapBlock(
    'canary_cookie',
    [variable('$http_cookie')],
    [
      otherwise(text('w')),
      { key: { kind: 'cookie', name, value: 'always' }, value: [text('a')] },
      { key: { kind: 'cookie', name, value: 'never' }, value: [text('n')] },
    ],
  )
}

function partsOf(canaries: readonly Canary[]): readonly SplitPart[] {
  const shares = canaries.map(({ share }, index) => ({ share, number: index + 1 })).filter(({ share }) => share > 0)
  if (shares.length === 0) return []
  const isWhole = shares.reduce((sum, { share }) => sum + share, 0) === WHOLE_SHARE
  const parts = shares.map(({ share, number }, place) => ({
    percent: isWhole && place === shares.length - 1 ? undefined : (share / 100).toFixed(2),
    number,
  }))
  return isWhole ? parts : [...parts, { percent: undefined, number: 0 }]
}
