/**
 * The parent of `nginx-ts agent`: starts the agent again when it dies, so that it may die without NGINX. As process 1 of
 * a container it must outlive everything, so it imports next to nothing and does next to nothing.
 */
import { type ChildProcess, spawn } from 'node:child_process'

/** Tells the agent that it is the child. */
export const NO_INIT = '--no-init'
/** The only message of the agent: its socket answers, and it takes signals. */
export const STARTED = 'started'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 1_600
/** One that lived for this long after it had started did not die of that. */
const STEADY_MS = 1_000
/** When process 1 ends, the kernel ends all others of the container, `wait-shutdown` of a preStop hook among them. */
const LINGER_MS = 1_000

/** Whether a command line, without its program, is the agent's own and not the child's. */
export function needsInit(parameters: readonly string[]): boolean {
  return parameters[0] === 'agent' && !parameters.includes(NO_INIT)
}

/**
 * Runs the agent until it ends by itself, and gives its exit code: 0 once it has been told to stop, or another when it
 * could not even start the first time.
 */
export async function keepAgent(program: string, parameters: readonly string[]): Promise<number> {
  let child: ChildProcess | undefined
  let canHear = false
  /** When the present child said so, or else the last one that did; undefined while there was none. */
  let startedAt: number | undefined
  let asked = 0
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      asked++
      if (canHear) passOn()
    })
  }

  /** SIGTERM asks to stop, SIGINT after it to hurry; two of the same would reach the agent as one. */
  function passOn() {
    if (asked > 0) child?.kill('SIGTERM')
    if (asked > 1) child?.kill('SIGINT')
  }

  async function run(): Promise<{ readonly code: number | null; readonly cause: string }> {
    // A process group of its own: Ctrl-C is for us, who pass it on once.
    child = spawn(process.execPath, [...process.execArgv, program, ...parameters, NO_INIT], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      detached: true,
    })
    const running = child
    running.once('message', () => {
      startedAt = performance.now()
      canHear = true
      passOn()
    })
    return await new Promise((resolve) => {
      running.once('exit', (code, signal) => resolve({ code, cause: signal ?? `exit code ${code}` }))
      running.once('error', (error) => {
        if (running.pid === undefined) resolve({ code: 1, cause: error.message })
      })
    })
  }

  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
    const { code, cause } = await run()
    const wasSteady = canHear && startedAt !== undefined && performance.now() - startedAt > STEADY_MS
    canHear = false
    if (code === 0 || (code !== null && startedAt === undefined)) {
      if (process.pid === 1) await later(LINGER_MS)
      return code
    }
    if (wasSteady) delay = FIRST_DELAY_MS
    log(`the agent ended unasked (${cause}); NGINX serves on, and another agent starts in ${delay} ms`)
    await later(delay)
  }
}

async function later(delayMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs))
}

/** As the log of the agent, whose library would cost more than all else here. */
function log(msg: string) {
  const line = process.stderr.isTTY ? msg : JSON.stringify({ level: 'error', time: new Date().toISOString(), msg })
  process.stderr.write(`${line}\n`)
}
