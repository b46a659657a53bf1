/** `nginx-ts serve DIR`: the directory is the source, the agent is in-process. */
import { chown, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { relative } from 'node:path'
import { runController } from '../controller.ts'
import { startEcho } from '../echo.ts'
import { type Directory, watchDirectory } from '../files/directory.ts'
import { createHoldOff, type HoldOff } from '../hold-off.ts'
import { createAgent, type LocalAgent } from '../nginx/agent.ts'
import { createApply } from '../nginx/apply.ts'
import { probeNginx } from '../nginx/capabilities.ts'
import { createGenerationStore } from '../nginx/generations.ts'
import { createLayout, layoutOf } from '../nginx/layout.ts'
import { lockStateDirectory } from '../nginx/lock.ts'
import { probeMachine } from '../nginx/machine.ts'
import { selfSignedKeyPair } from '../nginx/self-signed.ts'
import { connectionCounts, usageOfMaster } from '../nginx/usage.ts'
import { type Logger, logOutcome } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { startStatusServer } from '../observe/status-server.ts'
import type { Options } from '../options.ts'
import { ECHO_HEADER } from '../translate/backends.ts'
import type { TranslateContext } from '../translate/translate.ts'
import { accessLogPath } from './access-log.ts'
import { canResolveNames, renderContextOf } from './render-context.ts'

export type ServeSettings = {
  readonly directory: string
  readonly options: Options
  readonly stateDirectory: string
  readonly statusPort: number
  /** Path or name of the NGINX binary. */
  readonly nginx: string
  readonly echo: boolean
}

/** A file's events come in bursts, and editors write in several steps. */
const QUIET_MS = 100
const LONGEST_HOLD_OFF_MS = 1000

/**
 * Serves until `stop` aborts, then lets requests finish; `hurry` cuts that short.
 */
export async function serve(settings: ServeSettings, log: Logger, stop: AbortSignal, hurry: AbortSignal): Promise<void> {
  if (!(await stat(settings.directory)).isDirectory()) throw new Error(`${settings.directory} is not a directory`)
  const layout = layoutOf(settings.stateDirectory)
  await createLayout(layout)
  const [binary, machine] = await Promise.all([probeNginx(settings.nginx), probeMachine()])
  const owner = new AbortController()
  try {
    await lockStateDirectory(layout, owner.signal)
    const metrics = createMetrics(Date.now)
    let mastersLost = 0
    const agent = await createAgent(binary, layout, {
      masterLost: (pid) => {
        mastersLost += 1
        metrics.mastersLost(mastersLost)
        log.error(`the NGINX master (pid ${pid}) ended unasked; starting it again with the last good configuration`)
      },
      masterRestarted: (pid) => log.info(`NGINX is back (pid ${pid})`),
    })
    let isReady = false
    await startStatusServer(
      settings.statusPort,
      { isHealthy: () => !stop.aborted, isReady: () => isReady && agent.isRunning() && !stop.aborted },
      {
        metrics,
        usage: { connections: () => connectionCounts(layout.statusSocket), processes: () => usageOfMaster(layout.pidFile) },
      },
      owner.signal,
    )
    if (!(await isServing(agent))) await refuseTakenPorts([settings.options.httpPort, settings.options.httpsPort])
    if (settings.echo) await startEcho(layout.echoSocket, ECHO_HEADER, owner.signal)
    log.info(
      `NGINX ${binary.version} serves ${settings.directory} on ports ${settings.options.httpPort} (http) and ${settings.options.httpsPort} (https); state in ${layout.root}`,
    )

    const holdOff = createHoldOff<string>(QUIET_MS, LONGEST_HOLD_OFF_MS, () => performance.now())
    const directory = await watchDirectory(
      settings.directory,
      holdOff.add,
      (error) => log.error({ err: error }, 'watching the directory failed'),
      owner.signal,
    )
    const translateContext: TranslateContext = {
      source: 'files',
      canResolveNames: canResolveNames(binary.capabilities, machine),
      hasStreamModule: binary.capabilities.stream !== undefined,
      allowLoopback: true,
      echoSocket: settings.echo ? layout.echoSocket : undefined,
      selfSignedKeyPair: await selfSignedKeyPair(layout.root, Date.now()),
    }
    const renderContext = renderContextOf(binary.capabilities, machine, layout.root, await accessLogPath(layout, log))
    await runController(
      {
        source: { snapshot: directory.snapshot, changes: (signal) => settledChanges(settings.directory, directory, holdOff, signal) },
        options: settings.options,
        translateContext: () => translateContext,
        renderContext: () => renderContext,
        apply: createApply(
          createGenerationStore(layout, machine.workerAccount?.groupId, (path, group) => chown(path, -1, group)),
          agent,
          () => performance.now(),
        ),
        agent,
        report: (outcome) => {
          isReady ||= outcome.result.kind !== 'refused'
          metrics.record(outcome)
          logOutcome(log, outcome)
        },
        now: () => performance.now(),
      },
      stop,
    )
    log.info('stopping: requests in flight are let finish')
    await agent.stop(hurry)
    log.info('stopped')
  } finally {
    owner.abort()
  }
}

/** Files are read once they have settled: one that is being written is empty first. */
async function settledChanges(
  root: string,
  directory: Directory,
  holdOff: HoldOff<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const paths = [...new Set(await holdOff.settled(signal))]
  await Promise.all(paths.map((path) => directory.read(path)))
  return paths.map((path) => relative(root, path))
}

/** Whether an NGINX of this state directory holds the ports: a whole one, or workers whose master was killed. */
async function isServing(agent: LocalAgent): Promise<boolean> {
  return agent.isRunning() || (await agent.status()).kind !== 'gone'
}

/** NGINX would say so too, but after five tries and among other lines. */
async function refuseTakenPorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    await new Promise<void>((resolve, reject) => {
      const server = createServer()
      server.once('error', (cause) => reject(new Error(`port ${port} cannot be listened on`, { cause })))
      server.listen(port, '0.0.0.0', () => server.close(() => resolve()))
    })
  }
}
