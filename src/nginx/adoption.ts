/** What an earlier owner of this state directory left running. */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Layout } from './layout.ts'
import { isAlive, livingProcessOf, processStatus, signalIfAlive } from './process.ts'
import { askWorker } from './status.ts'

const BETWEEN_QUESTIONS_MS = 10
const ORPHANS_TIMEOUT_MS = 10_000
const ADOPTION_TIMEOUT_MS = 10_000
const FOREIGN_POLL_MS = 200

/** A master found running. The version is its workers' word, undefined while none answers. */
export type FoundMaster = { readonly pid: number; readonly version: string | undefined }

/**
 * The master that an earlier owner left behind: the process of NGINX's pid file, if it is the parent of a worker that
 * answers here, for a number alone may be another program's by now, and a title says what its writer wants. Or the one
 * that the owner noted when it started it, and which has not come so far as to answer.
 */
export async function runningMaster(layout: Layout): Promise<FoundMaster | undefined> {
  const deadline = performance.now() + ADOPTION_TIMEOUT_MS
  while (performance.now() < deadline) {
    const pid = Number(await readFile(layout.pidFile, 'utf8').catch(() => ''))
    const noted = await livingProcessOf(layout.masterFile)
    const isThere = noted !== undefined || (pid > 1 && (await isAlive(pid)))
    if (!isThere) return undefined
    const answer = await askWorker(layout.statusSocket)
    // NGINX writes its pid file once it listens: one that did and is gone has been told to leave.
    if (answer.kind === 'gone' && (noted === undefined || noted.pid === pid)) return undefined
    if (answer.kind === 'answer') {
      const parent = Number(await processStatus(answer.pid, 'PPid'))
      return parent > 1 && (parent === pid || parent === noted?.pid) ? { pid: parent, version: answer.version } : undefined
    }
    await sleep(BETWEEN_QUESTIONS_MS)
  }
  const noted = await livingProcessOf(layout.masterFile)
  return noted === undefined ? undefined : { pid: noted.pid, version: undefined }
}

/**
 * Workers whose master was killed go on serving, and hold the ports: each that answers is told to finish what it has
 * and leave.
 */
export async function dismissOrphans(statusSocket: string): Promise<void> {
  const deadline = performance.now() + ORPHANS_TIMEOUT_MS
  while (performance.now() < deadline) {
    const answer = await askWorker(statusSocket)
    if (answer.kind === 'gone') return
    if (answer.kind === 'answer' && answer.pid > 1) signalIfAlive(answer.pid, 'SIGQUIT')
    await sleep(BETWEEN_QUESTIONS_MS)
  }
}

/** The end of a process that is not our child, which only looking can tell. */
export async function endingOfForeign(pid: number): Promise<void> {
  while (await isAlive(pid)) await sleep(FOREIGN_POLL_MS, undefined, { ref: false })
}
