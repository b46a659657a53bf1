/**
 * The owner of the NGINX processes: tests the staged configuration, starts or reloads NGINX on the active one, and asks
 * the workers what they serve. NGINX outlives this process; the next one takes it over.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NginxBinary } from './capabilities.ts'
import type { Generation } from './generations.ts'
import type { Layout } from './layout.ts'
import { askWorker, type StatusAnswer } from './status.ts'

export type TestResult = { readonly ok: boolean; readonly output: string }
export type Confirmation = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export type NginxAgent = {
  /** `nginx -t` on the staged configuration. */
  test(): Promise<TestResult>
  /** Reloads NGINX, or starts it, and waits until only workers of this generation answer. */
  activate(generation: Generation): Promise<Confirmation>
  /** What a worker answers now. */
  status(): Promise<StatusAnswer>
  /** Starts NGINX on the active configuration unless it runs. */
  ensureRunning(): Promise<void>
  isRunning(): boolean
  /** Lets requests finish, then ends NGINX; at once when `hurry` aborts. */
  stop(hurry: AbortSignal): Promise<void>
}

export type AgentEvents = {
  /** The master ended although nobody asked it to; the agent starts it again. */
  readonly masterLost: (pid: number) => void
  readonly masterRestarted: (pid: number) => void
}

/** Where NGINX's standard output and standard error go: ours, or open files. */
export type NginxOutput = { readonly stdout: 'inherit' | number; readonly stderr: 'inherit' | number }

type Master = { readonly pid: number; readonly ended: Promise<void> }

const TEST_TIMEOUT_MS = 120_000
const CONFIRM_TIMEOUT_MS = 120_000
/** Old workers answered up to 46 ms after the first new one had (measured): this many new answers in a row end doubt. */
const ANSWERS_TO_CONFIRM = 20
const BETWEEN_ANSWERS_MS = 10
const ORPHANS_TIMEOUT_MS = 10_000
const ADOPTED_POLL_MS = 200
const FIRST_RESTART_DELAY_MS = 50
const LONGEST_RESTART_DELAY_MS = 5_000

