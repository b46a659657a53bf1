/**
 * Which backend a request of a location gets, and which cookie: the maps that stand before its server, and the variables
 * that the location tests. Names of backends stay literal in `proxy_pass`: by variable, NGINX would search all upstreams
 * at each request.
 */
import { createHash } from 'node:crypto'
import type { VariableText } from '../model/balancing.ts'
import { type Canary, type CanaryHeader, WHOLE_SHARE } from '../model/canary.ts'
import { type Backend, type HostMatch, hostKey, type Location } from '../model/model.ts'
import type { CookieName } from '../model/values.ts'
import { sessionVariables, setCookieText, text, variable } from './sessions.ts'

/** The maps of one location of the model. */
export type DispatchView = {
  readonly split: { readonly variable: string; readonly parts: readonly SplitPart[] } | undefined
  readonly rules: readonly RuleView[]
  /** Canaries by number that the client has a session with, 0 for the main backend; from the last to the first. */
  readonly sessions: readonly {
    readonly variable: string
    readonly kept: string
    readonly number: number
    readonly otherwise: VariableText
  }[]
  readonly choice:
    | {
        readonly variable: string
        readonly by: VariableText
        readonly lines: readonly { readonly pattern: string; readonly number: number }[]
      }
    | undefined
  readonly cookies: readonly CookieView[]
  /** The cookie of whichever backend it was. */
  readonly cookieByChoice: { readonly variable: string; readonly choice: string; readonly cookies: readonly CookieView[] } | undefined
}

type CookieView = { readonly number: number; readonly variable: string; readonly renewed: string; readonly value: VariableText }
/** `percent` is undefined for all that is left. */
type SplitPart = { readonly percent: string | undefined; readonly number: number }

/** What one canary says of a request: `a` asked for, `n` not wanted, `w` by weight. */
type RuleView = {
  readonly cookie: { readonly variable: string; readonly name: CookieName } | undefined
  readonly header:
    | { readonly variable: string; readonly source: string; readonly asks: CanaryHeader['asks']; readonly otherwise: VariableText }
    | undefined
}

export type Dispatch = {
  readonly maps: DispatchView
  /** Passed to where the variable has their number. */
  readonly canaries: readonly { readonly variable: string; readonly number: number; readonly backend: Backend }[]
  /** Holds the Set-Cookie header. */
  readonly setCookie: string | undefined
}

/** Undefined for a location with one backend and no sessions. */
export function dispatchOf(host: HostMatch, { match, action, canaries: all = [] }: Location): Dispatch | undefined {
  if (action.kind !== 'proxy') return undefined
  const canaries = all.filter(isEverAsked)
  const backends = [action.backend, ...canaries.map(({ backend }) => backend)]
  const id = createHash('sha256')
    .update(`${hostKey(host)} ${match.kind} ${match.path}`)
    .digest('hex')
    .slice(0, 12)
  const [choice, split, setCookie] = [`$canary_${id}`, `$canary_weight_${id}`, `$set_cookie_${id}`]
  const cookies = backends.flatMap(({ sessionCookie, upstream }, number) =>
    sessionCookie === undefined
      ? []
      : [
          {
            number,
            variable: `${setCookie}_${number}`,
            renewed: sessionVariables(upstream).renewed,
            value: setCookieText(sessionCookie, upstream),
          },
        ],
  )
  if (canaries.length === 0 && cookies.length === 0) return undefined

  const sessions = sessionsOf(id, backends, canaries)
  const rules = canaries.map((canary, index) => ruleOf(`${id}_${index + 1}`, canary))
  const parts = partsOf(canaries)
  // With weights alone, the split is the choice.
  const isSplitAlone = sessions.length === 0 && rules.every(({ header, cookie }) => header === undefined && cookie === undefined)
  return {
    maps: {
      split: parts.length === 0 ? undefined : { variable: isSplitAlone ? choice : split, parts },
      rules,
      sessions,
      choice: isSplitAlone ? undefined : choiceOf(choice, split, canaries, rules, sessions),
      cookies,
      cookieByChoice: canaries.length === 0 || cookies.length === 0 ? undefined : { variable: setCookie, choice, cookies },
    },
    canaries: canaries.map(({ backend }, index) => ({ variable: choice, number: index + 1, backend })),
    setCookie: canaries.length === 0 ? cookies[0]?.variable : cookies.length === 0 ? undefined : setCookie,
  }
}

function isEverAsked({ header, cookie, share, keepsSessions, backend }: Canary): boolean {
  return share > 0 || header !== undefined || cookie !== undefined || (keepsSessions && backend.sessionCookie !== undefined)
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

function ruleOf(id: string, { header, cookie }: Canary): RuleView {
  const byCookie = cookie && { variable: `$canary_cookie_${id}`, name: cookie }
  return {
    cookie: byCookie,
    header: header && {
      variable: `$canary_header_${id}`,
      source: `$http_${header.name.toLowerCase().replaceAll('-', '_')}`,
      asks: header.asks,
      otherwise: byCookie === undefined ? [text('w')] : [variable(byCookie.variable)],
    },
  }
}

/** A client that has a session stays with the backend it is of, before anything else is asked: so it was in ingress-nginx. */
function sessionsOf(id: string, backends: readonly Backend[], canaries: readonly Canary[]): DispatchView['sessions'] {
  const keeping = backends.flatMap(({ upstream, sessionCookie }, number) => {
    const keeps = number === 0 ? canaries.some(({ keepsSessions }) => keepsSessions) : canaries[number - 1]?.keepsSessions
    if (keeps !== true || sessionCookie === undefined) return []
    return [{ variable: `$canary_session_${id}_${number}`, kept: sessionVariables(upstream).kept, number }]
  })
  return keeping
    .map((each, place) => {
      const next = keeping[place + 1]
      return { ...each, otherwise: next === undefined ? [text('-')] : [variable(next.variable)] }
    })
    .reverse()
}

/**
 * One character for the session, one for what each canary's rules say, and the number by weight. The first line that
 * matches decides: a session, then canaries that are asked for, the oldest first, then the weight.
 */
function choiceOf(
  name: string,
  split: string,
  canaries: readonly Canary[],
  rules: readonly RuleView[],
  sessions: DispatchView['sessions'],
): DispatchView['choice'] {
  const session = sessions.at(-1)
  const said = rules.map(({ header, cookie }) => {
    const by = header?.variable ?? cookie?.variable
    return by === undefined ? text('w') : variable(by)
  })
  const hasShares = canaries.some(({ share }) => share > 0)
  const any = (count: number) => '.'.repeat(count)
  const kept = session === undefined ? [] : sessions.map(({ number }) => ({ pattern: `^${number}:`, number })).reverse()
  const asked = canaries.map((_, index) => ({ pattern: `^-:${any(index)}a`, number: index + 1 }))
  const drawn = canaries.flatMap(({ share }, index) =>
    share === 0 ? [] : [{ pattern: `^-:${any(index)}w.*:${index + 1}$`, number: index + 1 }],
  )
  return {
    variable: name,
    by: [
      session === undefined ? text('-') : variable(session.variable),
      text(':'),
      ...said,
      ...(hasShares ? [text(':'), variable(split)] : []),
    ],
    lines: [...kept, ...asked.filter((_, index) => said[index]?.kind === 'variable'), ...drawn],
  }
}
