/**
 * A steady load from a process of its own, which a busy test cannot starve: so many requests a second, sent when they
 * are due whatever became of those before (open loop). The process is also the backend that must answer them.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export type LoadCounts = {
  readonly sent: number
  readonly answered: number
  /** Lost: no connection could be made. */
  readonly refused: number
  /** Lost: the connection ended before the whole answer had come, or none came in time. */
  readonly cut: number
  /** Lost: another status or body than the backend's. */
  readonly wrong: number
  /** Not lost by NGINX: it closed an idle keep-alive connection while the client was sending, and the client may retry. */
  readonly keepAliveClosed: number
  /** What the first few that were lost came to. */
  readonly examples: readonly string[]
}

export type Load = AsyncDisposable & {
  /** Where the load's own backend listens on the address that was asked for. */
  readonly backendPort: number
  /** Begins to request `host` from `port`, half on fresh connections and half over keep-alive. */
  begin(port: number, host: string, perSecond: number, target?: LoadTarget): void
  /** How many requests wait for their answer now. Only between begin and finish. */
  inFlight(): Promise<number>
  /** Sends no more, waits for the answers that are due, and counts. */
  finish(): Promise<LoadCounts>
}

/** Where the load goes, and for what. */
export type LoadTarget = { readonly address?: string; readonly path?: string }

type Order =
  | ({ readonly order: 'begin'; readonly port: number; readonly host: string; readonly perSecond: number } & LoadTarget)
  | { readonly order: 'count' | 'finish' }

/** What the load's own backend answers, and any other must. */
export const STEADY_BODY = 'the steady backend'
const TICK_MS = 10
const LONGEST_ANSWER_MS = 10_000
const EXAMPLES = 5
/** What is late is sent at once; the kernel would drop what goes beyond. net.core.somaxconn is the limit. */
const BACKLOG = 4096

/** Starts the process; it sends nothing yet. `address`: where its backend listens; 0.0.0.0 for all that are local. */
export async function startLoad({ address = '127.0.0.1' } = {}): Promise<Load> {
  const child = fork(import.meta.filename, [address], { execArgv: [], stdio: 'inherit' })
  const backendPort = Number(await message(child))
  const give = (order: Order) => void child.send(order)
  return {
    backendPort,
    begin: (port, host, perSecond, target = {}) => give({ order: 'begin', port, host, perSecond, ...target }),
    async inFlight() {
      const count = message(child)
      give({ order: 'count' })
      return Number(await count)
    },
    async finish() {
      const counts = message(child)
      give({ order: 'finish' })
      return (await counts) as LoadCounts
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const failed = once(child, 'exit', { signal: ended.signal }).then(() => Promise.reject(new Error('the load ended by itself')))
  const [said] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => {})
  ended.abort()
  return said
}

async function runLoad(address: string) {
  const backend = createServer({ keepAliveTimeout: 60_000 }, (_, response) => response.end(STEADY_BODY)).listen({
    port: 0,
    host: address,
    backlog: BACKLOG,
  })
  await once(backend, 'listening')
  process.send?.((backend.address() as AddressInfo).port)
  process.once('disconnect', () => process.exit())
  const [begin] = (await once(process, 'message')) as [Extract<Order, { order: 'begin' }>]
  const finish = Promise.withResolvers<void>()
  process.on('message', ({ order }: Order) => {
    if (order === 'count') process.send?.(pending.size)
    else finish.resolve()
  })

  const counts = { sent: 0, answered: 0, refused: 0, cut: 0, wrong: 0, keepAliveClosed: 0 }
  const examples: string[] = []
  const keepAlive = new Agent({ keepAlive: true, maxSockets: 50 })
  /** Connections that have carried a request. Node's own `reusedSocket` is not set for a request that waited for one. */
  const used = new WeakSet<object>()
  const pending = new Set<Promise<void>>()
  function count(what: keyof typeof counts, example?: string) {
    counts[what]++
    if (example !== undefined && examples.length < EXAMPLES) examples.push(`${what}: ${example}`)
  }

  async function sendOne(agent: Agent | false) {
    const sending = request({
      host: begin.address ?? '127.0.0.1',
      port: begin.port,
      path: begin.path ?? '/',
      headers: { host: begin.host },
      agent,
      timeout: LONGEST_ANSWER_MS,
    })
    const begun = performance.now()
    sending.once('timeout', () => sending.destroy(new Error('no answer in time')))
    let isReused = false
    sending.once('socket', (socket) => {
      isReused = used.has(socket)
      used.add(socket)
    })
    let hasBegun = false
    try {
      sending.end()
      const [response] = await once(sending, 'response')
      hasBegun = true
      const body = await text(response)
      if (response.statusCode === 200 && body === STEADY_BODY) count('answered')
      else count('wrong', `${response.statusCode} ${body.slice(0, 100)}`)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED') count('refused', message)
      else if (isReused && !hasBegun && (code === 'ECONNRESET' || code === 'EPIPE')) count('keepAliveClosed')
      else
        count(
          'cut',
          `${describe(code, message)} ${when(begun)}, ${agent === false ? 'fresh' : 'keep-alive'}, from port ${sending.socket?.localPort}${hasBegun ? ', in the answer' : ''}`,
        )
    }
  }

  const when = (begun: number) => `sent after ${seconds(begun - start)}, lost after ${seconds(performance.now() - start)}`
  const start = performance.now()
  const overflowsBefore = await listenOverflows()
  let last = start
  let longestPause = 0
  const timer = setInterval(() => {
    longestPause = Math.max(longestPause, performance.now() - last)
    last = performance.now()
    const due = Math.floor(((performance.now() - start) * begin.perSecond) / 1000)
    while (counts.sent < due) {
      const sent = sendOne(counts.sent % 2 === 0 ? false : keepAlive).finally(() => pending.delete(sent))
      pending.add(sent)
      counts.sent++
    }
  }, TICK_MS)
  await finish.promise
  clearInterval(timer)
  await Promise.all(pending)
  if (examples.length > 0)
    examples.push(
      `this load stood still for ${seconds(longestPause)} at most; ${(await listenOverflows()) - overflowsBefore} connections found a full backlog`,
    )
  process.send?.({ ...counts, examples } satisfies LoadCounts)
}

/** Connections that the kernel dropped because who listens did not accept: TcpExt ListenOverflows, of this network namespace. */
async function listenOverflows(): Promise<number> {
  const lines = (await readFile('/proc/net/netstat', 'utf8').catch(() => '')).split('\n').filter((line) => line.startsWith('TcpExt:'))
  const [names = [], values = []] = lines.map((line) => line.split(' '))
  return Number(values[names.indexOf('ListenOverflows')] ?? 0)
}

function describe(code: string | undefined, message: string): string {
  return code === undefined ? message : `${code} ${message}`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}

if (process.argv[1] === import.meta.filename) await runLoad(process.argv[2] ?? '')
