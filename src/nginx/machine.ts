/** What this machine, or the container we are in, gives to NGINX. */
import { readFile } from 'node:fs/promises'
import { createServer, isIP } from 'node:net'
import { availableParallelism } from 'node:os'

export type Machine = {
  /** CPUs of the cgroup, not of the host. */
  readonly cpus: number
  /** The hard limit of open files. */
  readonly openFiles: number
  readonly ipv6: boolean
  /** Addresses of the DNS servers that this machine asks, from resolv.conf(5). */
  readonly nameServers: readonly string[]
  /**
   * Account for the workers when we are root; undefined otherwise, for then NGINX cannot change accounts. It is root
   * itself in a user namespace that has no other.
   */
  readonly workerAccount: WorkerAccount | undefined
}

export type WorkerAccount = { readonly user: string; readonly group: string; readonly groupId: number }

const FALLBACK_OPEN_FILES = 1024
const MOST_OPEN_FILES = 1_048_576
/** Accounts that distributions give to web servers, and the one every system has. */
const WORKER_USERS = ['nginx', 'www-data', 'nobody']
const ROOT: WorkerAccount = { user: 'root', group: 'root', groupId: 0 }

/** Asks the machine. */
export async function probeMachine(): Promise<Machine> {
  const [limits, cpuMax, passwd, group, uidMap, resolvConf, ipv6] = await Promise.all([
    readText('/proc/self/limits'),
    cgroupCpuMax(),
    readText('/etc/passwd'),
    readText('/etc/group'),
    readText('/proc/self/uid_map'),
    readText('/etc/resolv.conf'),
    canListenOnIpv6(),
  ])
  return {
    cpus: cpusOf(availableParallelism(), cpuMax),
    openFiles: openFilesOf(limits),
    ipv6,
    nameServers: nameServersOf(resolvConf),
    workerAccount: process.getuid?.() === 0 ? workerAccountOf(passwd, group, uidMap) : undefined,
  }
}

/** Whole CPUs that a quota (`cpu.max` of cgroup v2: microseconds, period) leaves, one at least. */
export function cpusOf(parallelism: number, cpuMax: string): number {
  const [quota, period] = cpuMax.trim().split(/\s+/).map(Number)
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return parallelism
  return Math.max(1, Math.min(parallelism, Math.ceil(quota / period)))
}

/** The hard limit in `/proc/self/limits`, which workers may raise their soft one to. */
export function openFilesOf(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]
  if (hard === 'unlimited') return MOST_OPEN_FILES
  return Math.min(Number(hard) || FALLBACK_OPEN_FILES, MOST_OPEN_FILES)
}

/**
 * The first account of `/etc/passwd` that workers usually run as, with the name of its group. `uidMap` is `/proc/self/uid_map`
 * (user_namespaces(7)): where a namespace maps root alone, changing to any other account fails and NGINX would not start.
 */
export function workerAccountOf(passwd: string, group: string, uidMap: string): WorkerAccount | undefined {
  if (mapsOneUser(uidMap)) return ROOT
  const users = passwd.split('\n').map((line) => line.split(':'))
  const groups = group.split('\n').map((line) => line.split(':'))
  const [user, , , groupId] =
    WORKER_USERS.map((wanted) => users.find(([name]) => name === wanted)).find((found) => found !== undefined) ?? []
  const groupName = groups.find(([, , id]) => id === groupId)?.[0]
  return user === undefined || groupName === undefined ? undefined : { user, group: groupName, groupId: Number(groupId) }
}

/** Lines of: first id inside, first id outside, how many. */
function mapsOneUser(uidMap: string): boolean {
  const counts = uidMap
    .trim()
    .split('\n')
    .map((line) => Number(line.trim().split(/\s+/)[2]))
  return counts.length === 1 && counts[0] === 1
}

/** The `nameserver` lines of resolv.conf(5), those whose address has a zone apart, which NGINX cannot ask. */
export function nameServersOf(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => isIP(address) !== 0 && !address.includes('%'))
}

/** The quota of our own cgroup, in the words of cgroup v2 whichever version it is. */
async function cgroupCpuMax(): Promise<string> {
  const unified = await readText('/sys/fs/cgroup/cpu.max')
  if (unified !== '') return unified
  const [quota, period] = await Promise.all([
    readText('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'),
    readText('/sys/fs/cgroup/cpu/cpu.cfs_period_us'),
  ])
  return `${quota.trim()} ${period.trim()}`
}

async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '')
}

async function canListenOnIpv6(): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port: 0, host: '::', ipv6Only: true }, () => server.close(() => resolve(true)))
  })
}
