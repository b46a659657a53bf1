/** Keeps an eye on the agent: what its NGINX can do may change with its container, and what it serves with a restart. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { AgentStatus } from '../nginx/agent-protocol.ts'
import type { RemoteAgent } from '../nginx/remote-agent.ts'

export type AgentWatch = {
  /** What the agent said last; an agent that is away or hangs leaves NGINX as it was. */
  latest(): AgentStatus
}

export type AgentReports = {
  /** The rendering of before no longer fits NGINX, or NGINX serves something else than it did a look ago. */
  changed(what: string): void
  /** The first look in vain after one that was not. */
  away(error: unknown): void
  back(): void
  /** What it said, each time. */
  looked(status: AgentStatus): void
}

const BETWEEN_LOOKS_MS = 1_000

/** Waits for the agent's first word, then looks every second until the signal aborts. Rejects only when the signal does. */
export async function watchAgent(agent: RemoteAgent, reports: AgentReports, signal: AbortSignal): Promise<AgentWatch> {
  let isAway = false
  async function look(): Promise<AgentStatus | undefined> {
    try {
      const status = await agent.status()
      if (isAway) reports.back()
      isAway = false
      reports.looked(status)
      return status
    } catch (error) {
      if (!isAway) reports.away(error)
      isAway = true
      return undefined
    }
  }

  let latest = await look()
  while (latest === undefined) {
    await sleep(BETWEEN_LOOKS_MS, undefined, { signal })
    latest = await look()
  }
  let last = latest
  async function goOnLooking() {
    while (!signal.aborted) {
      await sleep(BETWEEN_LOOKS_MS, undefined, { signal, ref: false }).catch(() => {})
      const now = await look()
      if (now === undefined) continue
      const what = differenceOf(last, now)
      last = now
      if (what !== undefined) reports.changed(what)
    }
  }
  void goOnLooking()
  return { latest: () => last }
}

/** What asks for another turn of the loop; our own reloads only make the generation's number grow. */
function differenceOf(before: AgentStatus, now: AgentStatus): string | undefined {
  const factsOf = ({ version, capabilities, machine, accessLog }: AgentStatus) => ({ version, capabilities, machine, accessLog })
  if (!isDeepStrictEqual(factsOf(before), factsOf(now))) return `NGINX ${now.version} and its machine`
  if (before.health === 'serving' && now.health !== 'serving') return 'NGINX, which serves no more'
  if (before.generation !== undefined && now.generation !== undefined && now.generation.number < before.generation.number)
    return 'NGINX, which serves an older generation'
  return undefined
}
