import { createHash, randomBytes } from 'node:crypto'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { openConnection } from '../support/raw-connection.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const MIB = 1024 * 1024

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe.each(await testedNginx())('bodies, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = await startSite(nginx)
    web = await startBackend('web')
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await web?.[Symbol.asyncDispose]()
  })

  const serve = (on: Site, backend: Backend) => on.serve(ingress('web').host('web.test').prefix('/', backend.name), serviceFor(backend))

  /** A request whose sending and reading the test does itself. */
  function start(on: Site, options: { readonly method?: string; readonly headers?: Record<string, string> } = {}) {
    const { method = 'GET', headers } = options
    const sending = httpRequest({
      host: '127.0.0.1',
      port: on.httpPort,
      method,
      path: '/',
      agent: false,
      headers: { host: 'web.test', ...headers },
    })
    return { sending, arrived: answerTo(sending) }
  }

  function answerTo(sending: ClientRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => sending.once('response', resolve).once('error', reject))
  }

  describe('of requests', () => {
    test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET', 'PROPFIND'])('arrive whole with %s', async (method) => {
      await serve(site, web)
      const body = randomBytes(10_000)
      const answer = await site.get('web.test', '/', { method, body, headers: { 'content-length': body.length } })
      expect(answer).toComeFrom('web')
      expect(answer.seen).toMatchObject({ method, bodyLength: body.length, bodySha256: sha256(body) })
    })

    test('a HEAD arrives as one and is answered without a body', async () => {
      await using headers = await startBackend('web', {
        answer: (request, response) => response.writeHead(200, { 'x-method': request.method, 'content-length': 1234 }).end(),
      })
      await serve(site, headers)
      const answer = await site.get('web.test', '/', { method: 'HEAD' })
      expect(answer).toHaveStatus(200)
      expect(answer.headers).toMatchObject({ 'x-method': 'HEAD', 'content-length': '1234' })
      expect(answer.body).toBe('')
    })

    test('sent in chunks arrive whole, with their length, for NGINX has read them first', async () => {
      await serve(site, web)
      const body = randomBytes(300_000)
      const answer = await site.get('web.test', '/', { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })
      expect(answer.seen).toMatchObject({ bodyLength: body.length, bodySha256: sha256(body) })
      expect(answer.seen?.headers['content-length']).toBe(String(body.length))
      expect(answer.seen?.headers['transfer-encoding']).toBeUndefined()
    })

    test('may have trailers, which become no headers and leave the connection usable', async () => {
      await serve(site, web)
      await using connection = await openConnection(site.httpPort)
      const head = 'POST /1 HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Real-IP\r\n\r\n'
      await connection.write(`${head}5\r\norder\r\n0\r\nX-Real-IP: 6.6.6.6\r\nX-Checksum: 1\r\n\r\n`)
      const first = await connection.until(/"url":"\/1".*\}/s)
      expect(first).toContain('"bodyLength":5')
      expect(first).toContain('"x-real-ip":"127.0.0.1"')
      expect(first).not.toContain('6.6.6.6')
      await connection.write('GET /2 HTTP/1.1\r\nHost: web.test\r\n\r\n')
      await connection.until(/"url":"\/2".*\}/s)
    })

    test('up to 1 MiB pass, longer ones get 413 and never reach the backend', async () => {
      let requests = 0
      const count = () => requests++
      web.server.on('request', count)
      await serve(site, web)
      expect(await site.get('web.test', '/', { method: 'POST', body: randomBytes(MIB) })).toComeFrom('web')
      expect(await site.get('web.test', '/', { method: 'POST', body: randomBytes(MIB + 1) })).toHaveStatus(413)
      const chunked = { method: 'POST', body: randomBytes(2 * MIB), headers: { 'transfer-encoding': 'chunked' } }
      expect(await site.get('web.test', '/', chunked)).toHaveStatus(413)
      expect(requests).toBe(1)
      web.server.off('request', count)
    })

    test('Expect: 100-continue is answered before the body is sent', async () => {
      await serve(site, web)
      const { sending, arrived } = start(site, { method: 'POST', headers: { expect: '100-continue', 'content-length': '5' } })
      const continued = new Promise<void>((resolve) => sending.once('continue', resolve))
      sending.flushHeaders()
      await continued
      sending.end('order')
      const seen = await seenIn(await arrived)
      expect(seen).toMatchObject({ backend: 'web', bodyLength: 5 })
      expect(seen).not.toHaveProperty('headers.expect')
    })

    test('Expect: 100-continue for a body that is too long is answered 413 at once', async () => {
      await serve(site, web)
      const { sending, arrived } = start(site, { method: 'POST', headers: { expect: '100-continue', 'content-length': String(2 * MIB) } })
      sending.flushHeaders()
      expect((await arrived).statusCode).toBe(413)
      sending.destroy()
    })

    test('from a client that sends byte by byte arrive whole', async () => {
      await serve(site, web)
      await using connection = await openConnection(site.httpPort)
      const dribble = async (text: string) => {
        for (const byte of text) {
          await connection.write(byte)
          await nextTurn()
        }
      }
      await dribble('POST /slow HTTP/1.1\r\nHost: web.test\r\nX-Slow: indeed\r\nContent-Length: 11\r\n\r\nhello world')
      const answer = await connection.until(/"url":"\/slow".*\}/s)
      expect(answer).toContain('"bodyLength":11')
      expect(answer).toContain(`"bodySha256":"${sha256(Buffer.from('hello world'))}"`)
      expect(answer).toContain('"x-slow":"indeed"')
    })
  })

  describe('of requests, with another limit', () => {
    test('0 is none', async () => {
      await using unlimited = await startSite(nginx, { options: { proxyBodySize: 0 } })
      await serve(unlimited, web)
      const body = randomBytes(20 * MIB)
      const answer = await unlimited.get('web.test', '/', { method: 'POST', body })
      expect(answer.seen).toMatchObject({ bodyLength: body.length, bodySha256: sha256(body) })
    })

    test('a smaller one holds to the byte', async () => {
      await using strict = await startSite(nginx, { options: { proxyBodySize: 10 } })
      await serve(strict, web)
      expect(await strict.get('web.test', '/', { method: 'POST', body: '0123456789' })).toComeFrom('web')
      expect(await strict.get('web.test', '/', { method: 'POST', body: '0123456789+' })).toHaveStatus(413)
    })
  })

  describe('of answers', () => {
    test('reach the client piece by piece, as the backend writes them', async () => {
      const { promise: mayEnd, resolve: letEnd } = Promise.withResolvers<void>()
      await using streaming = await startBackend('web', {
        answer: (_request, response) => {
          response.write('first;')
          void mayEnd.then(() => response.end('last;'))
        },
      })
      await serve(site, streaming)
      const { sending, arrived } = start(site)
      sending.end()
      const pieces: string[] = []
      const answer = await arrived
      answer.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece))
      // The backend has not ended: it waits for us to have read this much.
      await eventually(() => expect(pieces).toEqual(['first;']))
      letEnd()
      await eventually(() => expect(pieces).toEqual(['first;', 'last;']))
      await eventually(() => expect(answer.complete).toBe(true))
    })

    test('of 50 MiB arrive whole', async () => {
      const piece = randomBytes(MIB)
      const PIECES = 50
      await using large = await startBackend('web', {
        answer: (_request, response) => {
          response.writeHead(200, { 'content-length': PIECES * MIB })
          for (let index = 0; index < PIECES; index++) response.write(piece)
          response.end()
        },
      })
      await serve(site, large)
      const { sending, arrived } = start(site)
      sending.end()
      const hash = createHash('sha256')
      let length = 0
      for await (const bytes of await arrived) {
        hash.update(bytes)
        length += bytes.length
      }
      expect(length).toBe(PIECES * MIB)
      expect(hash.digest('hex')).toBe(sha256(Buffer.concat(Array.from({ length: PIECES }, () => piece))))
    })

    test('keep their trailers where this NGINX can pass them, and are whole without', async () => {
      await using trailing = await startBackend('web', {
        answer: (_request, response) => {
          response.writeHead(200, { trailer: 'x-checksum' })
          response.write('whole')
          response.addTrailers({ 'x-checksum': 'abc' })
          response.end()
        },
      })
      await serve(site, trailing)
      const answer = await site.get('web.test', '/', { headers: { te: 'trailers' } })
      expect(answer.body).toBe('whole')
      expect(answer.trailers).toEqual(site.binary.capabilities.proxyPassTrailers ? { 'x-checksum': 'abc' } : {})
    })

    test('that the backend breaks off are seen to be broken off', async () => {
      await using breaking = await startBackend('web', {
        answer: (_request, response) => {
          response.writeHead(200, { 'content-length': 100 })
          response.write('half', () => response.destroy())
        },
      })
      await serve(site, breaking)
      await expect(site.get('web.test', '/')).rejects.toThrow('aborted')
    })
  })

  test('a client that goes away frees the backend, and is logged as 499', async () => {
    let isGone = false
    await using waiting = await startBackend('web', {
      answer: (request) => {
        request.socket.once('close', () => {
          isGone = true
        })
        void client.then((connection) => connection.abort())
      },
    })
    await serve(site, waiting)
    const client = openConnection(site.httpPort)
    await using connection = await client
    await connection.write('GET /abandoned HTTP/1.1\r\nHost: web.test\r\n\r\n')
    await eventually(() => expect(isGone).toBe(true))
    await eventually(async () => expect(await site.accessLog()).toMatch(/"GET \/abandoned HTTP\/1\.1" 499 /))
  })
})

async function seenIn(answer: IncomingMessage): Promise<unknown> {
  let body = ''
  for await (const piece of answer.setEncoding('utf8')) body += piece
  return JSON.parse(body)
}
