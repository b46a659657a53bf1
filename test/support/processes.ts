/** Looking at other processes, through /proc. */
import { readdir, readFile } from 'node:fs/promises'

type Status = { readonly pid: number; readonly parent: number; readonly state: string }

/** Every process that this one has started, and those that they have started, and so on. */
export async function descendantsOf(pid: number): Promise<readonly number[]> {
  const all = (
    await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((name) => statusOf(Number(name))))
  ).filter((status) => status !== undefined)
  const below = (parent: number): readonly number[] =>
    all.filter((status) => status.parent === parent).flatMap((status) => [status.pid, ...below(status.pid)])
  return below(pid)
}

/** Whether it lives; one that has ended and that nobody has asked about does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const status = await statusOf(pid)
  return status !== undefined && status.state !== 'Z'
}

/**
 * Milliseconds that the main thread of a living process was ready to run and did not: what others cost it. 0 where the
 * kernel does not tell. Linux, Documentation/scheduler/sched-stats.rst.
 */
export async function waitedForProcessor(pid: number): Promise<number> {
  const [, nanoseconds = '0'] = (await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')).split(' ')
  return Number(nanoseconds) / 1e6
}

/** The most memory that a living process has had, in bytes: VmHWM of proc(5). */
export async function peakMemory(pid: number): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** proc(5): the command stands in brackets and may hold any character, so what follows is looked for from the end. */
async function statusOf(pid: number): Promise<Status | undefined> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [state, parent] = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return state === undefined || parent === undefined ? undefined : { pid, parent: Number(parent), state }
}
