/**
 * What the controller may ask of the agent, over a unix socket: three requests and no more. A connection carries one
 * request, a line of JSON, and its answer, another line; then the agent ends it.
 */
import type { Socket } from 'node:net'
import { z } from 'zod'
import type { Capabilities, StreamModule } from '../model/model.ts'
import type { TestResult } from './agent.ts'
import { MODULE_FILE } from './capabilities.ts'
import type { Generation } from './generations.ts'
import type { Machine, WorkerAccount } from './machine.ts'
import type { UnavailablePort, WantedPorts } from './ports.ts'
import type { ProcessUsage } from './usage.ts'

/** The longest, `status` with a thousand ports, has some 6,000 bytes. */
export const LONGEST_REQUEST_BYTES = 8 * 1024
export const LONGEST_ANSWER_BYTES = 256 * 1024
/** What is kept of NGINX's words, from their end: it warns first, and says last why it refuses. */
export const LONGEST_OUTPUT_CHARACTERS = 32 * 1024

const generationSchema = z.strictObject({ number: z.int().min(1), hash: z.string().regex(/^\w{1,64}$/) }) satisfies z.ZodType<Generation>

const MOST_PORTS = 500
const portSchema = z.int().min(1).max(65535)
const portsSchema = z.strictObject({
  tcp: z.array(portSchema).max(MOST_PORTS).readonly(),
  udp: z.array(portSchema).max(MOST_PORTS).readonly(),
  ipv6: z.boolean(),
}) satisfies z.ZodType<WantedPorts>

const unavailablePortSchema = z.object({
  protocol: z.enum(['tcp', 'udp']),
  port: portSchema,
  reason: z.string().max(500),
}) satisfies z.ZodType<UnavailablePort>

export const agentRequestSchema = z.discriminatedUnion('request', [
  /** Is the staged configuration one that NGINX takes? */
  z.strictObject({ request: z.literal('test') }),
  /** Serve the active configuration, which is this generation; answered once workers have confirmed it. */
  z.strictObject({ request: z.literal('activate'), generation: generationSchema }),
  /** What is NGINX, what does it run on, and what does it serve? And which of these ports can it not listen on? */
  z.strictObject({ request: z.literal('status'), ports: portsSchema.exactOptional() }),
])
export type AgentRequest = z.output<typeof agentRequestSchema>

/** JSON has no undefined: there it is a null. */
function orUndefined<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullable().transform((value) => value ?? undefined)
}

const streamModuleSchema = z.object({ file: orUndefined(z.string().regex(MODULE_FILE)) }) satisfies z.ZodType<StreamModule>

const capabilitiesSchema = z.object({
  http2Directive: z.boolean(),
  keepaliveMinTimeout: z.boolean(),
  sslCertificateCache: z.boolean(),
  proxyPassTrailers: z.boolean(),
  stickyRoutes: z.boolean(),
  resolvesNames: z.boolean(),
  stream: orUndefined(streamModuleSchema),
}) satisfies z.ZodType<Capabilities>

const workerAccountSchema = z.object({ user: z.string(), group: z.string(), groupId: z.int() }) satisfies z.ZodType<WorkerAccount>

const machineSchema = z.object({
  cpus: z.int().min(1),
  openFiles: z.int().min(1),
  ipv6: z.boolean(),
  nameServers: z.array(z.string()).readonly(),
  workerAccount: orUndefined(workerAccountSchema),
}) satisfies z.ZodType<Machine>

/** What rendering needs to know of NGINX and its container, which the controller's may differ from. */
const factsSchema = z.object({
  version: z.string(),
  capabilities: capabilitiesSchema,
  machine: machineSchema,
  /** The path at which NGINX can log access. */
  accessLog: z.string(),
})
export type AgentFacts = z.output<typeof factsSchema>

/**
 * `serving`: workers answer. `not-serving`: there is something to serve, and none answers. `nothing-to-serve`: there has
 * been no configuration yet. `stopping`: the agent has been told to stop, and takes no more requests than this one.
 */
const healthSchema = z.enum(['serving', 'not-serving', 'nothing-to-serve', 'stopping'])
export type AgentHealth = z.output<typeof healthSchema>

const usageSchema = z.object({
  processes: z.int(),
  cpuSeconds: z.number(),
  residentBytes: z.number(),
  virtualBytes: z.number(),
}) satisfies z.ZodType<ProcessUsage>

const statusSchema = factsSchema.extend({
  health: healthSchema,
  /** Whether NGINX's master lives. */
  isRunning: z.boolean(),
  /** What workers serve now; undefined while none answers. */
  generation: orUndefined(generationSchema),
  /** What NGINX uses now; undefined while it does not run. */
  usage: orUndefined(usageSchema),
  /** Times that the master ended unasked, since this agent began. */
  mastersLost: z.int().min(0),
  /** Those of the ports that were asked about. */
  unavailablePorts: z.array(unavailablePortSchema).readonly(),
})
export type AgentStatus = z.output<typeof statusSchema>

const testResultSchema = z.object({ ok: z.boolean(), isVerdict: z.boolean(), output: z.string() }) satisfies z.ZodType<TestResult>
const confirmationSchema = z.union([z.object({ ok: z.literal(true) }), z.object({ ok: z.literal(false), reason: z.string() })])

/** The schema of the answer to each request. */
export const answerSchemas = {
  test: z.object({ test: testResultSchema }),
  activate: z.object({ activate: confirmationSchema }),
  status: z.object({ status: statusSchema }),
}

/**
 * Why a request was not carried out. `busy`: another test or activation is under way. `failed`: the agent could not, for
 * a reason of its own.
 */
export const refusalSchema = z.object({
  refused: z.enum(['malformed', 'too-large', 'too-slow', 'busy', 'stopping', 'failed']),
  message: z.string(),
})
export type AgentRefusal = z.output<typeof refusalSchema>

/** A message as a line. */
export function lineOf(message: unknown): string {
  return `${JSON.stringify(message, (_, value: unknown) => value ?? null)}\n`
}

/** Longer than is allowed, or more than one line. */
export class LineTooLong extends Error {}

/**
 * The first line that a socket brings. Throws LineTooLong, or an Error when the socket ends before the line does. What
 * follows the line is not for us, and comes to the same as a line that is too long.
 */
export async function readLine(socket: Socket, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  return await new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      const end = chunk.indexOf('\n')
      if (bytes > limitBytes || (end !== -1 && end !== chunk.length - 1)) {
        socket.removeAllListeners('data').resume()
        reject(new LineTooLong(`a message is one line of at most ${limitBytes} bytes`))
      } else if (end !== -1) {
        socket.removeAllListeners('data').resume()
        resolve(Buffer.concat(chunks).toString('utf8'))
      }
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the connection ended before the message')))
  })
}
