/** `nginx-ts wait-shutdown`, for a preStop hook: asks the agent to stop, and waits until it has and NGINX has ended. */
import { setTimeout as sleep } from 'node:timers/promises'
import { runningMaster } from '../nginx/adoption.ts'
import type { Layout } from '../nginx/layout.ts'
import { livingProcessOf, signalIfAlive } from '../nginx/process.ts'

const BETWEEN_LOOKS_MS = 100
/** An agent that died is started again within this time, or not at all. */
const LONGEST_ABSENCE_MS = 30_000

/** Gives at once when nothing runs. Throws when NGINX runs and no agent comes to stop it. */
export async function waitForShutdown(layout: Layout): Promise<void> {
  const asked = new Set<number>()
  let lastSeen = performance.now()
  while (performance.now() - lastSeen < LONGEST_ABSENCE_MS) {
    const agent = await livingProcessOf(layout.agentFile)
    if (agent === undefined && (await runningMaster(layout)) === undefined) return
    if (agent !== undefined) {
      lastSeen = performance.now()
      // One that died meanwhile has a successor, which knows nothing of it. A second signal would hurry.
      if (!asked.has(agent.pid)) signalIfAlive(agent.pid, 'SIGTERM')
      asked.add(agent.pid)
    }
    await sleep(BETWEEN_LOOKS_MS)
  }
  throw new Error(`NGINX runs, and no agent of ${layout.root} has been there for ${LONGEST_ABSENCE_MS / 1000} s to stop it`)
}
