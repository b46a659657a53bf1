/** `nginx-ts controller` as a container starts it: a process of its own, which follows an API server. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Layout } from '../../src/nginx/layout.ts'
import { type Answer, send } from './client.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { type LogLine, NODE_FLAGS, PROGRAM, project } from './serve.ts'

export type ControllerProcess = AsyncDisposable & {
  readonly healthzPort: number
  /** Starts the process; further arguments are passed on to it. Gives at once. */
  start(...parameters: readonly string[]): void
  startReady(...parameters: readonly string[]): Promise<void>
  signal(name: NodeJS.Signals): void
  /** The exit code of the process, once it has ended; the signal's name when one ended it. */
  ended(): Promise<number | NodeJS.Signals>
  pid(): number
  status(path: '/healthz' | '/readyz' | '/metrics'): Promise<Answer>
  isReady(): Promise<boolean>
  /** The sum of a metric's series; undefined when there is none. */
  metric(name: string): Promise<number | undefined>
  log(): readonly LogLine[]
  standardError(): string
}

export type ControllerSetup = {
  readonly layout: Layout
  readonly kubeconfig: string
  readonly ports: { readonly http: number; readonly https: number }
  /** Arguments of every start. */
  readonly flags?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

const READY_TIMEOUT_MS = 30_000

/** Starts nothing yet. */
export async function prepareController({
  layout,
  kubeconfig,
  ports,
  flags = [],
  environment = {},
}: ControllerSetup): Promise<ControllerProcess> {
  const healthzPort = await freePort()
  let child: ChildProcess | undefined
  let stderr = ''

  function running(): ChildProcess {
    if (child === undefined) throw new Error('the controller was not started')
    return child
  }

  function start(...parameters: readonly string[]) {
    const own = ['--state-dir', layout.root, '--kubeconfig', kubeconfig, '--healthz-port', `${healthzPort}`]
    const listening = ['--http-port', `${ports.http}`, '--https-port', `${ports.https}`]
    stderr = ''
    child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, 'controller', ...own, ...listening, ...flags, ...parameters], {
      cwd: project,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
  }

  async function ended() {
    const started = running()
    if (started.exitCode === null && started.signalCode === null) await once(started, 'exit')
    return started.exitCode ?? started.signalCode ?? 'SIGKILL'
  }

  const status = (path: string) => send(healthzPort, 'localhost', path)

  async function isReady() {
    return await status('/readyz').then(
      (answer) => answer.status === 200,
      () => false,
    )
  }

  return {
    healthzPort,
    start,
    async startReady(...parameters) {
      start(...parameters)
      await eventually(
        async () => {
          if (!(await isReady())) throw new Error(`not ready: ${stderr}`)
        },
        { timeoutMs: READY_TIMEOUT_MS },
      )
    },
    signal: (name) => void running().kill(name),
    ended,
    pid: () => running().pid ?? 0,
    status,
    isReady,
    async metric(name) {
      const lines = (await status('/metrics')).body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
    log: () =>
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    standardError: () => stderr,
    async [Symbol.asyncDispose]() {
      if (child === undefined) return
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await ended()
    },
  }
}
