/** The loop: hold-off → snapshot → translate → render → apply → report. Knows neither where the state comes from nor who reads the reports. */
import type { Ingress } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { describeIssue, type Issue, issue } from './model/issue.ts'
import { hostKey, type Model } from './model/model.ts'
import type { Apply, ReloadResult } from './nginx/apply.ts'
import { createOptionsReader, type Options } from './options.ts'
import { createRenderMemo, type RenderContext, render } from './render/render.ts'
import { createTranslationMemo, type TranslateContext, translate } from './translate/translate.ts'

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

export type ControllerParts = {
  readonly source: Source
  /** What the flags say; the ConfigMap they name is read with each state. */
  readonly options: Options
  /** What the surroundings and NGINX's abilities add; each the very same object while nothing of it changes. */
  readonly translateContext: () => TranslateContext
  readonly renderContext: () => RenderContext
  readonly apply: Apply
  /** Takes what a turn came to, and the state that it was made from. */
  readonly report: (outcome: Outcome, state: ClusterState) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
}

/** Applies what the source has, then every change of it, until the signal aborts. */
export async function runController(parts: ControllerParts, signal: AbortSignal): Promise<void> {
  const translationMemo = createTranslationMemo()
  const renderMemo = createRenderMemo()
  const readOptions = createOptionsReader(parts.options)
  let servers: ReadonlyMap<string, string> = new Map()
  let issues: readonly Issue[] = []
  let changes: readonly string[] = ['start']

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
    const translation = timed('translate', () => translate(snapshot.state, options, parts.translateContext(), translationMemo))
    const configSet = timed('render', () => render(translation.model, parts.renderContext(), renderMemo))
    const result = await parts.apply(configSet)

    const found = [...snapshot.issues, ...optionIssues, ...translation.issues, ...refusalOf(result)]
    const known = new Set(issues.map(describeIssue))
    const serversNow = new Map(configSet.servers.map(({ server, path }) => [hostKey(server.host), path]))
    const outcome: Outcome = {
      changes,
      hosts: compareHosts(servers, serversNow),
      served: translation.served,
      issues: found,
      newIssues: found.filter((candidate) => !known.has(describeIssue(candidate))),
      model: translation.model,
      result,
      times: { ...times, ...result.times },
    }
    parts.report(outcome, snapshot.state)
    issues = found
    if (result.kind === 'refused' && result.retryAfterMs !== undefined) {
      changes = [...new Set([...changes, ...(await nextChanges(parts.source, signal, result.retryAfterMs))])]
    } else {
      servers = serversNow
      changes = await nextChanges(parts.source, signal)
    }
  }
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
function refusalOf(result: ReloadResult): readonly Issue[] {
  if (result.kind !== 'refused' || result.retryAfterMs !== undefined) return []
  return [
    issue('configuration-refused', result.offender, {
      message: `NGINX refuses the configuration and keeps the one before: ${result.reason}`,
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
