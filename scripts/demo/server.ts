/** nginx-ts as a child process: started, waited for, ended with all that it started. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { project } from '../project.ts'
import type { Ports } from './ask.ts'

export type ServerSettings = {
  readonly directory: string
  readonly stateDirectory: string
  readonly nginx: string
  readonly ports: Ports
  /** Where NGINX's access log goes. */
  readonly accessLog: 'inherit' | 'ignore'
  /** Called with each line of the log: an object of pino's, or a text of NGINX's own. */
  readonly logged: (line: LogLine) => void
}

export type LogLine = { readonly level: string; readonly msg: string; readonly code?: string }

export type Server = {
  /** Resolves once everything in the directory is served; rejects when that is not to be. */
  ready(): Promise<void>
  /** Resolves when the server has ended, whatever ended it. */
  readonly ended: Promise<void>
  /** Asks it to end; asked again, it does not wait for requests in flight. */
  stop(): void
}

const READY_POLL_MS = 50

/** Throws when one of the ports is taken, saying which and how to choose another. */
export async function refuseTakenPorts(ports: Ports): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    const server = createServer()
    server.listen(port)
    await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be listened on (${cause.code})`
      throw new Error(`port ${port} ${why}; choose another: npm run demo -- --${name}-port PORT`, { cause })
    })
    server.close()
    await once(server, 'close')
  }
}

export function startServer(settings: ServerSettings): Server {
  const { ports } = settings
  const child = spawn(
    process.execPath,
    [
      ...['--disallow-code-generation-from-strings', '--disable-proto=delete', join(project, 'dist/main.js')],
      ...['serve', settings.directory, '--all-classes', '--echo'],
      ...['--http-port', String(ports.http), '--https-port', String(ports.https), '--status-port', String(ports.status)],
      ...['--state-dir', settings.stateDirectory, '--nginx', settings.nginx],
    ],
    // A process group of its own: Ctrl-C comes to the demo, which asks the server once.
    { stdio: ['ignore', settings.accessLog, 'pipe'], detached: true },
  )
  const lastWords: string[] = []
  let refusal: string | undefined
  if (child.stderr !== null) {
    createInterface(child.stderr).on('line', (text) => {
      const line = parseLogLine(text)
      if (line.level !== 'info') lastWords.push(line.msg)
      if (line.code === 'configuration-refused') refusal = line.msg
      settings.logged(line)
    })
  }
  const ended = ending(child)
  return {
    ended,
    async ready() {
      let hasEnded = false
      void ended.then(() => {
        hasEnded = true
      })
      while (!(await isReady(ports.status))) {
        if (refusal !== undefined) throw new Error(refusal)
        if (hasEnded) throw new Error(`nginx-ts ended before it was ready: ${lastWords.slice(-3).join('; ')}`)
        await sleep(READY_POLL_MS)
      }
    },
    stop: () => child.kill('SIGTERM'),
  }
}

async function ending(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()))
}

async function isReady(port: number): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

function parseLogLine(text: string): LogLine {
  try {
    const line = JSON.parse(text)
    if (typeof line.level === 'string' && typeof line.msg === 'string') return line
  } catch {
    // NGINX's own error log is no JSON.
  }
  return { level: 'nginx', msg: text }
}
