/** `nginx-ts agent`: owns NGINX, without a token and without a way to write its configuration, and answers the controller. */
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAgent, type LocalAgent } from '../nginx/agent.ts'
import { startAgentServer } from '../nginx/agent-server.ts'
import { probeNginx } from '../nginx/capabilities.ts'
import { activeGeneration } from '../nginx/generations.ts'
import { createRuntimeLayout, type Layout, layoutOf } from '../nginx/layout.ts'
import { lockStateDirectory } from '../nginx/lock.ts'
import { probeMachine } from '../nginx/machine.ts'
import { identityOf, identityText } from '../nginx/process.ts'
import type { Logger } from '../observe/log.ts'
import { startStatusServer } from '../observe/status-server.ts'
import { accessLogPath } from './access-log.ts'

export type AgentSettings = {
  readonly stateDirectory: string
  /** Path or name of the NGINX binary. */
  readonly nginx: string
  /** How long to serve on once told to stop, while load balancers learn of it. */
  readonly shutdownGracePeriodSeconds: number
  /** Port of /healthz, /readyz and /metrics; undefined for none. */
  readonly statusPort: number | undefined
  /** Id of a group that may connect to the socket; undefined for our own user only. */
  readonly socketGroup: number | undefined
}

export type AgentSignals = {
  /** Serve on for the grace period, let requests finish, end NGINX. */
  readonly stop: AbortSignal
  /** Do not wait, neither for the grace period nor for requests. */
  readonly hurry: AbortSignal
  /** End and leave NGINX to a successor. */
  readonly abandon: AbortSignal
}

/** Serves the last good generation at once where there is one. `started` is called when the socket answers. */
export async function runAgent(settings: AgentSettings, log: Logger, signals: AgentSignals, started: () => void): Promise<void> {
  const layout = layoutOf(settings.stateDirectory)
  await createRuntimeLayout(layout)
  const [binary, machine] = await Promise.all([probeNginx(settings.nginx), probeMachine()])
  const owner = new AbortController()
  try {
    await lockStateDirectory(layout, owner.signal)
    await noteOurselves(layout)
    // Only where it is asked for: a successor is waited for, and its library is among the larger things to import.
    const metrics = settings.statusPort === undefined ? undefined : (await import('../observe/metrics.ts')).createMetrics(Date.now)
    const agent = await createAgent(binary, layout, {
      masterLost: (pid) => {
        metrics?.masterLost()
        log.error(`the NGINX master (pid ${pid}) ended unasked; starting it again with the last good configuration`)
      },
      masterRestarted: (pid) => log.info(`NGINX is back (pid ${pid})`),
    })
    let isStopping = false
    // What may fail comes first: an NGINX that is started stays.
    if (settings.statusPort !== undefined && metrics !== undefined) {
      const health = { isHealthy: () => true, isReady: () => agent.isRunning() && !signals.stop.aborted }
      await startStatusServer(settings.statusPort, health, metrics.registry, owner.signal)
    }
    await startAgentServer(
      {
        agent,
        facts: { version: binary.version, capabilities: binary.capabilities, machine, accessLog: await accessLogPath(layout, log) },
        socketPath: layout.agentSocket,
        socketGroup: settings.socketGroup,
        hasGeneration: async () => (await activeGeneration(layout)) !== undefined,
        isStopping: () => isStopping,
        failed: (error) => log.error({ err: error }, 'a request of the controller failed'),
      },
      owner.signal,
    )
    await serveLastGood(agent, layout, log)
    log.info(`NGINX ${binary.version} is ours to run; requests come over ${layout.agentSocket}`)
    started()

    await firstOf(signals.stop, signals.abandon)
    if (signals.stop.aborted) {
      await serveOn(settings.shutdownGracePeriodSeconds, log, signals)
      isStopping = true
      log.info('stopping: requests in flight are let finish')
      await agent.stop(signals.hurry)
      await rm(layout.agentFile, { force: true })
      log.info('stopped')
    } else log.warn('what started the agent has ended; NGINX serves on for the next one')
  } finally {
    owner.abort()
  }
}

/** `wait-shutdown` looks for us there. */
async function noteOurselves(layout: Layout): Promise<void> {
  const identity = await identityOf(process.pid)
  if (identity === undefined) throw new Error('/proc does not show this process')
  await writeFile(layout.agentFile, identityText(identity))
}

async function serveLastGood(agent: LocalAgent, layout: Layout, log: Logger): Promise<void> {
  const generation = await activeGeneration(layout)
  if (agent.isRunning()) log.info('NGINX runs already, and is taken over')
  else if (generation !== undefined) log.info(`NGINX starts with the last good configuration, generation ${generation.number}`)
  else log.info('there is no configuration yet; NGINX starts with the first one')
  if (generation !== undefined) await agent.ensureRunning()
}

async function serveOn(seconds: number, log: Logger, { hurry }: AgentSignals): Promise<void> {
  if (seconds === 0) return
  log.info(`told to stop; serving on for ${seconds} s`)
  await sleep(seconds * 1000, undefined, { signal: hurry }).catch(() => {})
}

async function firstOf(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals])
  if (!any.aborted) await once(any, 'abort')
}
