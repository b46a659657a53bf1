/** `nginx-ts serve` as its users start it: a process of its own, on a directory, a state directory and ports of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Layout, layoutOf } from '../../src/nginx/layout.ts'
import { type Answer, type RequestOptions, send } from './client.ts'
import { eventually } from './eventually.ts'
import type { IngressBuilder } from './objects.ts'
import { freePort } from './ports.ts'
import type { SiteObject } from './site.ts'

export type LogLine = { readonly level: string; readonly msg: string } & Readonly<Record<string, unknown>>

export type Serving = AsyncDisposable & {
  /** The directory that is served, empty at first. */
  readonly directory: string
  readonly layout: Layout
  readonly httpPort: number
  readonly statusPort: number
  /** Starts the process; further arguments are passed on to it. Gives at once. */
  start(...parameters: readonly string[]): void
  /** Starts the process and waits until it is ready. */
  startReady(...parameters: readonly string[]): Promise<void>
  /** Sends a signal to the process. */
  signal(name: NodeJS.Signals): void
  /** The exit code of the process, once it has ended; the signal's name when one ended it. */
  ended(): Promise<number | NodeJS.Signals>
  write(name: string, content: string): Promise<void>
  /** As careful editors do: beside it first, then renamed into place. */
  writeByRename(name: string, content: string): Promise<void>
  remove(name: string): Promise<void>
  get(host: string, path: string, options?: RequestOptions): Promise<Answer>
  status(path: '/healthz' | '/readyz' | '/metrics'): Promise<Answer>
  /** The value of one series of /metrics, written as it is there; undefined when there is none. */
  metric(series: string): Promise<number | undefined>
  /** What the process logged since its last start, without NGINX's own lines. */
  log(): readonly LogLine[]
  standardError(): string
  masterPid(): Promise<number>
}

export const project = join(import.meta.dirname, '../..')
/** The process runs as the package's own `#!` line starts it. */
/** What is run is what is shipped; `npm test` builds it first. */
export const PROGRAM = 'dist/main.js'
export const NODE_FLAGS = ['--disallow-code-generation-from-strings', '--disable-proto=delete', '--max-semi-space-size=8']
const START_TIMEOUT_MS = 20_000

/** Makes the directories and chooses the ports; starts nothing yet. */
export async function prepareServe(nginx: string): Promise<Serving> {
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
  // mkdtemp makes it 0700, and workers of another account must pass.
  await chmod(root, 0o711)
  const directory = join(root, 'manifests')
  await mkdir(directory)
  const layout = layoutOf(join(root, 'state'))
  const [httpPort, httpsPort, statusPort] = [await freePort(), await freePort(), await freePort()]
  const masters = new Set<number>()
  let child: ChildProcess | undefined
  let stderr = ''

  function start(...parameters: readonly string[]) {
    const ports = ['--http-port', `${httpPort}`, '--https-port', `${httpsPort}`, '--status-port', `${statusPort}`]
    const serve = [PROGRAM, 'serve', directory, '--state-dir', layout.root, '--nginx', nginx, ...ports]
    stderr = ''
    child = spawn(process.execPath, [...NODE_FLAGS, ...serve, ...parameters], { cwd: project, stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
  }

  function running(): ChildProcess {
    if (child === undefined) throw new Error('serve was not started')
    return child
  }

  async function ended() {
    const started = running()
    if (started.exitCode === null && started.signalCode === null) await once(started, 'exit')
    return started.exitCode ?? started.signalCode ?? 'SIGKILL'
  }

  async function masterPid() {
    const pid = Number(await readFile(layout.pidFile, 'utf8'))
    if (!(pid > 1)) throw new Error('the pid file is empty')
    masters.add(pid)
    return pid
  }

  async function status(path: string) {
    return await send(statusPort, 'localhost', path)
  }

  return {
    directory,
    layout,
    httpPort,
    statusPort,
    start,
    async startReady(...parameters) {
      start(...parameters)
      await eventually(
        async () => {
          const { status: code } = await status('/readyz')
          if (code !== 200) throw new Error(`not ready: ${stderr}`)
        },
        { timeoutMs: START_TIMEOUT_MS },
      )
      await masterPid()
    },
    signal: (name) => void running().kill(name),
    ended,
    async write(name, content) {
      await mkdir(dirname(join(directory, name)), { recursive: true })
      await writeFile(join(directory, name), content)
    },
    async writeByRename(name, content) {
      await writeFile(join(directory, `${name}~`), content)
      await rename(join(directory, `${name}~`), join(directory, name))
    },
    remove: (name) => rm(join(directory, name), { recursive: true }),
    get: (host, path, options) => send(httpPort, host, path, options),
    status,
    async metric(series) {
      const { body } = await status('/metrics')
      const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length + 1))
    },
    log: () =>
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    standardError: () => stderr,
    masterPid,
    async [Symbol.asyncDispose]() {
      if (child !== undefined) {
        child.kill('SIGKILL')
        await ended()
      }
      await masterPid().catch(() => undefined)
      for (const master of masters) endGroup(master)
      await eventually(async () => {
        for (const master of masters) if ((await nginxProcesses(master)).length > 0) throw new Error(`NGINX ${master} does not end`)
      })
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** The living processes of an NGINX: its master leads a process group, which outlives it. */
export async function nginxProcesses(master: number): Promise<readonly number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (/^\d+$/.test(name) && Number(group) === master && state !== 'Z') found.push(Number(name))
  }
  return found
}

export function endGroup(master: number) {
  try {
    process.kill(-master, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}

/** Objects as the text of a manifest file. */
export function manifestText(...objects: readonly SiteObject[]): string {
  const items = objects.flat().map((object) => ('toManifest' in object ? (object as IngressBuilder).toManifest() : object))
  return items.map((item) => `${JSON.stringify(item, null, 2)}\n`).join('---\n')
}
