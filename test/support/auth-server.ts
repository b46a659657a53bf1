/** A server that decides for others whether a request may pass. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Backend, startBackend } from './backend.ts'

/** Lets in who has the cookie `session=good`; tests may have it answer otherwise. */
export type AuthServer = Backend & {
  readonly asked: IncomingMessage[]
  answer: (request: IncomingMessage, response: ServerResponse) => void
}

export const byCookie: AuthServer['answer'] = (request, response) => {
  const isGood = /\bsession=good\b/.test(request.headers.cookie ?? '')
  response.writeHead(
    isGood ? 200 : 401,
    isGood ? { 'x-auth-user': 'ann', 'set-cookie': 'fresh=1; Path=/' } : { 'www-authenticate': 'Bearer' },
  )
  response.end('body that nobody gets to see')
}

/** Starts one, which is a backend `auth`; over TLS with a certificate and its key, PEM texts. */
export async function startAuthServer(tls?: { readonly cert: string; readonly key: string }): Promise<AuthServer> {
  const asked: IncomingMessage[] = []
  const server = { asked, answer: byCookie }
  const backend = await startBackend('auth', {
    ...(tls && { tls }),
    answer: (request, response) => {
      asked.push(request)
      server.answer(request, response)
    },
  })
  return Object.assign(server, backend)
}
