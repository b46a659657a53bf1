import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, type Seen, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const root = await createAuthority()
const shopCertificate = await root.issue(['shop.test', '*.shop.test'])
const HSTS = 'max-age=31536000; includeSubDomains'

function shop(web: Backend): readonly Manifest[] {
  return [
    ingress('shop').host('shop.test').prefix('/', 'web').tls('shop-tls', 'shop.test').toManifest(),
    tlsSecret('shop-tls', shopCertificate.chain, shopCertificate.key),
    ...serviceFor(web),
  ]
}

async function serialOfFallback(site: Site): Promise<string> {
  return new X509Certificate(await readFile(join(site.layout.root, 'self-signed.pem'))).serialNumber
}

describe.each(await testedNginx())('TLS, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx)
    await site.serve(
      shop(web),
      ingress('plain').host('plain.test').prefix('/cart', 'web'),
      ingress('missing').host('missing.test').prefix('/', 'web').tls('not-there', 'missing.test'),
    )
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  test('HTTP/2 is agreed on by ALPN', async () => {
    expect((await shakeHands(site.httpsPort, 'shop.test', { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('h2')
    expect((await shakeHands(site.httpsPort, 'plain.test', { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('h2')
    expect((await shakeHands(site.httpsPort, 'shop.test', { ALPNProtocols: ['http/1.1'] })).alpn).toBe('http/1.1')
  })

  test('a request over HTTP/2 reaches the backend', async () => {
    const { status, seen } = await getHttp2(site.httpsPort, 'shop.test', '/cart?a=1')
    expect(status).toBe(200)
    expect(seen).toMatchObject({ backend: 'web', url: '/cart?a=1', headers: { host: 'shop.test', 'x-forwarded-proto': 'https' } })
  })

  test('without ALPN it is HTTP/1.1', async () => {
    expect((await shakeHands(site.httpsPort, 'shop.test')).alpn).toBe(false)
    expect(await site.getTls('shop.test', '/')).toComeFrom('web')
  })

  // Without security level 0 the client itself would not offer the old versions.
  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
    const client = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
    await expect(shakeHands(site.httpsPort, 'shop.test', client)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is accepted', async (version) => {
    expect((await shakeHands(site.httpsPort, 'shop.test', { minVersion: version, maxVersion: version })).protocol).toBe(version)
  })

  test('TLS 1.2 without forward secrecy or authenticated encryption is refused', async () => {
    for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256', 'AES256-SHA']) {
      const client = { maxVersion: 'TLSv1.2', ciphers: `${ciphers}@SECLEVEL=0` } as const
      await expect(shakeHands(site.httpsPort, 'shop.test', client)).rejects.toMatchObject({
        code: expect.stringMatching(/HANDSHAKE_FAILURE$/),
      })
    }
    const modern = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const
    expect((await shakeHands(site.httpsPort, 'shop.test', modern)).protocol).toBe('TLSv1.2')
  })

  test('TLS 1.2 gives no session tickets, whose one key would unlock every recorded session', async () => {
    const client = { maxVersion: 'TLSv1.2' } as const
    expect((await shakeHands(site.httpsPort, 'shop.test', client)).ticket).toBeUndefined()

    await using giving = await startBackend('giving', { tls: { cert: shopCertificate.chain, key: shopCertificate.key } })
    expect((await shakeHands(giving.port, 'shop.test', client)).ticket).toBeInstanceOf(Buffer)
  })

  test.each([
    ['an unknown server name', 'unknown.test'],
    ['no server name', ''],
    ['a host without TLS', 'plain.test'],
    ['a host whose Secret is missing', 'missing.test'],
  ])('%s is shown the self-made certificate', async (_what, serverName) => {
    const { certificate } = await shakeHands(site.httpsPort, serverName)
    expect(certificate.serialNumber).toBe(await serialOfFallback(site))
    expect(certificate.subject).toBe('CN=nginx-ts self-signed certificate')
  })

  test('a host without TLS serves its paths over https too', async () => {
    expect(await site.getTls('plain.test', '/cart')).toComeFrom('web')
    expect(await site.getTls('plain.test', '/')).toHaveStatus(404)
    expect(await site.getTls('unknown.test', '/cart')).toHaveStatus(404)
  })

  test('the Host header chooses the host, whatever the server name was', async () => {
    for (const sni of ['', 'unknown.test', 'plain.test']) expect(await site.getTls('shop.test', '/', { sni })).toComeFrom('web')
    expect(await site.getTls('unknown.test', '/', { sni: 'shop.test' })).toHaveStatus(404)
  })

  test('Strict-Transport-Security is sent over https, where the host has a certificate of its own', async () => {
    expect((await site.getTls('shop.test', '/')).headers['strict-transport-security']).toBe(HSTS)
    expect((await site.get('shop.test', '/')).headers['strict-transport-security']).toBeUndefined()
    for (const host of ['plain.test', 'missing.test', 'unknown.test'])
      expect((await site.getTls(host, '/cart')).headers['strict-transport-security']).toBeUndefined()
  })
})

describe.each(await testedNginx())('Strict-Transport-Security, NGINX %s', (_version, nginx) => {
  test('is sent once, though the backend sends one too, and with errors', async () => {
    await using web = await startBackend('web', {
      answer: (request, response) => {
        response.setHeader('Strict-Transport-Security', 'max-age=1')
        response.writeHead(request.url === '/error' ? 500 : 200).end()
      },
    })
    await using site = await startSite(nginx)
    await site.serve(
      shop(web),
      ingress('more').host('shop.test').prefix('/gone', 'no-such-service').prefix('/.well-known/acme-challenge/x', 'web'),
    )
    for (const [path, status] of [
      ['/', 200],
      ['/error', 500],
      ['/gone', 503],
    ] as const) {
      const answer = await site.getTls('shop.test', path)
      expect(answer).toHaveStatus(status)
      expect(answer.headers['strict-transport-security']).toBe(HSTS)
    }
    // Over plain http it means nothing, and anybody could have put it there: RFC 6797 section 7.2.
    const plain = await site.get('shop.test', '/.well-known/acme-challenge/x')
    expect(plain).toHaveStatus(200)
    expect(plain.headers['strict-transport-security']).toBeUndefined()
  })
})

describe.each(await testedNginx())('the default certificate, NGINX %s', (_version, nginx) => {
  test('is the one that the operator names, renewed with its key kept and without a reload', async () => {
    const [given, renewed] = [await root.issue(['any.test']), await root.issue(['any.test'])]
    const otherKey = (await root.issue(['any.test'], { keyNumber: 1 })).key
    await using web = await startBackend('web')
    await using site = await startSite(nginx, { options: { defaultSslCertificate: 'ops/fallback' } })
    const shown = async (name: string) => (await shakeHands(site.httpsPort, name)).certificate.serialNumber

    const missing = await site.serve(shop(web))
    expect(await shown('')).toBe(await serialOfFallback(site))
    expect(missing.issues).toEqual([
      expect.objectContaining({ code: 'certificate-not-found', object: { kind: 'Secret', namespace: 'ops', name: 'fallback' } }),
    ])

    const { issues } = await site.serve(shop(web), tlsSecret('fallback', given.chain, given.key, 'ops'))
    expect(issues).toEqual([])
    for (const name of ['', 'unknown.test', 'any.test']) expect(await shown(name)).toBe(given.serial)
    expect(await shown('shop.test')).toBe(shopCertificate.serial)

    const { result } = await site.serve(shop(web), tlsSecret('fallback', renewed.chain, renewed.key, 'ops'))
    expect(result.kind).toBe('unchanged')
    await eventually(async () => expect(await shown('')).toBe(renewed.serial))

    const spoiled = await site.serve(shop(web), tlsSecret('fallback', given.chain, otherKey, 'ops'))
    expect(await shown('')).toBe(await serialOfFallback(site))
    expect(spoiled.issues).toEqual([
      expect.objectContaining({ code: 'invalid-certificate', object: { kind: 'Secret', namespace: 'ops', name: 'fallback' } }),
    ])
  })
})

async function getHttp2(port: number, host: string, path: string): Promise<{ readonly status: number | undefined; readonly seen: Seen }> {
  const session = connect(`https://${host}`, { servername: host, host: '127.0.0.1', port, rejectUnauthorized: false })
  try {
    const stream = session.request({ ':authority': host, ':path': path })
    const [headers] = await once(stream, 'response')
    return { status: headers[':status'], seen: JSON.parse(await text(stream)) }
  } finally {
    session.destroy()
  }
}
