/** The command line as a process of its own, until it ends. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { NODE_FLAGS, PROGRAM, project } from './serve.ts'

export type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type RunSettings = {
  /** What it reads; nothing when not given. */
  readonly stdin?: string
  readonly environment?: Readonly<Record<string, string>>
}

export async function runNginxTs(parameters: readonly string[], settings: RunSettings = {}): Promise<Run> {
  const { stdin = '', environment = {} } = settings
  const child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, ...parameters], {
    cwd: project,
    stdio: 'pipe',
    env: { ...process.env, ...environment },
  })
  // One that does not read has its pipe closed.
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await ended, stdout, stderr }
}
