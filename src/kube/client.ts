/**
 * Requests to an API server. Configuration, authentication and TLS are @kubernetes/client-node's; the transport is ours,
 * for every call here has a deadline, and lists and watches are read as they arrive.
 */
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { KubeConfig } from '@kubernetes/client-node'

export type ApiRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the server's URL: `/api/v1/services`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** `application/json`, or what kind of patch a PATCH is. */
  readonly contentType?: string
  readonly signal?: AbortSignal
  /** Milliseconds until the whole answer must be there. */
  readonly timeoutMs?: number
  /**
   * Asked once the connection stands, at the last moment before the first byte is sent; what it throws is thrown, and
   * nothing is sent. For writes that may begin only while a lease is held: tokens and handshakes take time.
   */
  readonly permit?: () => void
}

export type KubeClient = {
  /** The parsed body of a 2xx answer. Throws an ApiError for any other, and what Node throws when none arrives in time. */
  request<Result>(request: ApiRequest): Promise<Result>
  /** Each line of a 2xx answer, parsed, as it arrives. Ends when the server ends it; throws as `request` does. */
  stream<Line>(request: ApiRequest): AsyncIterable<Line>
  /** The text of a 2xx answer in parts, as they arrive. Throws as `request` does. */
  chunks(request: ApiRequest): AsyncIterable<string>
}

/** An answer that is none: `status` is HTTP's, `reason` Kubernetes' (`Conflict`, `Expired`), where it gave one. */
export class ApiError extends Error {
  readonly status: number
  readonly reason: string | undefined
  /** How long the server asks to be left alone, from Retry-After. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, status: number, reason: string | undefined, retryAfterMs: number | undefined) {
    super(message)
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

const REQUEST_TIMEOUT_MS = 30_000
/** Silence after which the kernel begins to probe; Node lets it probe every second, ten times. */
const KEEP_ALIVE_MS = 30_000
const USER_AGENT = 'nginx-ts'
/** A name that no proxy and no audit log has trouble with. */
const JSON_TYPE = 'application/json'

export type KubeSettings = {
  /** Path of a kubeconfig; without one, `KUBECONFIG`, `~/.kube/config` or the Pod's own service account. */
  readonly kubeconfig?: string
  readonly context?: string
  /** URL of the API server, in place of the configuration's. */
  readonly server?: string
}

/** Reads the configuration. Throws when there is none that names a server. */
export function loadKubeConfig({ kubeconfig, context, server }: KubeSettings): KubeConfig {
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) config.setCurrentContext(context)
  const cluster = config.getCurrentCluster()
  if (cluster === null)
    throw new Error(
      context === undefined
        ? 'the Kubernetes configuration names no cluster'
        : `the Kubernetes configuration has no cluster for the context ${context}`,
    )
  if (server !== undefined) config.clusters = config.clusters.map((one) => (one.name === cluster.name ? { ...one, server } : one))
  return config
}

/** A client for the current context of the configuration. */
export function createKubeClient(config: KubeConfig): KubeClient {
  const base = new URL(config.getCurrentCluster()?.server ?? '')

  async function send(given: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/$/, '')}${given.path}`
    for (const [name, value] of Object.entries(given.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value))
    const body = given.body === undefined ? undefined : JSON.stringify(given.body)
    const options: RequestOptions = {
      method: given.method ?? 'GET',
      headers: {
        accept: JSON_TYPE,
        'user-agent': USER_AGENT,
        ...(body === undefined ? {} : { 'content-type': given.contentType ?? JSON_TYPE, 'content-length': Buffer.byteLength(body) }),
      },
      signal,
    }
    await config.applyToHTTPSOptions(options)
    const sent = (url.protocol === 'http:' ? requestHttp : requestHttps)(url, options)
    // A peer that vanished without a word is noticed by the kernel's probes, long before any deadline.
    sent.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS))
    if (given.permit !== undefined) {
      try {
        await connected(sent)
        given.permit()
      } catch (error) {
        sent.destroy()
        throw error
      }
    }
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    // Once there is an answer, what befalls the connection is told by the answer.
    sent.on('error', () => {})
    if (response.statusCode !== undefined && response.statusCode < 300) return response
    throw await refusalOf(given, response)
  }

  async function* chunksOf(given: ApiRequest, fallbackMs: number | undefined): AsyncGenerator<string> {
    const response = await send(given, deadlineOf(given, fallbackMs))
    response.setEncoding('utf8')
    try {
      yield* response
    } finally {
      response.destroy()
    }
  }

  return {
    async request(given) {
      const signal = deadlineOf(given, REQUEST_TIMEOUT_MS)
      return JSON.parse(await text(await send(given, signal)))
    },
    async *stream<Line>(given: ApiRequest) {
      for await (const line of linesOf(chunksOf(given, undefined))) yield JSON.parse(line) as Line
    },
    chunks: (given) => chunksOf(given, REQUEST_TIMEOUT_MS),
  }
}

function deadlineOf({ signal, timeoutMs }: ApiRequest, fallbackMs: number | undefined): AbortSignal {
  const milliseconds = timeoutMs ?? fallbackMs
  const signals = [signal, milliseconds === undefined ? undefined : AbortSignal.timeout(milliseconds)]
  return AbortSignal.any(signals.filter((each) => each !== undefined))
}

/** Resolves when bytes of the request would leave at once: its connection stands, with TLS where that is spoken. */
async function connected(sent: ClientRequest): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  sent.on('error', reject)
  sent.once('socket', (socket: Socket & { readonly secureConnecting?: boolean }) => {
    if (socket.secureConnecting === true) socket.once('secureConnect', resolve)
    else if (socket.connecting) socket.once('connect', resolve)
    else resolve()
  })
  await promise
}

async function refusalOf({ method = 'GET', path }: ApiRequest, response: IncomingMessage): Promise<ApiError> {
  const body = await text(response).catch(() => '')
  const { message, reason } = statusOf(body)
  const seconds = Number(response.headers['retry-after'])
  const status = response.statusCode ?? 0
  return new ApiError(
    `${method} ${path}: ${status} ${message ?? response.statusMessage}`,
    status,
    reason,
    Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined,
  )
}

/** What a `Status` object says; nothing where a proxy in between answered in words of its own. */
function statusOf(body: string): { readonly message?: string; readonly reason?: string } {
  try {
    const { message, reason } = JSON.parse(body)
    return { message: String(message), reason: String(reason) }
  } catch {
    return {}
  }
}

async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let parts: string[] = []
  for await (const chunk of chunks) {
    const lines = chunk.split('\n')
    for (const line of lines.slice(0, -1)) {
      const whole = [...parts, line].join('')
      parts = []
      if (whole !== '') yield whole
    }
    parts.push(lines.at(-1) ?? '')
  }
  const rest = parts.join('')
  if (rest !== '') yield rest
}
