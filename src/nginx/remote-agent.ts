/** The agent as another process sees it: each request on a connection of its own, and within a deadline. */
import { connect, type Socket } from 'node:net'
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

/** What the agent answers about itself, beside what the pipeline asks of it. All throw AgentUnavailable when there is no word from it. */
export type RemoteAgent = NginxAgent & { status(): Promise<AgentStatus> }

/** The agent sets NGINX a limit, and answers when that is up; it is given a moment more. */
const ANSWER_MARGIN_MS = 10_000
const STATUS_DEADLINE_MS = 5_000

/** Longest wait for each answer, in milliseconds. */
export const REMOTE_DEADLINES_MS = {
  test: AGENT_LIMITS_MS.test + ANSWER_MARGIN_MS,
  activate: AGENT_LIMITS_MS.confirm + ANSWER_MARGIN_MS,
  status: STATUS_DEADLINE_MS,
}

/** Connects to nothing yet; an agent that went and came back is found again by the next request. */
export function createRemoteAgent(socketPath: string, deadlinesMs: Readonly<Partial<typeof REMOTE_DEADLINES_MS>> = {}): RemoteAgent {
  const deadlines = { ...REMOTE_DEADLINES_MS, ...deadlinesMs }

  async function ask<Answer>(request: AgentRequest, schema: z.ZodType<Answer>, signal?: AbortSignal): Promise<Answer> {
    const name = request.request
    const tooLate = AbortSignal.timeout(deadlines[name])
    let line: string
    try {
      line = await exchange(socketPath, lineOf(request), signal === undefined ? tooLate : AbortSignal.any([tooLate, signal]))
    } catch (cause) {
      if (signal?.aborted) throw cause
      const silence = `the agent has not answered "${name}" within ${deadlines[name] / 1000} s`
      throw new AgentUnavailable(tooLate.aborted ? silence : describeFailure(cause, name, socketPath), { cause })
    }
    const answer = parseJson(line)
    const refused = refusalSchema.safeParse(answer).data
    if (refused !== undefined) throw new AgentUnavailable(`the agent refuses "${name}": ${refused.message} (${refused.refused})`)
    const parsed = schema.safeParse(answer)
    if (parsed.success) return parsed.data
    throw new AgentUnavailable(`what answers "${name}" on ${socketPath} is no agent of this version`, { cause: parsed.error })
  }

  async function status(): Promise<AgentStatus> {
    return (await ask({ request: 'status' }, answerSchemas.status)).status
  }

  return {
    test: async (signal) => (await ask({ request: 'test' }, answerSchemas.test, signal)).test,
    activate: async (generation, signal) => (await ask({ request: 'activate', generation }, answerSchemas.activate, signal)).activate,
    running: async () => (await status()).generation,
    // The agent does so by itself.
    ensureRunning: async () => {},
    status,
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

function describeFailure(cause: unknown, name: string, socketPath: string): string {
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return `the agent is away: nobody listens on ${socketPath}`
  if (code === 'EACCES') return `the agent lets its own user connect only, and ${socketPath} belongs to another`
  return `the agent gave no answer to "${name}": ${message}`
}
