/** Asks what the examples say to ask, and judges what comes back. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import type { ExampleRequest } from '../../examples/requests.ts'
import type { EchoAnswer } from '../../src/echo.ts'

export type Ports = { readonly http: number; readonly https: number; readonly status: number }

/** What came back, in the words of the table; `right` when that is what the example says. */
export type Verdict = { readonly right: boolean; readonly came: string; readonly expected: string }

const ANSWER_TIMEOUT_MS = 10_000

/** The URL with the port of the demo. */
export function demoUrl(url: string, ports: Ports): URL {
  const result = new URL(url)
  result.port = String(result.protocol === 'https:' ? ports.https : ports.http)
  return result
}

/** The answer that an example is to give: `200 default/cart:80`, `308 to https://…`, `404`. */
export function describeExpected({ answer }: ExampleRequest, ports: Ports): string {
  if (answer.kind === 'service') return `200 ${answer.service}:${answer.port}`
  return answer.kind === 'redirect' ? `308 to ${demoUrl(answer.to, ports)}` : String(answer.status)
}

/** Sends the request to this machine whatever the host's name; `ca` is who may vouch for it over https. */
export async function ask(example: ExampleRequest, ports: Ports, ca: string): Promise<Verdict> {
  const expected = describeExpected(example, ports)
  try {
    const url = demoUrl(example.url, ports)
    const response = await send(url, ca)
    const body = await text(response)
    const came = describeResponse(response, body, url)
    return { right: came === expected, came, expected }
  } catch (error) {
    return { right: false, came: `no answer: ${error instanceof Error ? error.message : String(error)}`, expected }
  }
}

async function send(url: URL, ca: string): Promise<IncomingMessage> {
  const common = {
    host: '127.0.0.1',
    port: url.port,
    path: url.pathname + url.search,
    headers: { host: url.host },
    agent: false as const,
    timeout: ANSWER_TIMEOUT_MS,
  }
  const sending: ClientRequest = url.protocol === 'https:' ? httpsRequest({ ...common, servername: url.hostname, ca }) : httpRequest(common)
  sending.once('timeout', () => sending.destroy(new Error(`nothing came within ${ANSWER_TIMEOUT_MS / 1000} s`)))
  const response = new Promise<IncomingMessage>((resolve, reject) => sending.once('response', resolve).once('error', reject))
  sending.end()
  return await response
}

function describeResponse(response: IncomingMessage, body: string, url: URL): string {
  const status = response.statusCode ?? 0
  if (response.headers.location !== undefined) return `${status} to ${response.headers.location}`
  const echoed = status === 200 ? parseEcho(body) : undefined
  if (echoed === undefined) return String(status)
  const { namespace, name, port } = echoed.service
  const arrived = `${echoed.host}${echoed.path}`
  const sent = `${url.host}${url.pathname}${url.search}`
  return `${status} ${namespace}/${name}:${port}${arrived === sent ? '' : ` which was asked for ${arrived}`}`
}

function parseEcho(body: string): EchoAnswer | undefined {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
