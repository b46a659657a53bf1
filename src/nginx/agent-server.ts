/**
 * Answers the controller. Whoever may connect may reload NGINX, so the socket is its owner's alone; nothing that a
 * client sends, or fails to send, keeps others waiting.
 */
import { once } from 'node:events'
import { chmod, chown, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import type { LocalAgent } from './agent.ts'
import {
  type AgentFacts,
  type AgentHealth,
  type AgentRefusal,
  type AgentRequest,
  type AgentStatus,
  agentRequestSchema,
  LineTooLong,
  LONGEST_OUTPUT_CHARACTERS,
  LONGEST_REQUEST_BYTES,
  lineOf,
  readLine,
} from './agent-protocol.ts'
import type { WantedPorts } from './ports.ts'
import type { ProcessUsage } from './usage.ts'

export type AgentServerParts = {
  readonly agent: LocalAgent
  readonly facts: AgentFacts
  readonly socketPath: string
  /** Id of a group that may connect too, where the controller runs as another user; undefined for nobody else. */
  readonly socketGroup: number | undefined
  /** Whether there is a configuration to serve. */
  readonly hasGeneration: () => Promise<boolean>
  readonly isStopping: () => boolean
  /** What NGINX uses now. */
  readonly usage: () => Promise<ProcessUsage | undefined>
  /** Times that the master ended unasked. */
  readonly mastersLost: () => number
  /** What went wrong with a request, for the log. */
  readonly failed: (error: unknown) => void
}

/** A client has its request ready when it connects, and reads the answer at once. */
const CLIENT_DEADLINE_MS = 5_000
/** The controller uses one at a time. */
const MOST_CONNECTIONS = 64
const OWNER_ONLY_UMASK = 0o177
const GROUP_MODE = 0o660

/** Listens until the signal aborts, which cuts connections. Whoever calls holds the lock of the state directory. */
export async function startAgentServer(parts: AgentServerParts, signal: AbortSignal): Promise<void> {
  const answer = createAnswers(parts)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void serveClient(socket, answer)
  })
  server.maxConnections = MOST_CONNECTIONS
  // A predecessor that was killed leaves its socket behind.
  await rm(parts.socketPath, { force: true })
  listenForOwnerOnly(() => server.listen(parts.socketPath))
  await once(server, 'listening')
  if (parts.socketGroup !== undefined) {
    await chown(parts.socketPath, -1, parts.socketGroup)
    await chmod(parts.socketPath, GROUP_MODE)
  }
  signal.addEventListener(
    'abort',
    () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
    { once: true },
  )
}

/** The socket is made under a mask, for a moment between listening and chmod would be enough to connect. Synchronous, as binding is. */
function listenForOwnerOnly(listen: () => void) {
  const before = process.umask(OWNER_ONLY_UMASK)
  try {
    listen()
  } finally {
    process.umask(before)
  }
}

type Answer = (request: AgentRequest, gone: AbortSignal) => Promise<unknown>

/** One request, one answer. What is begun is given up when the client goes: nobody waits for it, and the next may want to begin. */
async function serveClient(socket: Socket, answer: Answer): Promise<void> {
  const gone = new AbortController()
  socket.once('close', () => gone.abort()).on('error', () => {})
  const say = (message: unknown) => {
    if (gone.signal.aborted) return
    socket.end(lineOf(message))
    const tooLong = setTimeout(() => socket.destroy(), CLIENT_DEADLINE_MS)
    gone.signal.addEventListener('abort', () => clearTimeout(tooLong), { once: true })
  }
  const tooSlow = Promise.withResolvers<never>()
  const deadline = setTimeout(() => tooSlow.reject(new TooSlow()), CLIENT_DEADLINE_MS)
  try {
    const line = await Promise.race([readLine(socket, LONGEST_REQUEST_BYTES), tooSlow.promise])
    clearTimeout(deadline)
    const request = parseRequest(line)
    if (request === undefined) say(refusal('malformed', 'a request is one of test, activate and status, as JSON'))
    else say(await answer(request, gone.signal))
  } catch (error) {
    if (error instanceof LineTooLong) say(refusal('too-large', error.message))
    else if (error instanceof TooSlow) say(refusal('too-slow', `a request must be whole within ${CLIENT_DEADLINE_MS / 1000} s`))
    // Otherwise the client has gone, and there is nobody to tell.
  } finally {
    clearTimeout(deadline)
  }
}

class TooSlow extends Error {}

function parseRequest(line: string): AgentRequest | undefined {
  try {
    return agentRequestSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}

function refusal(refused: AgentRefusal['refused'], message: string): AgentRefusal {
  return { refused, message }
}

function createAnswers({ agent, facts, hasGeneration, isStopping, usage, mastersLost, failed }: AgentServerParts): Answer {
  let isBusy = false

  /**
   * A second one is refused, not kept waiting: there is one controller, so a second means that two of them write the
   * same files, and a queue would only hide that. One whose controller has died is given up, and holds nobody up.
   */
  async function alone(work: () => Promise<unknown>): Promise<unknown> {
    if (isStopping()) return refusal('stopping', 'the agent is stopping NGINX')
    if (isBusy) return refusal('busy', 'another test or activation is under way')
    isBusy = true
    try {
      return await work()
    } finally {
      isBusy = false
    }
  }

  async function status(ports: WantedPorts | undefined): Promise<AgentStatus> {
    const generation = await agent.running()
    const health = await healthOf(generation !== undefined)
    const unavailablePorts = ports === undefined ? [] : await agent.unavailablePorts(ports)
    return {
      ...facts,
      health,
      isRunning: agent.isRunning(),
      generation,
      usage: await usage(),
      mastersLost: mastersLost(),
      unavailablePorts,
    }
  }

  async function healthOf(isServing: boolean): Promise<AgentHealth> {
    if (isStopping()) return 'stopping'
    if (isServing) return 'serving'
    return (await hasGeneration()) ? 'not-serving' : 'nothing-to-serve'
  }

  async function carryOut(request: AgentRequest, gone: AbortSignal): Promise<unknown> {
    if (request.request === 'status') return { status: await status(request.ports) }
    if (request.request === 'activate') return await alone(async () => ({ activate: await agent.activate(request.generation, gone) }))
    return await alone(async () => {
      const { ok, isVerdict, output } = await agent.test(gone)
      return { test: { ok, isVerdict, output: output.slice(-LONGEST_OUTPUT_CHARACTERS) } }
    })
  }

  return async (request, gone) => {
    try {
      return await carryOut(request, gone)
    } catch (error) {
      failed(error)
      return refusal('failed', error instanceof Error ? error.message : String(error))
    }
  }
}
