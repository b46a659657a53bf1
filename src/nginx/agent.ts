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
const ADOPTION_TIMEOUT_MS = 10_000
const ADOPTED_POLL_MS = 200
const FIRST_RESTART_DELAY_MS = 50
const LONGEST_RESTART_DELAY_MS = 5_000

/** Takes over the NGINX of this state directory where one runs. */
export async function createAgent(
  binary: NginxBinary,
  layout: Layout,
  events: AgentEvents,
  output: NginxOutput = { stdout: 'inherit', stderr: 'inherit' },
  confirmTimeoutMs = CONFIRM_TIMEOUT_MS,
): Promise<NginxAgent> {
  let master: Master | undefined
  let isStopping = false
  /** From the first confirmed generation on, NGINX is kept running; before that there is nothing to run. */
  let isServing = false
  let starting: Promise<void> | undefined
  let isRestarting = false

  const baseArguments = ['-p', `${layout.root}/`, '-e', 'stderr']

  function own(found: Master) {
    master = found
    void found.ended.then(() => {
      if (master !== found) return
      master = undefined
      if (isStopping || !isServing) return
      events.masterLost(found.pid)
      if (!isRestarting) void restart()
    })
  }

  /** Tries until NGINX answers: without it nothing is served, so there is no point at which to give up. */
  async function restart() {
    isRestarting = true
    for (let delay = FIRST_RESTART_DELAY_MS; !isStopping; delay = Math.min(delay * 2, LONGEST_RESTART_DELAY_MS)) {
      await start()
      const restarted = await answeringMaster()
      if (restarted !== undefined) {
        events.masterRestarted(restarted.pid)
        break
      }
      await sleep(delay, undefined, { ref: false })
    }
    isRestarting = false
  }

  /** The master as soon as a worker of it answers; undefined when it ends before. */
  async function answeringMaster(): Promise<Master | undefined> {
    while (master !== undefined) {
      if ((await askWorker(layout.statusSocket)).kind === 'answer') return master
      await sleep(BETWEEN_ANSWERS_MS)
    }
    return undefined
  }

  async function start() {
    starting ??= startOnce().finally(() => {
      starting = undefined
    })
    await starting
  }

  async function startOnce() {
    if (master !== undefined) return
    await dismissOrphans(layout.statusSocket)
    // NGINX does not remove the socket of a master that was killed, and would not start on it.
    await rm(layout.statusSocket, { force: true })
    // Its own process group: Ctrl-C is for us, who then let requests finish.
    const child = spawn(binary.path, [...baseArguments, '-c', layout.activeRoot], {
      stdio: ['ignore', output.stdout, output.stderr],
      detached: true,
    })
    // NGINX is to outlive this process, and must not keep it from ending.
    child.unref()
    const ended = ending(child)
    if (child.pid !== undefined) own({ pid: child.pid, ended })
  }

  async function confirm(generation: Generation): Promise<Confirmation> {
    const deadline = performance.now() + confirmTimeoutMs
    let answers = 0
    while (answers < ANSWERS_TO_CONFIRM) {
      const answer = await askWorker(layout.statusSocket)
      answers = answer.kind === 'answer' && answer.generation.number === generation.number ? answers + 1 : 0
      if (master === undefined)
        return { ok: false, reason: 'NGINX ended while it took the configuration; its own words are in its error log' }
      if (performance.now() > deadline)
        return {
          ok: false,
          reason: `after ${confirmTimeoutMs / 1000} s workers of another generation still answer; NGINX's error log says why`,
        }
      await sleep(BETWEEN_ANSWERS_MS)
    }
    isServing = true
    return { ok: true }
  }

  const adopted = await runningMaster(layout)
  if (adopted !== undefined) {
    // Another version reads configurations otherwise: it is asked to leave, and ours starts with the first one.
    if (adopted.version !== binary.version) signalIfAlive(adopted.pid, 'SIGQUIT')
    else {
      isServing = true
      own({ pid: adopted.pid, ended: endingOfForeign(adopted.pid) })
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
      else signalIfAlive(master.pid, 'SIGHUP')
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
      // Nothing that watches the master keeps this process alive, and here it has to be.
      const awake = setInterval(() => {}, ADOPTED_POLL_MS)
      await running.ended
      clearInterval(awake)
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
  while (await isAlive(pid)) await sleep(ADOPTED_POLL_MS, undefined, { ref: false })
}

/**
 * The master that an earlier owner of this state directory left behind: the process of the pid file, if it is the parent
 * of a worker that answers here. A number alone may be another program's by now, and a title says what its writer wants.
 */
async function runningMaster(layout: Layout): Promise<{ readonly pid: number; readonly version: string } | undefined> {
  const pid = Number(await readFile(layout.pidFile, 'utf8').catch(() => ''))
  const deadline = performance.now() + ADOPTION_TIMEOUT_MS
  while (pid > 1 && (await isAlive(pid)) && performance.now() < deadline) {
    const answer = await askWorker(layout.statusSocket)
    if (answer.kind === 'gone') return undefined
    if (answer.kind === 'answer')
      return (await processStatus(answer.pid, 'PPid')) === `${pid}` ? { pid, version: answer.version } : undefined
    await sleep(BETWEEN_ANSWERS_MS)
  }
  return undefined
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

/** A zombie has ended: one whose parent does not reap it, as process 1 of a container may not, stays there for good. */
async function isAlive(pid: number): Promise<boolean> {
  return /^[^ZX]/.test(await processStatus(pid, 'State'))
}

/** A field of /proc/PID/status; empty when there is no such process. */
async function processStatus(pid: number, field: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return new RegExp(`^${field}:\\t(.*)$`, 'm').exec(status)?.[1] ?? ''
}

function signalIfAlive(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile, and whoever waits for that is told.
  }
}
