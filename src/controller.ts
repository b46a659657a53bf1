/** The loop: hold-off → snapshot → translate → render → apply → report. Knows neither where the state comes from nor who reads the reports. */
import { isDeepStrictEqual } from 'node:util'
import type { Ingress } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { describeIssue, type Issue, issue } from './model/issue.ts'
import { hostKey, type Model } from './model/model.ts'
import type { Apply, ReloadResult } from './nginx/apply.ts'
import { createOptionsReader, type Options } from './options.ts'
import type { Plan, PlanParts } from './plan.ts'
import { createQuarantine } from './quarantine.ts'
import { createSettling } from './settling.ts'

/** Where the cluster's state comes from: a directory, or an API server. */
export type Source = {
  /** The state now, and what is wrong in the source itself. */
  snapshot(): { readonly state: ClusterState; readonly issues: readonly Issue[] }
  /** Waits for changes to settle and says in words what they are. Rejects when the signal aborts, and then forgets none. */
  changes(signal: AbortSignal): Promise<readonly string[]>
}

/** What one turn of the loop did. Times are in milliseconds. */
export type Outcome = {
  readonly changes: readonly string[]
  readonly hosts: HostChanges
  /** The Ingresses that are ours, whatever became of each of their rules. */
  readonly served: readonly Ingress[]
  readonly issues: readonly Issue[]
  /** Those that were not there a turn ago. */
  readonly newIssues: readonly Issue[]
  readonly model: Model
  readonly result: ReloadResult
  readonly times: Readonly<Record<string, number>>
}

export type HostChanges = { readonly added: readonly string[]; readonly changed: readonly string[]; readonly removed: readonly string[] }

export type ControllerParts = PlanParts & {
  readonly source: Source
  /** What the flags say; the ConfigMap they name is read with each state. */
  readonly options: Options
  readonly apply: Apply
  /** Takes what a turn came to, and the state that it was made from. */
  readonly report: (outcome: Outcome, state: ClusterState) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

/** Whoever wants a port that was taken waits for about so long once it is free. */
const PORTS_RETRY_MS = 5_000
const CANNOT_BE_MADE = 'the configuration cannot be made, and the one before stays'

/** Applies what the source has, then every change of it, until the signal aborts. Rejects when not even a first state can be applied. */
export async function runController(parts: ControllerParts, signal: AbortSignal): Promise<void> {
  const quarantine = createQuarantine()
  const settle = createSettling(parts, quarantine, signal)
  const readOptions = createOptionsReader(parts.options)
  let servers: ReadonlyMap<string, string> = new Map()
  let issues: readonly Issue[] = []
  let changes: readonly string[] = ['start']
  let lastPlan: Plan | undefined

  while (!signal.aborted) {
    const times: Record<string, number> = {}
    const timed = <Result>(stage: string, work: () => Result): Result => {
      const start = parts.now()
      const result = work()
      times[stage] = parts.now() - start
      return result
    }
    const snapshot = timed('snapshot', () => parts.source.snapshot())
    const { options, issues: optionIssues } = readOptions(snapshot.state)
    const attempt = await settle(snapshot.state, options, timed)
    const { result } = attempt
    const plan = attempt.plan ?? lastPlan
    if (plan === undefined) throw attempt.error
    lastPlan = plan
    if (result.kind === 'refused') await parts.apply.discard()
    else quarantine.accept(snapshot.state)

    const { translation, checked, configSet, checkPorts } = plan
    const found = [
      ...snapshot.issues,
      ...optionIssues,
      ...translation.issues,
      ...checked.issues,
      ...quarantine.issues(snapshot.state),
      ...refusalOf(result, attempt.plan !== undefined),
    ]
    const known = new Set(issues.map(describeIssue))
    const serversNow = new Map(configSet.servers.map(({ server, path }) => [hostKey(server.host), path]))
    const outcome: Outcome = {
      changes,
      hosts: compareHosts(servers, serversNow),
      served: translation.served,
      issues: found,
      newIssues: found.filter((candidate) => !known.has(describeIssue(candidate))),
      model: checked.model,
      result,
      times: { ...times, ...result.times },
    }
    parts.report(outcome, snapshot.state)
    issues = found
    if (result.kind === 'refused' && result.retryAfterMs !== undefined) {
      changes = [...new Set([...changes, ...(await nextChanges(parts.source, signal, result.retryAfterMs))])]
    } else {
      servers = serversNow
      // NGINX may have tried to listen on a port that was taken a moment ago, or that the configuration before has.
      const isWorthAnother = result.kind === 'refused' && result.offender === undefined
      const portsChanged = async () => isWorthAnother || !isDeepStrictEqual((await checkPorts()).unavailable, checked.unavailable)
      const areInDoubt = checked.unavailable.length > 0 || (isWorthAnother && checked.model.streams.services.length > 0)
      changes = await nextTurn(parts.source, areInDoubt ? portsChanged : undefined, signal)
    }
  }
}

/** What the source says next, or that other ports can be listened on than before. That is asked where some could not be. */
async function nextTurn(
  source: Source,
  portsChanged: (() => Promise<boolean>) | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (portsChanged === undefined) return await nextChanges(source, signal)
  while (!signal.aborted) {
    const changes = await nextChanges(source, signal, PORTS_RETRY_MS)
    if (changes.length > 0) return changes
    if (await portsChanged()) return ['ports that can be listened on']
  }
  return []
}

/** What the source says next; nothing once the signal aborts or the time is up. */
async function nextChanges(source: Source, signal: AbortSignal, timeoutMs?: number): Promise<readonly string[]> {
  const ended = timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  return await source.changes(ended).catch((error: unknown) => {
    if (ended.aborted) return []
    throw error
  })
}

/** NGINX's refusal, addressed to whoever owns the block it names. */
function refusalOf(result: ReloadResult, isMade: boolean): readonly Issue[] {
  if (result.kind !== 'refused' || result.retryAfterMs !== undefined) return []
  return [
    issue('configuration-refused', result.offender, {
      message: `${isMade ? 'NGINX refuses the configuration and keeps the one before' : CANNOT_BE_MADE}: ${result.reason}`,
    }),
  ]
}

function compareHosts(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): HostChanges {
  return {
    added: [...after.keys()].filter((host) => !before.has(host)),
    changed: [...after].filter(([host, path]) => before.has(host) && before.get(host) !== path).map(([host]) => host),
    removed: [...before.keys()].filter((host) => !after.has(host)),
  }
}
