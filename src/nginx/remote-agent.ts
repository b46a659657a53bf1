/** The agent as another process sees it: each request on a connection of its own, and within a deadline. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { AGENT_LIMITS_MS, AgentUnavailable, type NginxAgent } from './agent.ts'
import {
  type AgentRequest,
  type AgentStatus,
  answerSchemas,
  LONGEST_ANSWER_BYTES,
  lineOf,
  readLine,
  refusalSchema,
} from './agent-protocol.ts'
import type { WantedPorts } from './ports.ts'

/** What the agent answers about itself, beside what the pipeline asks of it. All throw AgentUnavailable when there is no word from it. */
export type RemoteAgent = NginxAgent & { status(): Promise<AgentStatus> }

/** The agent sets NGINX a limit, and answers when that is up; it is given a moment more. */
const ANSWER_MARGIN_MS = 10_000
const BETWEEN_TRIES_MS = 50

/** Longest wait for each answer, and for an agent that is away: one that died is back within a second or two. In milliseconds. */
export const REMOTE_DEADLINES_MS = {
  test: AGENT_LIMITS_MS.test + ANSWER_MARGIN_MS,
  activate: AGENT_LIMITS_MS.confirm + ANSWER_MARGIN_MS,
  status: 5_000,
  away: 5_000,
}

/** Connects to nothing yet; an agent that went and came back is found again by the next request. */
export function createRemoteAgent(socketPath: string, deadlinesMs: Readonly<Partial<typeof REMOTE_DEADLINES_MS>> = {}): RemoteAgent {
  const deadlines = { ...REMOTE_DEADLINES_MS, ...deadlinesMs }

  async function ask<Answer>(request: AgentRequest, schema: z.ZodType<Answer>, signal?: AbortSignal): Promise<Answer> {
    const name = request.request
    const answer = parseJson(await exchangePatiently(name, lineOf(request), signal))
    const refused = refusalSchema.safeParse(answer).data
    if (refused !== undefined) throw new AgentUnavailable(`the agent refuses "${name}": ${refused.message} (${refused.refused})`)
    const parsed = schema.safeParse(answer)
    if (parsed.success) return parsed.data
    throw new AgentUnavailable(`what answers "${name}" on ${socketPath} is no agent of this version`, { cause: parsed.error })
  }

  /** Gives the line that answers. Tries again for as long as nobody listens: what has not been heard may be said again. */
  async function exchangePatiently(name: AgentRequest['request'], line: string, signal: AbortSignal | undefined): Promise<string> {
    const giveUp = performance.now() + deadlines.away
    for (;;) {
      const tooLate = AbortSignal.timeout(deadlines[name])
      try {
        return await exchange(socketPath, line, signal === undefined ? tooLate : AbortSignal.any([tooLate, signal]))
      } catch (cause) {
        if (signal?.aborted) throw cause
        if (tooLate.aborted)
          throw new AgentUnavailable(`the agent has not answered "${name}" within ${deadlines[name] / 1000} s`, { cause })
        if (!isAway(cause)) throw new AgentUnavailable(describeFailure(cause, name, socketPath), { cause })
        if (performance.now() > giveUp) throw new AgentUnavailable(`the agent is away: nobody listens on ${socketPath}`, { cause })
      }
      await sleep(BETWEEN_TRIES_MS, undefined, signal === undefined ? {} : { signal })
    }
  }

  async function status(ports?: WantedPorts): Promise<AgentStatus> {
    return (await ask({ request: 'status', ...(ports && { ports }) }, answerSchemas.status)).status
  }

  return {
    test: async (signal) => (await ask({ request: 'test' }, answerSchemas.test, signal)).test,
    activate: async (generation, signal) => (await ask({ request: 'activate', generation }, answerSchemas.activate, signal)).activate,
    running: async () => (await status()).generation,
    // The agent does so by itself.
    ensureRunning: async () => {},
    unavailablePorts: async (wanted) => (await status(wanted)).unavailablePorts,
    status: () => status(),
  }
}

/** Sends a line and gives the one that answers. The connection is closed in any case, which tells the agent that nobody waits. */
async function exchange(socketPath: string, line: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const socket: Socket = connect(socketPath)
  const abort = () => socket.destroy(new Error('given up', { cause: signal.reason }))
  signal.addEventListener('abort', abort, { once: true })
  try {
    socket.write(line)
    return await readLine(socket, LONGEST_ANSWER_BYTES)
  } finally {
    signal.removeEventListener('abort', abort)
    socket.on('error', () => {}).destroy()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isAway(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ECONNREFUSED'
}

function describeFailure(cause: unknown, name: string, socketPath: string): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'EACCES') return `the agent lets its own user connect only, and ${socketPath} belongs to another`
  return `the agent gave no answer to "${name}": ${message}`
}
