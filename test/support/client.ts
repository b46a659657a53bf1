/** A client that does what it is told, one connection a request. */
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Seen } from './backend.ts'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: string
  /** What the backend says it saw; undefined when the answer is not of a test backend. */
  readonly seen: Seen | undefined
}

export type RequestOptions = {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  readonly address?: string
  /** Where the connection comes from: the system's choice when not given. */
  readonly localAddress?: string
  /** HTTPS when given: the server name to ask for, '' for none. */
  readonly sni?: string
}

/** Sends the path exactly as given. `host` is the Host header. */
export async function send(port: number, host: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  const common = {
    host: options.address ?? '127.0.0.1',
    localAddress: options.localAddress,
    port,
    method: options.method ?? 'GET',
    path,
    agent: false as const,
    headers: { host, ...options.headers },
    setHost: false,
  }
  const start = (): ClientRequest =>
    options.sni === undefined ? httpRequest(common) : httpsRequest({ ...common, servername: options.sni, rejectUnauthorized: false })
  const sending = start()
  const arrived = new Promise<IncomingMessage>((resolve, reject) => sending.once('response', resolve).once('error', reject))
  sending.end(options.body)
  const response = await arrived
  const body = await text(response)
  return { status: response.statusCode ?? 0, headers: response.headers, trailers: response.trailers, body, seen: seenIn(body) }
}

function seenIn(body: string): Seen | undefined {
  try {
    const parsed = JSON.parse(body)
    return typeof parsed.backend === 'string' ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Sends bytes as they are and gives all that comes back until the server closes. */
export async function sendRaw(port: number, bytes: string): Promise<string> {
  const connection = connectTcp(port, '127.0.0.1')
  connection.write(bytes)
  return await text(connection)
}

/** What a raw request came to. */
export type RawAnswer = Pick<Answer, 'status' | 'body' | 'seen'>

/** Sends a request line and header lines of any shape, which Node's own client would refuse or mend, and no body. */
export async function sendHead(port: number, ...lines: readonly string[]): Promise<RawAnswer> {
  const answer = await sendRaw(port, [...lines, 'Connection: close', '', ''].join('\r\n'))
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0), body, seen: seenIn(body) }
}
