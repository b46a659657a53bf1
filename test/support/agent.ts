/** `nginx-ts agent` as a container starts it, and the controller's side of its socket in this process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderContextOf } from '../../src/cli/render-context.ts'
import { type Outcome, runController } from '../../src/controller.ts'
import { createHoldOff } from '../../src/hold-off.ts'
import { createApply, type ReloadResult } from '../../src/nginx/apply.ts'
import { createGenerationStore } from '../../src/nginx/generations.ts'
import { createConfigurationLayout, type Layout, layoutOf } from '../../src/nginx/layout.ts'
import { isAlive, livingProcessOf } from '../../src/nginx/process.ts'
import { createRemoteAgent, type REMOTE_DEADLINES_MS, type RemoteAgent } from '../../src/nginx/remote-agent.ts'
import { selfSignedKeyPair } from '../../src/nginx/self-signed.ts'
import { type OptionsInput, parseOptions } from '../../src/options.ts'
import { render } from '../../src/render/render.ts'
import { type TranslateContext, translate } from '../../src/translate/translate.ts'
import { type Answer, send } from './client.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'
import { endGroup, NODE_FLAGS, nginxProcesses, PROGRAM } from './serve.ts'
import { type SiteObject, snapshotOf } from './site.ts'

export type AgentProcess = AsyncDisposable & {
  readonly layout: Layout
  readonly httpPort: number
  readonly httpsPort: number
  readonly remote: RemoteAgent
  /** Starts init and agent; further arguments are passed on to them. Gives at once. */
  start(...parameters: readonly string[]): void
  /** Starts them and waits until the socket answers. */
  startReady(...parameters: readonly string[]): Promise<void>
  /** Sends a signal to the process that was started: init, which passes it on. */
  signal(name: NodeJS.Signals): void
  /** The exit code of that process, once it has ended; the signal's name when one ended it. */
  ended(): Promise<number | NodeJS.Signals>
  initPid(): number
  /** The agent itself, init's child. */
  agentPid(): Promise<number>
  masterPid(): Promise<number>
  /** Applies a cluster with these objects, once, over the socket. */
  serve(...objects: readonly SiteObject[]): Promise<ReloadResult>
  /** The controller's own loop, over the socket. */
  control(...objects: readonly SiteObject[]): Controlling
  get(host: string, path: string): Promise<Answer>
  standardError(): string
}

export type Controlling = AsyncDisposable & {
  /** From now on the cluster has these objects and no others. */
  change(...objects: readonly SiteObject[]): void
  readonly outcomes: readonly Outcome[]
}

export type AgentSetup = {
  readonly deadlinesMs?: Partial<typeof REMOTE_DEADLINES_MS>
  readonly options?: OptionsInput
  /** A command that runs the one that follows it, as `unshare` does, for the state directory that it is given. */
  readonly within?: (layout: Layout) => readonly string[]
}

const project = join(import.meta.dirname, '../..')
const START_TIMEOUT_MS = 20_000