/** Takes over the NGINX of this state directory where one runs. */
export async function createAgent(
  binary: NginxBinary,
  layout: Layout,
  events: AgentEvents,
  output: NginxOutput = { stdout: 'inherit', stderr: 'inherit' },
): Promise<NginxAgent> {
  let master: Master | undefined
  let isStopping = false
  /** From the first confirmed generation on, NGINX is kept running; before that there is nothing to run. */
  let isServing = false
  let starting: Promise<void> | undefined
  let restarting: Promise<void> | undefined

  const baseArguments = ['-p', `${layout.root}/`, '-e', 'stderr']

  function own(found: Master) {
    master = found
    void found.ended.then(() => {
      if (master !== found) return
      master = undefined
      if (isStopping || !isServing) return
      events.masterLost(found.pid)
      restarting ??= restart().finally(() => {
        restarting = undefined
      })
    })
  }

  /** Tries until NGINX stays: without it nothing is served, so there is no point at which to give up. */
  async function restart() {
    for (let delay = FIRST_RESTART_DELAY_MS; !isStopping; delay = Math.min(delay * 2, LONGEST_RESTART_DELAY_MS)) {
      await start()
      await sleep(delay)
      if (master === undefined) continue
      events.masterRestarted(master.pid)
      return
    }
  }

  async function start() {
    starting ??= startOnce().finally(() => {
      starting = undefined
    })
    await starting
  }

  async function startOnce() {
    await dismissOrphans(layout.statusSocket)
    // NGINX does not remove the socket of a master that was killed, and would not start on it.
    await rm(layout.statusSocket, { force: true })
    // Its own process group: Ctrl-C is for us, who then let requests finish.
    const child = spawn(binary.path, [...baseArguments, '-c', layout.activeRoot], {
      stdio: ['ignore', output.stdout, output.stderr],
      detached: true,
    })
    const { pid } = child
    if (pid !== undefined) own({ pid, ended: ending(child) })
  }

  async function confirm(generation: Generation): Promise<Confirmation> {
    const deadline = performance.now() + CONFIRM_TIMEOUT_MS
    let answers = 0
    while (answers < ANSWERS_TO_CONFIRM) {
      const answer = await askWorker(layout.statusSocket)
      answers = answer.kind === 'answer' && answer.generation.number === generation.number ? answers + 1 : 0
      if (master === undefined)
        return { ok: false, reason: 'NGINX ended while it took the configuration; its own words are in its error log' }
      if (performance.now() > deadline)
        return {
          ok: false,
          reason: `after ${CONFIRM_TIMEOUT_MS / 1000} s workers of another generation still answer; NGINX's error log says why`,
        }
      await sleep(BETWEEN_ANSWERS_MS)
    }
    isServing = true
    return { ok: true }
  }

  const adopted = await runningMaster(layout)
  if (adopted !== undefined) {
    const answer = await askWorker(layout.statusSocket)
    // Another version reads configurations otherwise: it is asked to leave, and ours starts with the first one.
    if (answer.kind === 'answer' && answer.version !== binary.version) signalIfAlive(adopted, 'SIGQUIT')
    else {
      isServing = true
      own({ pid: adopted, ended: endingOfForeign(adopted) })
    }
  }

  return {
    async test() {
      // Standard output as NGINX itself gets it: the configuration may log there.
      const child = spawn(binary.path, [...baseArguments, '-c', layout.stagedRoot, '-t'], {
        stdio: ['ignore', output.stdout, 'pipe'],
        timeout: TEST_TIMEOUT_MS,
      })
      const failure = new Promise<Error | undefined>((resolve) => child.once('error', resolve).once('close', () => resolve(undefined)))
      const said = child.stderr === null ? '' : (await text(child.stderr)).trim()
      const error = await failure
      return {
        ok: child.exitCode === 0,
        output: error?.message ?? (child.exitCode === null ? `${said}\nnginx -t was ended by ${child.signalCode}` : said),
      }
    },
    async activate(generation) {
      if (master === undefined) await start()
      else process.kill(master.pid, 'SIGHUP')
      return await confirm(generation)
    },
    status: () => askWorker(layout.statusSocket),
    async ensureRunning() {
      isServing = true
      if (master === undefined) await start()
    },
    isRunning: () => master !== undefined,
    async stop(hurry) {
      isStopping = true
      await starting
      const running = master
      if (running === undefined) return
      signalIfAlive(running.pid, 'SIGQUIT')
      const end = () => signalIfAlive(running.pid, 'SIGTERM')
      if (hurry.aborted) end()
      hurry.addEventListener('abort', end, { once: true })
      await running.ended
    },
  }
}

async function ending(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
}

/** The end of a process that is not our child, which only looking can tell. */
async function endingOfForeign(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(ADOPTED_POLL_MS, undefined, { ref: false })
}

/** The master that an earlier owner of this state directory left behind. */
async function runningMaster(layout: Layout): Promise<number | undefined> {
  const pid = Number(await readFile(layout.pidFile, 'utf8').catch(() => ''))
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return undefined
  const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return title.startsWith('nginx: master process') && title.includes(layout.root) ? pid : undefined
}

/**
 * Workers whose master was killed go on serving, and hold the ports: each that answers is told to finish what it has
 * and leave.
 */
async function dismissOrphans(statusSocket: string): Promise<void> {
  const deadline = performance.now() + ORPHANS_TIMEOUT_MS
  while (performance.now() < deadline) {
    const answer = await askWorker(statusSocket)
    if (answer.kind === 'gone') return
    if (answer.kind === 'answer' && answer.pid > 1) signalIfAlive(answer.pid, 'SIGQUIT')
    await sleep(BETWEEN_ANSWERS_MS)
  }
}

function isAlive(pid: number): boolean {
  return signalIfAlive(pid, 0)
}

function signalIfAlive(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
