/** Other processes, looked at through /proc and signalled. */
import type { ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'

/** Names a process for good: a number alone may be another program's by now. `startTime` is in clock ticks since boot. */
export type ProcessIdentity = { readonly pid: number; readonly startTime: string }

/** Resolves once a child has ended, or could not be started. */
export async function ending(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
}

/** A zombie has ended: one whose parent does not reap it, as process 1 of a container may not, stays there for good. */
export async function isAlive(pid: number): Promise<boolean> {
  return /^[^ZX]/.test(await processStatus(pid, 'State'))
}

/** A field of /proc/PID/status; empty when there is no such process. */
export async function processStatus(pid: number, field: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return new RegExp(`^${field}:\\t(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/** Sends a signal, unless the process has ended: whoever waits for that is told. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Undefined when there is no such process. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const startTime = (await statFields(pid))?.[19]
  return startTime === undefined ? undefined : { pid, startTime }
}

/**
 * The processes that it has started and that are there. Each is asked for its parent: the kernel's own list of children skips
 * some while others end (proc_pid_task(5)).
 */
export async function childrenOf(parent: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(pids.map(async (pid) => Number((await statFields(pid))?.[1])))
  return pids.filter((_, index) => parents[index] === parent)
}

/**
 * The fields of proc_pid_stat(5) from the third on, for the second, in brackets, may hold any character. Undefined when
 * there is no such process.
 */
export async function statFields(pid: number): Promise<readonly string[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** How a process calls itself; empty when there is no such process, or it has ended. */
export async function processTitle(pid: number): Promise<string> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return commandLine.replace(/\0+$/, '')
}

/** An identity as a file holds it: `PID STARTTIME`. */
export function identityText({ pid, startTime }: ProcessIdentity): string {
  return `${pid} ${startTime}\n`
}

/** The process that such a file names, while it lives. */
export async function livingProcessOf(file: string): Promise<ProcessIdentity | undefined> {
  const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(await readFile(file, 'utf8').catch(() => '')) ?? []
  const found = await identityOf(Number(pid))
  return found !== undefined && found.startTime === startTime && (await isAlive(found.pid)) ? found : undefined
}
