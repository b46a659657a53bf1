import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { sendRaw } from '../support/client.ts'
import { ingress, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const certificate = await (await createAuthority()).issue(['secure.test'])

/** Field names in lower case, each with all of its values in their order. */
type HeaderFields = Readonly<Record<string, readonly string[]>>

describe.each(await testedNginx())('what a backend is told, NGINX %s', (version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    // Node joins repeated fields; a test that means exactly one must see them all.
    web = await startBackend('web', { answer: (request, response) => response.end(JSON.stringify(fieldsOf(request.rawHeaders))) })
    site = await startSite(nginx, { options: { publicHttpPort: 80, publicHttpsPort: 443 } })
    await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'web'),
      ingress('below').host('*.shop.test').prefix('/', 'web'),
      ingress('secure').host('secure.test').prefix('/', 'web').tls('secure', 'secure.test'),
      tlsSecret('secure', certificate.chain, certificate.key),
      serviceFor(web),
    )
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  /** Sends header lines of any shape and gives what the backend saw of them. */
  async function seenOf(...lines: readonly string[]): Promise<HeaderFields> {
    const host = lines.some((line) => /^host:/i.test(line)) ? [] : ['Host: shop.test']
    const answer = await sendRaw(site.httpPort, ['GET / HTTP/1.0', ...host, ...lines, '', ''].join('\r\n'))
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
  }

  test('over http: the address, host, port and scheme of the connection', async () => {
    const answer = await site.get('shop.test', '/', { localAddress: '127.0.0.7' })
    expect(JSON.parse(answer.body)).toMatchObject({
      host: ['shop.test'],
      'x-real-ip': ['127.0.0.7'],
      'x-forwarded-for': ['127.0.0.7'],
      'x-forwarded-host': ['shop.test'],
      'x-forwarded-port': ['80'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-scheme': ['http'],
      'x-scheme': ['http'],
    })
  })

  test('over https: the same, with the port that clients see', async () => {
    const answer = await site.getTls('secure.test', '/', { localAddress: '127.0.0.7' })
    expect(JSON.parse(answer.body)).toMatchObject({
      host: ['secure.test'],
      'x-real-ip': ['127.0.0.7'],
      'x-forwarded-for': ['127.0.0.7'],
      'x-forwarded-host': ['secure.test'],
      'x-forwarded-port': ['443'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-scheme': ['https'],
      'x-scheme': ['https'],
    })
  })

  test('the host as the client wrote it, port included', async () => {
    for (const host of ['shop.test:8080', 'Shop.Test', 'a.shop.test:1', 'shop.test.']) {
      const seen = await seenOf(`Host: ${host}`)
      expect([seen['host'], seen['x-forwarded-host']]).toEqual([[host], [host]])
    }
  })

  test('the routed host, where the Host header names another', async () => {
    const answer = await sendRaw(site.httpPort, 'GET http://shop.test/ HTTP/1.0\r\nHost: evil.test\r\n\r\n')
    const seen = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
    expect([seen.host, seen['x-forwarded-host']]).toEqual([['shop.test'], ['shop.test']])
    expect(JSON.stringify(seen)).not.toContain('evil')
  })

  test('none of what the client makes up', async () => {
    const computed = await seenOf()
    const forged = await seenOf(
      'X-Forwarded-Proto: forged',
      'X-Forwarded-Scheme: forged',
      'X-Forwarded-Port: forged',
      'X-Forwarded-Prefix: forged',
      'X-Forwarded-Server: forged',
      'X-Forwarded-Ssl: forged',
      'X-Scheme: forged',
      'X-Real-IP: forged',
      'Forwarded: for=forged',
      'X-Original-URL: /forged',
      'X-Rewrite-URL: /forged',
      'Proxy: forged',
      'Ssl-Client-Cert: forged',
      'Ssl-Client-Verify: forged',
      'Ssl-Client-Subject-Dn: forged',
      'Ssl-Client-Issuer-Dn: forged',
      'X-Original-Forwarded-For: forged',
      'X-Original-Forwarded-Host: forged',
    )
    expect({ ...forged, 'x-request-id': computed['x-request-id'] }).toEqual(computed)
  })

  test("a client's X-Forwarded-For and -Host only as what they are: its claim", async () => {
    const seen = await seenOf('X-Forwarded-For: 1.1.1.1, 2.2.2.2', 'X-Original-Forwarded-For: 3.3.3.3', 'X-Forwarded-Host: claimed.test')
    expect(seen).toMatchObject({
      'x-forwarded-for': ['127.0.0.1'],
      'x-original-forwarded-for': ['1.1.1.1, 2.2.2.2'],
      'x-forwarded-host': ['shop.test'],
      'x-original-forwarded-host': ['claimed.test'],
      'x-real-ip': ['127.0.0.1'],
    })
  })

  test('a forged header sent twice leaves no second one', async () => {
    const twice = ['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 2.2.2.2', 'X-Real-IP: 1.1.1.1', 'X-Real-IP: 2.2.2.2']
    const seen = await seenOf(...twice, 'x-forwarded-proto: https', 'X-FORWARDED-PROTO: https')
    expect(seen).toMatchObject({ 'x-forwarded-for': ['127.0.0.1'], 'x-real-ip': ['127.0.0.1'], 'x-forwarded-proto': ['http'] })
    expect(seen['x-original-forwarded-for']).toEqual(['1.1.1.1, 2.2.2.2'])
  })

  test('every other header of the client', async () => {
    const seen = await seenOf('Authorization: Basic eDp5', 'Cookie: a=1; b=2', 'X-Custom: "a" \\ $host {uri}', 'X-Twice: 1', 'X-Twice: 2')
    expect(seen).toMatchObject({
      authorization: ['Basic eDp5'],
      cookie: ['a=1; b=2'],
      'x-custom': ['"a" \\ $host {uri}'],
      'x-twice': ['1', '2'],
    })
  })

  test('nothing of header names with an underscore, which many backends take for a hyphen', async () => {
    const seen = await seenOf('X_Forwarded_For: forged', 'X_Real_IP: forged', 'Ssl_Client_Verify: forged', 'My_Header: forged')
    expect(JSON.stringify(seen)).not.toContain('forged')
  })

  test.each(['a', 'Az09._-', '7f000001-0000-4000-8000-000000000001', 'x'.repeat(128)])('the X-Request-ID of the client: %s', async (id) => {
    expect((await seenOf(`X-Request-ID: ${id}`))['x-request-id']).toEqual([id])
  })

  test('another X-Request-ID for each request without a plain one', async () => {
    const unusable = ['x'.repeat(129), 'a b', 'a,b', 'a"b', "a'b", 'a\\b', '$request_id', 'a;b', 'ä', '<a>', 'a/b', '']
    const made = new Set<string>()
    for (const lines of [[], ...unusable.map((id) => [`X-Request-ID: ${id}`])]) {
      const [id = '', ...more] = (await seenOf(...lines))['x-request-id'] ?? []
      expect(id).toMatch(/^[0-9a-f]{32}$/)
      expect(more).toEqual([])
      made.add(id)
    }
    expect(made.size).toBe(unusable.length + 1)
  })

  test('one X-Request-ID, where the client sends two', async () => {
    const [id, ...more] = (await seenOf('X-Request-ID: first', 'X-Request-ID: second'))['x-request-id'] ?? []
    expect(more).toEqual([])
    // Before 1.23 a variable holds only the first of repeated fields, so NGINX cannot tell.
    expect(id).toMatch(version.startsWith('1.22.') ? /^first$/ : /^[0-9a-f]{32}$/)
  })

  test('the request ID that the access log has', async () => {
    const [id] = (await seenOf())['x-request-id'] ?? []
    expect(id).toHaveLength(32)
    expect(await site.accessLog()).toContain(` ${id}\n`)
  })

  test.each(['h2c', 'H2C', 'websocket, h2c', 'h2c, websocket'])('no upgrade to cleartext HTTP/2: %s', async (upgrade) => {
    const seen = await seenOfUpgrade(
      'Connection: Upgrade, HTTP2-Settings',
      `Upgrade: ${upgrade}`,
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    )
    expect(seen['upgrade']).toBeUndefined()
    expect(JSON.stringify(seen['connection'] ?? '').toLowerCase()).not.toContain('upgrade')
  })

  test('of an upgrade to a websocket', async () => {
    expect(await seenOfUpgrade('Connection: Upgrade', 'Upgrade: websocket')).toMatchObject({
      upgrade: ['websocket'],
      connection: ['upgrade'],
    })
  })

  test('nothing of what is meant for this hop only', async () => {
    const seen = await seenOf('Connection: close', 'Keep-Alive: timeout=5', 'TE: trailers', 'Expect: 100-continue')
    for (const name of ['connection', 'keep-alive', 'te', 'expect']) expect(seen[name]).toBeUndefined()
  })

  async function seenOfUpgrade(...lines: readonly string[]): Promise<HeaderFields> {
    // Upgrade is of HTTP/1.1; a body of known length tells where the answer ends, as the connection may stay open.
    const answer = await sendRaw(site.httpPort, ['GET / HTTP/1.1', 'Host: shop.test', ...lines, '', 'GET / HTTP/1.0', '', ''].join('\r\n'))
    const [, first = ''] = answer.split('\r\n\r\n')
    return JSON.parse(first.slice(first.indexOf('{'), first.lastIndexOf('}') + 1))
  }
})

function fieldsOf(rawHeaders: readonly string[]): HeaderFields {
  const fields: Record<string, string[]> = {}
  for (let place = 0; place < rawHeaders.length; place += 2) {
    const name = rawHeaders[place]!.toLowerCase()
    fields[name] = [...(fields[name] ?? []), rawHeaders[place + 1]!]
  }
  return fields
}
