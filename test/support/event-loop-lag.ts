/**
 * Loaded into a process with `--import`: writes every second into NGINX_TS_LAG_FILE how late its event loop has been.
 * Only the process itself can tell; seen from outside, the network and the observer are late too.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Since the process began, its own start left out. */
export type EventLoopLag = { readonly p99Ms: number; readonly longestMs: number }

const RESOLUTION_MS = 10
const EVERY_MS = 1_000
/** Modules are read and compiled: nobody waits for an answer yet. */
const START_MS = 5_000

const file = process.env['NGINX_TS_LAG_FILE']
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  setTimeout(() => delay.enable(), START_MS).unref()
  setInterval(() => {
    const lag: EventLoopLag = { p99Ms: milliseconds(delay.percentile(99)), longestMs: milliseconds(delay.max) }
    writeFileSync(`${file}.new`, JSON.stringify(lag))
    renameSync(`${file}.new`, file)
  }, EVERY_MS).unref()
}

/** The histogram counts whole intervals, the one that was asked for included. */
function milliseconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
}
