/** Keys of the ConfigMap for TLS and for redirects to it, each seen at a handshake or in an answer. */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { shakeHands } from '../support/handshake.ts'
import { ingress, options, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const certificate = await (await createAuthority()).issue(['shop.test'])

describe.each(await testedNginx())('TLS options of a ConfigMap, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx, { options: { publicHttpsPort: 443 } })
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  async function serveWith(data: Readonly<Record<string, string>>): Promise<void> {
    const { issues, result } = await site.serve(
      options(data),
      ingress('shop').host('shop.test').prefix('/', 'web').prefix('/open', 'web').tls('shop', 'shop.test'),
      ingress('plain').host('plain.test').prefix('/', 'web'),
      tlsSecret('shop', certificate.chain, certificate.key),
      serviceFor(web),
    )
    expect(result.kind).not.toBe('refused')
    expect(issues).toEqual([])
  }

  test('ssl-protocols', async () => {
    await serveWith({ 'ssl-protocols': 'TLSv1.3' })
    await expect(shakeHands(site.httpsPort, 'shop.test', { maxVersion: 'TLSv1.2' })).rejects.toThrow()
    await serveWith({ 'ssl-protocols': 'TLSv1.2' })
    expect((await shakeHands(site.httpsPort, 'shop.test')).protocol).toBe('TLSv1.2')
  })

  test('ssl-ciphers: every suite that may be named is one that OpenSSL knows', async () => {
    const { tlsCiphers } = await import('../../src/model/tls-settings.ts')
    await serveWith({ 'ssl-ciphers': tlsCiphers.join(':') })
    const older = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' } as const
    expect((await shakeHands(site.httpsPort, 'shop.test', older)).protocol).toBe('TLSv1.2')
    await serveWith({})
    await expect(shakeHands(site.httpsPort, 'shop.test', older)).rejects.toThrow()
  })

  test('ssl-ecdh-curve: every group that may be named is one that OpenSSL knows', async () => {
    const { tlsCurves } = await import('../../src/model/tls-settings.ts')
    await serveWith({ 'ssl-ecdh-curve': tlsCurves.join(':') })
    for (const ecdhCurve of tlsCurves) expect((await shakeHands(site.httpsPort, 'shop.test', { ecdhCurve })).protocol).toBe('TLSv1.3')
    await serveWith({ 'ssl-ecdh-curve': 'secp384r1' })
    await expect(shakeHands(site.httpsPort, 'shop.test', { ecdhCurve: 'X25519' })).rejects.toThrow()
    expect((await shakeHands(site.httpsPort, 'shop.test', { ecdhCurve: 'secp384r1' })).protocol).toBe('TLSv1.3')
  })

  test('ssl-session-cache, its size, ssl-session-tickets and ssl-session-timeout', async () => {
    // One worker: what is seen is then the cache, and not which worker has answered.
    await serveWith({ 'ssl-session-cache-size': '1m', 'ssl-session-timeout': '1h' })
    expect(await resumes(site.httpsPort)).toBe(true)
    await serveWith({ 'ssl-session-cache': 'false' })
    expect(await resumes(site.httpsPort)).toBe(false)
    await serveWith({ 'ssl-session-cache': 'false', 'ssl-session-tickets': 'true', 'worker-processes': '1' })
    expect((await shakeHands(site.httpsPort, 'shop.test', { maxVersion: 'TLSv1.2' })).ticket).toBeInstanceOf(Buffer)
  })

  test('ssl-reject-handshake', async () => {
    await serveWith({ 'ssl-reject-handshake': 'true' })
    for (const name of ['unknown.test', ''])
      await expect(shakeHands(site.httpsPort, name)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME' })
    expect((await shakeHands(site.httpsPort, 'shop.test')).certificate.serialNumber).toBe(certificate.serial)
    expect(await site.getTls('shop.test', '/')).toComeFrom('web')
    expect(await site.getTls('plain.test', '/')).toComeFrom('web')
    await serveWith({})
    await shakeHands(site.httpsPort, 'unknown.test')
  })

  test('use-http2', async () => {
    const alpn = async () => (await shakeHands(site.httpsPort, 'shop.test', { ALPNProtocols: ['h2', 'http/1.1'] })).alpn
    await serveWith({ 'use-http2': 'false' })
    expect(await alpn()).toBe('http/1.1')
    await serveWith({ 'use-http2': 'true', 'http2-max-concurrent-streams': '1' })
    expect(await alpn()).toBe('h2')
  })

  test('hsts and its parts', async () => {
    const sent = async () => (await site.getTls('shop.test', '/')).headers['strict-transport-security']
    await serveWith({})
    expect(await sent()).toBe('max-age=31536000; includeSubDomains')
    await serveWith({ 'hsts-max-age': '60', 'hsts-include-subdomains': 'false', 'hsts-preload': 'true' })
    expect(await sent()).toBe('max-age=60; preload')
    await serveWith({ hsts: 'false' })
    expect(await sent()).toBeUndefined()
  })

  test('ssl-redirect, force-ssl-redirect, http-redirect-code and no-tls-redirect-locations', async () => {
    const statuses = async () => [
      (await site.get('shop.test', '/a')).status,
      (await site.get('shop.test', '/open/a')).status,
      (await site.get('plain.test', '/a')).status,
    ]
    await serveWith({})
    expect(await statuses()).toEqual([308, 308, 200])
    await serveWith({ 'no-tls-redirect-locations': '/open,/.well-known/acme-challenge' })
    expect(await statuses()).toEqual([308, 200, 200])
    await serveWith({ 'ssl-redirect': 'false' })
    expect(await statuses()).toEqual([200, 200, 200])
    await serveWith({ 'force-ssl-redirect': 'true', 'http-redirect-code': '301' })
    expect(await statuses()).toEqual([301, 301, 301])
    expect((await site.get('plain.test', '/a')).headers['location']).toBe('https://plain.test/a')
  })
})

/** Whether a TLS 1.2 session, which a client gives back by its ID or ticket, is taken up again. */
async function resumes(port: number): Promise<boolean> {
  const first = await connectTo(port)
  const session = first.getSession()
  first.destroy()
  const second = await connectTo(port, session)
  const reused = second.isSessionReused()
  second.destroy()
  return reused
}

async function connectTo(port: number, session?: Buffer): Promise<TLSSocket> {
  const options = { host: '127.0.0.1', port, servername: 'shop.test', rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const
  const socket = connect(session === undefined ? options : { ...options, session })
  await once(socket, 'secureConnect')
  return socket
}