/** Makes the directories; starts nothing yet. */
export async function prepareAgent(nginx: string, { deadlinesMs, within, options: given = {} }: AgentSetup = {}): Promise<AgentProcess> {
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
  await chmod(root, 0o711)
  const layout = layoutOf(root)
  await createConfigurationLayout(layout)
  const [httpPort, httpsPort] = [await freePort(), await freePort()]
  const remote = createRemoteAgent(layout.agentSocket, deadlinesMs)
  const options = parseOptions({ httpPort, httpsPort, ...given })
  const store = createGenerationStore(layout, undefined, (path, group) => chown(path, -1, group))
  const apply = createApply(store, remote, () => performance.now())
  const context: TranslateContext = {
    source: 'files',
    canResolveNames: false,
    hasStreamModule: true,
    allowLoopback: true,
    echoSocket: undefined,
    selfSignedKeyPair: await selfSignedKeyPair(root, Date.now()),
  }
  const seen = new Set<number>()
  const masters = new Set<number>()
  let child: ChildProcess | undefined
  let stderr = ''

  /** Facts of the agent's are asked for once: they do not change while it runs. */
  let known: ReturnType<typeof renderContextOf> | undefined
  async function renderContext() {
    if (known === undefined) {
      const { capabilities, machine } = await remote.status()
      known = renderContextOf(capabilities, machine, root, layout.accessLog)
    }
    return known
  }

  function start(...parameters: readonly string[]) {
    const agent = [PROGRAM, 'agent', '--state-dir', root, '--nginx', nginx, ...parameters]
    const [program = '', ...rest] = [...(within?.(layout) ?? []), process.execPath, ...NODE_FLAGS, ...agent]
    child = spawn(program, rest, { cwd: project, stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
  }

  function running(): ChildProcess {
    if (child === undefined) throw new Error('the agent was not started')
    return child
  }

  async function ended() {
    const started = running()
    if (started.exitCode === null && started.signalCode === null) await once(started, 'exit')
    return started.exitCode ?? started.signalCode ?? 'SIGKILL'
  }

  async function agentPid() {
    const found = await livingProcessOf(layout.agentFile)
    if (found === undefined) throw new Error(`no agent lives: ${stderr}`)
    seen.add(found.pid)
    return found.pid
  }

  async function masterPid() {
    const pid = Number(await readFile(layout.pidFile, 'utf8'))
    // In a container of its own it has another number, which out here is somebody else's.
    if ((await livingProcessOf(layout.masterFile))?.pid !== pid) throw new Error(`no NGINX lives that is number ${pid} here`)
    masters.add(pid)
    return pid
  }

  return {
    layout,
    httpPort,
    httpsPort,
    remote,
    start,
    async startReady(...parameters) {
      start(...parameters)
      await eventually(
        async () => {
          await remote.status().catch((cause: unknown) => {
            throw new Error(`no answer: ${stderr}`, { cause })
          })
        },
        { timeoutMs: START_TIMEOUT_MS },
      )
      await agentPid().catch(() => undefined)
    },
    signal: (name) => void running().kill(name),
    ended,
    initPid: () => running().pid ?? 0,
    agentPid,
    masterPid,
    async serve(...objects) {
      const { model } = translate(snapshotOf(objects).state, options, context)
      const result = await apply(render(model, await renderContext()))
      await masterPid().catch(() => undefined)
      return result
    },
    control(...objects) {
      const stopped = new AbortController()
      const outcomes: Outcome[] = []
      const changes = createHoldOff<string>(20, 1000, () => performance.now())
      let snapshot = snapshotOf(objects)
      const loop = renderContext().then((found) =>
        runController(
          {
            source: { snapshot: () => snapshot, changes: changes.settled },
            options,
            translateContext: () => context,
            renderContext: () => found,
            apply,
            agent: remote,
            report: (outcome) => void outcomes.push(outcome),
            now: () => performance.now(),
          },
          stopped.signal,
        ),
      )
      return {
        outcomes,
        change(...next) {
          snapshot = snapshotOf(next)
          changes.add('objects')
        },
        async [Symbol.asyncDispose]() {
          stopped.abort()
          await loop
        },
      }
    },
    get: (host, path) => send(httpPort, host, path),
    standardError: () => stderr,
    async [Symbol.asyncDispose]() {
      if (child !== undefined) {
        child.kill('SIGKILL')
        await ended()
      }
      // Without its parent the agent ends by itself, unless a test has stopped it.
      await agentPid().catch(() => undefined)
      for (const pid of seen) if (await isAlive(pid)) process.kill(pid, 'SIGKILL')
      await masterPid().catch(() => undefined)
      for (const master of masters) endGroup(master)
      await eventually(async () => {
        for (const master of masters) if ((await nginxProcesses(master)).length > 0) throw new Error(`NGINX ${master} does not end`)
      })
      await rm(root, { recursive: true, force: true })
    },
  }
}
