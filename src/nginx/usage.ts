/** What NGINX uses and carries now: connections as its workers count them, memory and time as the kernel does. */
import { readFile } from 'node:fs/promises'
import { childrenOf, statFields } from './process.ts'
import { askSocket } from './status.ts'

/** Counters since NGINX started, and the connections open now: ngx_http_stub_status_module. */
export type ConnectionCounts = {
  readonly accepted: number
  readonly handled: number
  readonly requests: number
  readonly active: number
  readonly reading: number
  readonly writing: number
  readonly waiting: number
}

/** Sums over the master and its workers. */
export type ProcessUsage = {
  readonly processes: number
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly virtualBytes: number
}

/** Undefined while no worker answers. */
export async function connectionCounts(statusSocket: string): Promise<ConnectionCounts | undefined> {
  const answer = await askSocket(statusSocket, '/stub_status')
  return answer.kind === 'text' ? parseStubStatus(answer.text) : undefined
}

/** Reads stub_status' four lines of text. */
export function parseStubStatus(text: string): ConnectionCounts | undefined {
  const numbers = text.match(/\d+/g)?.map(Number) ?? []
  const [active, accepted, handled, requests, reading, writing, waiting] = numbers
  if (active === undefined || accepted === undefined || handled === undefined || requests === undefined) return undefined
  if (reading === undefined || writing === undefined || waiting === undefined) return undefined
  return { active, accepted, handled, requests, reading, writing, waiting }
}

/** Linux counts time in ticks of 10 ms and memory in pages of 4 KiB on the machines NGINX is built for: proc_pid_stat(5). */
const TICKS_A_SECOND = 100
const PAGE_BYTES = 4096

/** Of the NGINX of a pid file; undefined when it does not run. */
export async function usageOfMaster(pidFile: string): Promise<ProcessUsage | undefined> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  return pid > 1 ? await processUsage(pid) : undefined
}

/** Undefined when there is no such process. */
export async function processUsage(masterPid: number): Promise<ProcessUsage | undefined> {
  const pids = [masterPid, ...(await childrenOf(masterPid))]
  const usages = (await Promise.all(pids.map(usageOf))).filter((usage) => usage !== undefined)
  if (usages.length === 0) return undefined
  const sum = (pick: (usage: ProcessUsage) => number) => usages.reduce((total, usage) => total + pick(usage), 0)
  return {
    processes: usages.length,
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    residentBytes: sum(({ residentBytes }) => residentBytes),
    virtualBytes: sum(({ virtualBytes }) => virtualBytes),
  }
}

async function usageOf(pid: number): Promise<ProcessUsage | undefined> {
  const fields = await statFields(pid)
  if (fields === undefined) return undefined
  const [userTicks, systemTicks, virtualBytes, residentPages] = [11, 12, 20, 21].map((index) => Number(fields[index]))
  return {
    processes: 1,
    cpuSeconds: ((userTicks ?? 0) + (systemTicks ?? 0)) / TICKS_A_SECOND,
    residentBytes: (residentPages ?? 0) * PAGE_BYTES,
    virtualBytes: virtualBytes ?? 0,
  }
}
