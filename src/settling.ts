/** One turn for one state: applied, or without what stands in the way of it, or refused. */
import { setImmediate as others } from 'node:timers/promises'
import { keyOf } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { AGENT_RETRY_MS, type Apply, NGINX_RETRY_MS, notApplied, type ReloadResult } from './nginx/apply.ts'
import type { Options } from './options.ts'
import { createPlanner, type Plan, type PlanParts, type Timed } from './plan.ts'
import { type Fault, type Quarantine, Undecided } from './quarantine.ts'

/** Without a plan for what our own checks should have kept out; then the configuration before stays. */
export type Attempt =
  | { readonly plan: Plan; readonly result: ReloadResult; readonly error?: undefined }
  | { readonly plan?: undefined; readonly result: ReloadResult; readonly error: unknown }

/** What a search has not found by then waits for the next turn. */
const MOST_SEARCHES = 5

/** Never rejects for what a state says. A search ends when the signal aborts. */
export function createSettling(
  parts: PlanParts & { readonly apply: Apply },
  quarantine: Quarantine,
  signal: AbortSignal,
): (state: ClusterState, options: Options, timed: Timed) => Promise<Attempt> {
  const { apply } = parts
  const planOf = createPlanner(parts)

  async function attemptOf(state: ClusterState, options: Options, timed: Timed): Promise<Attempt> {
    let plan: Plan
    try {
      plan = await planOf(state, options, timed)
    } catch (error) {
      return { error, result: notApplied(lastLineOf(error), undefined) }
    }
    const { checked, configSet } = plan
    return { plan, result: checked.noWord === undefined ? await apply(configSet) : notApplied(checked.noWord, AGENT_RETRY_MS) }
  }

  /** Whether a configuration can be made of a state, and NGINX takes it, where that is what has been refused. */
  function judge(options: Options, asksNginx: boolean): (state: ClusterState) => Promise<boolean> {
    // Its own memory: what is tried is not what will be asked for next.
    const planOfTrial = createPlanner(parts)
    return async (state) => {
      // A search may be long, and there is a Lease to renew.
      await others()
      if (signal.aborted) throw new Undecided('the search was given up')
      const plan = await planOfTrial(state, options).catch(() => undefined)
      if (plan === undefined || !asksNginx) return plan !== undefined
      const refused = await apply.test(plan.configSet)
      if (refused?.retryAfterMs !== undefined) throw new Undecided(refused.reason)
      return refused === undefined
    }
  }

  return async (state, options, timed) => {
    const settings = [options, parts.translateContext(), parts.renderContext()]
    for (let searches = 0; ; searches += 1) {
      const attempt = await attemptOf(quarantine.applyTo(state, settings), options, timed)
      const fault = faultOf(attempt)
      if (fault === undefined) return attempt
      try {
        if (!(await quarantine.isolate(state, fault, judge(options, attempt.plan !== undefined)))) return attempt
        if (searches === MOST_SEARCHES) throw new Undecided('there is more to be found')
      } catch (error) {
        if (!(error instanceof Undecided)) throw error
        return { ...attempt, result: notApplied(`${fault.complaint} (${error.message})`, NGINX_RETRY_MS) }
      }
    }
  }
}

/** What is said against the configuration, but for what other objects than Ingresses own. */
function faultOf({ plan, result }: Attempt): Fault | undefined {
  if (result.kind !== 'refused' || result.retryAfterMs !== undefined) return undefined
  const { reason, offender } = result
  if (offender !== undefined && offender.kind !== 'Ingress') return undefined
  return {
    verdict: plan === undefined ? 'the configuration cannot be made with it' : 'NGINX refuses the configuration with it',
    complaint: reason,
    suspect: offender && keyOf(offender.namespace, offender.name),
  }
}

function lastLineOf(error: unknown): string {
  return `${error instanceof Error ? error.message : error}`.trim().split('\n').at(-1) ?? ''
}
