import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { callGrpc, startGrpcBackend } from '../support/grpc-backend.ts'
import { endpointSlice, ingress, type Manifest, service, serviceFor } from '../support/objects.ts'
import { startWebSocketBackend, webSocketAccept } from '../support/raw-backend.ts'
import { openConnection, type RawConnection } from '../support/raw-connection.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

/** Signed by nobody whom anybody knows. */
async function unknownCertificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const { chain, key } = await (await createAuthority('Unknown')).issue(['backend.invalid'])
  return { cert: chain, key }
}

describe.each(await testedNginx())('protocols, NGINX %s', (_version, nginx) => {
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

  const route = (host: string, backend: string) => ingress(backend).host(host).prefix('/', backend)

  describe('websockets pass with no annotation', () => {
    async function talk(connection: RawConnection) {
      const key = randomBytes(16).toString('base64')
      await connection.write(
        `GET /chat HTTP/1.1\r\nHost: chat.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      )
      const handshake = await connection.until(/welcome;$/)
      expect(handshake).toMatch(/^HTTP\/1\.1 101 /)
      expect(handshake).toMatch(/^Upgrade: websocket\r$/im)
      expect(handshake).toMatch(/^Connection: upgrade\r$/im)
      expect(handshake).toContain(`Sec-WebSocket-Accept: ${webSocketAccept(key)}`)
      await connection.write('hello;')
      await connection.until(/welcome;HELLO;$/)
      await connection.write('again\0\x80;')
      await connection.until(/HELLO;AGAIN\0\x80;$/)
    }

    test('over http and over TLS', async () => {
      await using chat = await startWebSocketBackend('chat')
      await site.serve(route('chat.test', 'chat'), serviceFor(chat))
      await using plain = await openConnection(site.httpPort)
      await talk(plain)
      await using secure = await openConnection(site.httpsPort, 'chat.test')
      await talk(secure)
      expect(chat.heads).toHaveLength(2)
    })

    test('and outlive a change of other hosts', async () => {
      await using chat = await startWebSocketBackend('chat')
      await site.serve(route('chat.test', 'chat'), serviceFor(chat))
      await using connection = await openConnection(site.httpPort)
      await talk(connection)
      const { result } = await site.serve(route('chat.test', 'chat'), serviceFor(chat), route('new.test', 'web'), serviceFor(web))
      expect(result.kind).toBe('applied')
      await connection.write('still there?;')
      await connection.until(/STILL THERE\?;$/)
    })
  })

  test('an upgrade to cleartext HTTP/2 is not passed on, the request is', async () => {
    await site.serve(route('web.test', 'web'), serviceFor(web))
    const upgrade = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }
    const answer = await site.get('web.test', '/', { headers: upgrade })
    expect(answer).toComeFrom('web')
    expect(answer.seen?.headers.upgrade).toBeUndefined()
    expect(answer.seen?.headers.connection).toBeUndefined()
  })

  describe('gRPC', () => {
    test.each(['grpc', 'kubernetes.io/h2c'])('by appProtocol %s: a call, its answer and its status', async (appProtocol) => {
      await using greeter = await startGrpcBackend('greeter')
      const { issues } = await site.serve(route('grpc.test', 'greeter'), serviceFor(greeter, { appProtocol }))
      expect(issues).toEqual([])
      await using call = await callGrpc(site.httpsPort, 'grpc.test', '/shop.Greeter/Greet')
      call.send('hello')
      call.end()
      expect(await call.status()).toBe('0')
      expect(await call.messages(1)).toEqual(['greeter: hello'])
    })

    test('a failure arrives as the status it is', async () => {
      await using greeter = await startGrpcBackend('greeter')
      await site.serve(route('grpc.test', 'greeter'), serviceFor(greeter, { appProtocol: 'grpc' }))
      await using call = await callGrpc(site.httpsPort, 'grpc.test', '/fail')
      call.end()
      expect(await call.status()).toBe('5')
    })

    test('a bidirectional stream flows both ways while it is open', async () => {
      await using greeter = await startGrpcBackend('greeter')
      await site.serve(route('grpc.test', 'greeter'), serviceFor(greeter, { appProtocol: 'grpc' }))
      await using call = await callGrpc(site.httpsPort, 'grpc.test', '/shop.Greeter/Chat')
      const expected: string[] = []
      for (const word of ['one', 'two', 'three']) {
        call.send(word)
        expected.push(`greeter: ${word}`)
        // The answer comes before anything more is sent: nothing on the way waits for the end.
        expect(await call.messages(expected.length)).toEqual(expected)
      }
      call.end()
      expect(await call.status()).toBe('0')
    })

    test('over TLS to the backend by appProtocol grpcs, whoever signed its certificate', async () => {
      await using greeter = await startGrpcBackend('greeter', await unknownCertificate())
      const { issues } = await site.serve(route('grpc.test', 'greeter'), serviceFor(greeter, { appProtocol: 'grpcs' }))
      expect(issues).toEqual([])
      await using call = await callGrpc(site.httpsPort, 'grpc.test', '/shop.Greeter/Greet')
      call.send('hello')
      call.end()
      expect(await call.status()).toBe('0')
      expect(await call.messages(1)).toEqual(['greeter: hello'])
    })
  })

  test.each(['https', 'HTTPS'])('TLS is spoken to the backend by appProtocol %s, whoever signed its certificate', async (appProtocol) => {
    await using safe = await startBackend('safe', { tls: await unknownCertificate() })
    const { issues } = await site.serve(route('safe.test', 'safe'), serviceFor(safe, { appProtocol }))
    expect(issues).toEqual([])
    expect(await site.get('safe.test', '/')).toComeFrom('safe')
    expect(await site.getTls('safe.test', '/')).toComeFrom('safe')
  })

  test('an unknown appProtocol is told, and HTTP is spoken', async () => {
    const { issues } = await site.serve(route('web.test', 'web'), serviceFor(web, { appProtocol: 'example.test/pigeon' }))
    expect(issues.map(({ code, message }) => ({ code, message }))).toEqual([
      { code: 'unknown-app-protocol', message: 'appProtocol "example.test/pigeon" of Service default/web is unknown; HTTP/1.1 is spoken' },
    ])
    expect(await site.get('web.test', '/')).toComeFrom('web')
  })

  test('two ports of one Service may speak different protocols', async () => {
    await using safe = await startBackend('safe', { tls: await unknownCertificate() })
    const ports = [
      { name: 'plain', port: 80 },
      { name: 'tls', port: 443, appProtocol: 'https' },
    ]
    const slices: readonly Manifest[] = [
      endpointSlice('shop', [{ address: web.address }], { name: 'plain', port: web.port }, { suffix: 'plain' }),
      endpointSlice('shop', [{ address: safe.address }], { name: 'tls', port: safe.port }, { suffix: 'tls' }),
    ]
    await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'shop', 80).prefix('/safe', 'shop', 'tls'),
      service('shop', ports),
      slices,
    )
    expect(await site.get('shop.test', '/')).toComeFrom('web')
    expect(await site.get('shop.test', '/safe')).toComeFrom('safe')
  })

  describe('HTTP/1', () => {
    test('a client may send several requests on one connection, and before the answers', async () => {
      await site.serve(route('web.test', 'web'), serviceFor(web))
      await using connection = await openConnection(site.httpPort)
      await connection.write('GET /1 HTTP/1.1\r\nHost: web.test\r\n\r\n')
      await connection.until(/"url":"\/1".*\}/s)
      const next = 'POST /2 HTTP/1.1\r\nHost: web.test\r\nContent-Length: 5\r\n\r\norderGET /3 HTTP/1.1\r\nHost: nobody.test\r\n\r\n'
      await connection.write(`${next}GET /4 HTTP/1.1\r\nHost: web.test\r\n\r\n`)
      const answers = await connection.until(/"url":"\/4".*\}/s)
      expect(answers.match(/"url":"[^"]*"|HTTP\/1\.1 404/g)).toEqual(['"url":"/1"', '"url":"/2"', 'HTTP/1.1 404', '"url":"/4"'])
    })

    test('a request of HTTP/1.0 without Host is for the default backend, and the connection is closed after it', async () => {
      await site.serve(route('web.test', 'missing'), ingress('any').defaultBackend('web'), serviceFor(web))
      await using connection = await openConnection(site.httpPort)
      await connection.write('GET /old HTTP/1.0\r\n\r\n')
      const answer = await connection.until(/\}$/)
      expect(answer).toMatch(/^HTTP\/1\.1 200 /)
      expect(answer).toMatch(/^Connection: close\r$/im)
      expect(answer).toContain('"url":"/old"')
      expect(answer).not.toMatch(/^Transfer-Encoding/im)
    })

    test('a request of HTTP/1.1 without Host is refused', async () => {
      await site.serve(ingress('any').defaultBackend('web'), serviceFor(web))
      await using connection = await openConnection(site.httpPort)
      await connection.write('GET / HTTP/1.1\r\n\r\n')
      await connection.until(/^HTTP\/1\.1 400 /)
    })
  })
})
