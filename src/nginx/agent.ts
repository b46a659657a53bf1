/**
 * The owner of the NGINX processes: tests the staged configuration, starts or reloads NGINX on the active one, and asks
 * the workers what they serve. NGINX outlives this process; the next one takes it over.
 */
import { spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { dismissOrphans, endingOfForeign, runningMaster } from './adoption.ts'
import type { NginxBinary } from './capabilities.ts'
import type { Generation } from './generations.ts'
import type { Layout } from './layout.ts'
import { type UnavailablePort, unavailablePorts, type WantedPorts } from './ports.ts'
import { childrenOf, ending, identityOf, identityText, processTitle, signalIfAlive } from './process.ts'
import { askWorker, type StatusAnswer } from './status.ts'

/** `isVerdict`: whether NGINX itself said so, and not that it could not be asked, or did not come to an end. */
export type TestResult = { readonly ok: boolean; readonly isVerdict: boolean; readonly output: string }
export type Confirmation = { readonly ok: true } | { readonly ok: false; readonly reason: string }

/** Whoever owns NGINX, as the pipeline sees it: in this process, or another one that is reached over a socket. */
export type NginxAgent = {
  /** `nginx -t` on the staged configuration, ended when the signal aborts. */
  test(signal?: AbortSignal): Promise<TestResult>
  /** Reloads NGINX, or starts it, and waits until only workers of this generation answer, or the signal aborts. */
  activate(generation: Generation, signal?: AbortSignal): Promise<Confirmation>
  /** What workers serve now; undefined where none answers. */
  running(): Promise<Generation | undefined>
  /** Sees to it that NGINX runs on the active configuration. */
  ensureRunning(): Promise<void>
  /** Those of the ports that NGINX could not listen on now. */
  unavailablePorts(wanted: WantedPorts): Promise<readonly UnavailablePort[]>
}

/** The owner itself. */
export type LocalAgent = NginxAgent & {
  /** What a worker answers now, orphans of a killed master included. */
  status(): Promise<StatusAnswer>
  isRunning(): boolean
  /** Lets requests finish, then ends NGINX; at once when `hurry` aborts. Nothing is started any more. */
  stop(hurry: AbortSignal): Promise<void>
}

/** No word from the agent: it is away, hung, busy or incomprehensible. Nothing is known of the configuration, and NGINX serves on. */
export class AgentUnavailable extends Error {}

export type AgentEvents = {
  /** The master ended although nobody asked it to; the agent starts it again. */
  readonly masterLost: (pid: number) => void
  readonly masterRestarted: (pid: number) => void
}

/** Where NGINX's standard output and standard error go: ours, or open files. */
export type NginxOutput = { readonly stdout: 'inherit' | number; readonly stderr: 'inherit' | number }

/** `hasLoaded`: a worker of it has answered. Until then it reads its configuration, and a SIGHUP ends it. */
type Master = { readonly pid: number; readonly ended: Promise<void>; hasLoaded: boolean }

/** The longest that each may take, in milliseconds. At 10,000 hosts a test was seen to take 9 s, on an idle machine. */
export const AGENT_LIMITS_MS = { test: 120_000, confirm: 120_000 }
/** A worker says that it is leaving right before it closes its listening sockets: some answers in a row go past that moment. */
const ANSWERS_TO_CONFIRM = 3
const BETWEEN_ANSWERS_MS = 10
/**
 * A test lives for the moment in which it reads everything, and a third of that is the kernel giving it memory a small
 * page at a time: at 1,000 hosts 0.17 CPU s instead of 0.23 (glibc's manual, "Memory Allocation Tunables").
 */
const HUGE_PAGES = 'glibc.malloc.hugetlb=1'
const STAY_AWAKE_MS = 200
const FIRST_RESTART_DELAY_MS = 50
const LONGEST_RESTART_DELAY_MS = 5_000

/** Takes over the NGINX of this state directory where one runs. */
export async function createAgent(
  binary: NginxBinary,
  layout: Layout,
  events: AgentEvents,
  output: NginxOutput = { stdout: 'inherit', stderr: 'inherit' },
  limitsMs: Readonly<Partial<typeof AGENT_LIMITS_MS>> = {},
): Promise<LocalAgent> {
  const limits = { ...AGENT_LIMITS_MS, ...limitsMs }
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

  /** The master as soon as a worker of it answers; undefined when it ends before, or the signal aborts. */
  async function answeringMaster(signal?: AbortSignal): Promise<Master | undefined> {
    while (master !== undefined && signal?.aborted !== true) {
      const asked = master
      if (!asked.hasLoaded) asked.hasLoaded = (await askWorker(layout.statusSocket)).kind === 'answer'
      if (asked.hasLoaded && master === asked) return asked
      await sleep(BETWEEN_ANSWERS_MS)
    }
    return undefined
  }

  /** A worker that a killed master has left: it holds the ports until another master starts. */
  async function orphan(): Promise<number | undefined> {
    const answer = await askWorker(layout.statusSocket)
    return answer.kind === 'answer' ? answer.pid : undefined
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
    if (child.pid === undefined) return
    own({ pid: child.pid, ended, hasLoaded: false })
    // For a successor, should this process end before NGINX has written its pid file. A full disk is no reason not to serve.
    const identity = await identityOf(child.pid)
    if (identity !== undefined) await writeFile(layout.masterFile, identityText(identity)).catch(() => {})
  }

  /** `before`: workers that took requests before this generation. */
  async function confirm({ number, hash }: Generation, before: readonly number[], signal: AbortSignal | undefined): Promise<Confirmation> {
    const deadline = performance.now() + limits.confirm
    let answers = 0
    while (answers < ANSWERS_TO_CONFIRM) {
      const areGone = (await Promise.all(before.map(takesRequests))).every((takes) => !takes)
      const answer = await askWorker(layout.statusSocket)
      const isNew = answer.kind === 'answer' && answer.generation.number === number && answer.generation.hash === hash
      answers = areGone && isNew ? answers + 1 : 0
      if (master === undefined)
        return { ok: false, reason: 'NGINX ended while it took the configuration; its own words are in its error log' }
      if (signal?.aborted) {
        // It passed its test, it is what a restart would serve, and nobody is there to take it back.
        isServing = true
        return { ok: false, reason: 'whoever asked has gone' }
      }
      if (performance.now() > deadline)
        return {
          ok: false,
          reason: `after ${limits.confirm / 1000} s workers of another generation still answer; NGINX's error log says why`,
        }
      await sleep(BETWEEN_ANSWERS_MS)
    }
    isServing = true
    return { ok: true }
  }

  const adopted = await runningMaster(layout)
  if (adopted !== undefined) {
    // Another version reads configurations otherwise: it is asked to leave, and ours starts with the first one.
    if (adopted.version !== undefined && adopted.version !== binary.version) signalIfAlive(adopted.pid, 'SIGQUIT')
    else {
      isServing = true
      own({ pid: adopted.pid, ended: endingOfForeign(adopted.pid), hasLoaded: adopted.version !== undefined })
    }
  }

  return {
    async test(signal) {
      // Standard output as NGINX itself gets it: the configuration may log there.
      const child = spawn(binary.path, [...baseArguments, '-c', layout.stagedRoot, '-t'], {
        stdio: ['ignore', output.stdout, 'pipe'],
        env: { GLIBC_TUNABLES: HUGE_PAGES, ...process.env },
        timeout: limits.test,
        killSignal: 'SIGKILL',
        ...(signal === undefined ? {} : { signal }),
      })
      const failure = new Promise<Error | undefined>((resolve) => child.once('error', resolve).once('exit', () => resolve(undefined)))
      const said = child.stderr === null ? '' : text(child.stderr)
      const error = await failure
      // What it started may hold its standard error open for longer than it lives.
      if (child.signalCode !== null) child.stderr?.destroy()
      const heard = (await Promise.resolve(said).catch(() => '')).trim()
      if (error === undefined && child.exitCode !== null) return { ok: child.exitCode === 0, isVerdict: true, output: heard }
      const reason = error?.message ?? `nginx -t was ended by ${child.signalCode}; it is given ${limits.test / 1000} s`
      return { ok: false, isVerdict: false, output: [reason, heard].filter((part) => part !== '').join('\n') }
    },
    async activate(generation, signal) {
      if (isStopping) return { ok: false, reason: 'NGINX is being stopped' }
      const inTime = AbortSignal.timeout(limits.confirm)
      const loaded = await answeringMaster(signal === undefined ? inTime : AbortSignal.any([signal, inTime]))
      const before = loaded === undefined ? [] : await childrenOf(loaded.pid)
      if (loaded !== undefined) signalIfAlive(loaded.pid, 'SIGHUP')
      else if (master === undefined) await start()
      return await confirm(generation, before, signal)
    },
    async running() {
      if (master === undefined) return undefined
      const answer = await askWorker(layout.statusSocket)
      return answer.kind === 'answer' ? answer.generation : undefined
    },
    status: () => askWorker(layout.statusSocket),
    async ensureRunning() {
      if (isStopping) return
      isServing = true
      if (master === undefined) await start()
    },
    async unavailablePorts(wanted) {
      return await unavailablePorts(wanted, master?.pid ?? (await orphan()))
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
      const awake = setInterval(() => {}, STAY_AWAKE_MS)
      await running.ended
      clearInterval(awake)
    },
  }
}

/** Titles by ngx_process_cycle.c. They end what the kernel knows of the command line, which begins with a loader where one was used. */
const TAKES_NO_REQUESTS = /nginx: (?:worker process is shutting down|cache (?:manager|loader) process)$/

/** One that has no title of its own yet is about to take requests. */
async function takesRequests(child: number): Promise<boolean> {
  const title = await processTitle(child)
  return title !== '' && !TAKES_NO_REQUESTS.test(title)
}
