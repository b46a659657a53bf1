/** The load generator: wrk, one thread, which tells requests a second and the distribution of latency. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { aptInstall, findExecutable } from '../../scripts/provide.ts'

const run = promisify(execFile)

export type Load = { readonly requests: number; readonly requestsPerSecond: number; readonly p99Ms: number; readonly socketErrors: number }

const CONNECTIONS = 32

/** Installs Debian's wrk where there is none. */
export async function ensureWrk(say: (line: string) => void): Promise<void> {
  if ((await findExecutable('wrk')) === undefined) await aptInstall(['wrk'], say)
}

/** Requests the URL over kept-alive connections as fast as answers come. Throws when an answer is not 2xx or 3xx. */
export async function generateLoad(url: string, host: string, seconds: number): Promise<Load> {
  const { stdout } = await run('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-H', `Host: ${host}`, url])
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)
  if (failed !== null) throw new Error(`${url}: ${failed[1]} answers were errors`)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  return {
    requests: numberIn(/(\d+) requests in/, stdout),
    requestsPerSecond: numberIn(/Requests\/sec:\s+([\d.]+)/, stdout),
    p99Ms: millisecondsIn(/99%\s+([\d.]+)(us|ms|s)/, stdout),
    socketErrors: (errors ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0),
  }
}

function numberIn(pattern: RegExp, text: string): number {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`wrk printed no ${pattern}:\n${text}`)
  return Number(found)
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

function millisecondsIn(pattern: RegExp, text: string): number {
  return numberIn(pattern, text) * (MILLISECONDS[pattern.exec(text)?.[2] ?? ''] ?? Number.NaN)
}
