/** What processes have used, as the kernel counts it: proc_pid_stat(5), proc_pid_status(5), proc_pid_smaps(5). */
import { readFile } from 'node:fs/promises'
import type { AgentProcess } from '../../support/agent.ts'
import type { ControllerProcess } from '../../support/controller.ts'
import { descendantsOf } from '../../support/processes.ts'

/** CPU seconds, user and system. */
export type CpuSeconds = {
  readonly controller: number
  /** Init and agent. */
  readonly agent: number
  /** Every `nginx -t`. */
  readonly tests: number
  /** The master and all workers there ever were. */
  readonly nginx: number
}

/** Bytes. `resident` counts what processes share once for each, `own` once in all. */
export type Memory = { readonly resident: number; readonly peak: number; readonly own: number }

export type MemoryUse = { readonly controller: Memory; readonly init: Memory; readonly agent: Memory; readonly nginx: Memory }

const TICKS_A_SECOND = 100

export async function cpuOf(controller: ControllerProcess, agent: AgentProcess): Promise<CpuSeconds> {
  const master = await agent.masterPid()
  const [ours, init, theirs, nginx] = await Promise.all([controller.pid(), agent.initPid(), await agent.agentPid(), master].map(timesOf))
  const workers = await Promise.all((await descendantsOf(master)).map(timesOf))
  if (ours === undefined || init === undefined || theirs === undefined || nginx === undefined) throw new Error('a process has ended')
  return {
    controller: ours.own,
    agent: init.own + theirs.own,
    tests: theirs.children,
    nginx: nginx.own + nginx.children + workers.reduce((sum, worker) => sum + (worker?.own ?? 0), 0),
  }
}

export function cpuBetween(before: CpuSeconds, after: CpuSeconds): CpuSeconds {
  return {
    controller: after.controller - before.controller,
    agent: after.agent - before.agent,
    tests: after.tests - before.tests,
    nginx: after.nginx - before.nginx,
  }
}

export async function memoryOf(controller: ControllerProcess, agent: AgentProcess): Promise<MemoryUse> {
  const master = await agent.masterPid()
  return {
    controller: await sumOf([controller.pid()]),
    init: await sumOf([agent.initPid()]),
    agent: await sumOf([await agent.agentPid()]),
    nginx: await sumOf([master, ...(await descendantsOf(master))]),
  }
}

/** Of processes that have been waited for, their parent keeps the sum. */
async function timesOf(pid: number): Promise<{ readonly own: number; readonly children: number } | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number)
  return { own: (user + system) / TICKS_A_SECOND, children: (childrenUser + childrenSystem) / TICKS_A_SECOND }
}

/** `peak` of several is that of the first, the greatest. */
async function sumOf(pids: readonly number[]): Promise<Memory> {
  const each = await Promise.all(
    pids.map(async (pid) => {
      const [status, shared] = await Promise.all(['status', 'smaps_rollup'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')))
      return { resident: bytesIn(status, 'VmRSS'), peak: bytesIn(status, 'VmHWM'), own: bytesIn(shared, 'Pss') }
    }),
  )
  const sum = (pick: (one: Memory) => number) => each.reduce((total, one) => total + pick(one), 0)
  return { resident: sum(({ resident }) => resident), peak: Math.max(...each.map(({ peak }) => peak)), own: sum(({ own }) => own) }
}

function bytesIn(text: string | undefined, field: string): number {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text ?? '') ?? []
  return Number(kibibytes ?? Number.NaN) * 1024
}
