/** A program of the control plane as a process that somebody owns. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { basename } from 'node:path'

export type ControlPlaneProcess = {
  readonly name: string
  /** Fulfilled once it has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Ends it by a signal; one that has not ended in time is killed. */
  end(signal: NodeJS.Signals, timeoutMs: number): Promise<void>
}

/** Starts a program that appends what it writes to a log file. It does not outlive this process, however that ends. */
export function startProcess(path: string, flags: readonly string[], logPath: string): ControlPlaneProcess {
  const log = openSync(logPath, 'a')
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', path, ...flags], { stdio: ['ignore', log, log] })
  closeSync(log)
  // A program that cannot be started says so by an error and no exit.
  const ended = Promise.race([once(child, 'exit'), new Promise((resolve) => child.once('error', resolve))]).then(() => {})
  return {
    name: basename(path),
    ended,
    async end(signal, timeoutMs) {
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
      await ended
      clearTimeout(timer)
    },
  }
}
