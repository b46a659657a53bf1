import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { sendRaw } from '../support/client.ts'
import { ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const issued = await (await createAuthority()).issue(['shop.test', '*.shop.test'])

/** A host with TLS, one without, and the Secret. */
function shopAndPlain(web: Backend): readonly Manifest[] {
  return [
    ingress('shop').host('shop.test').prefix('/', 'web').tls('shop-tls', 'shop.test').toManifest(),
    ingress('plain').host('plain.test').prefix('/', 'web').toManifest(),
    tlsSecret('shop-tls', issued.chain, issued.key),
    ...serviceFor(web),
  ]
}

describe.each(await testedNginx())('redirects to https, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  test('plain http of a host with TLS is answered 308, URI and query untouched', async () => {
    await site.serve(shopAndPlain(web))
    for (const uri of [
      '/',
      '/cart?a=1&b=%20c',
      '/a%2Fb/%C3%A4',
      '/a//b/../c',
      '//other.test/x',
      '/?next=https://other.test/',
      '/a$b{c};"',
    ]) {
      const answer = await site.get('shop.test', uri)
      expect(answer).toHaveStatus(308)
      expect(answer.headers.location).toBe(`https://shop.test:${site.httpsPort}${uri}`)
    }
  })

  test.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is answered so too, and reaches no backend', async (method) => {
    await site.serve(shopAndPlain(web))
    const answer = await site.get('shop.test', '/cart', { method, ...(method === 'POST' ? { body: 'a=1' } : {}) })
    expect(answer).toHaveStatus(308)
    expect(answer.headers.location).toBe(`https://shop.test:${site.httpsPort}/cart`)
    expect(answer.seen).toBeUndefined()
  })

  test('the redirect names the host that was asked for, in lower case and without its port', async () => {
    await site.serve(
      ingress('below').host('*.shop.test').prefix('/', 'web').tls('below-tls', '*.shop.test'),
      tlsSecret('below-tls', issued.chain, issued.key),
      serviceFor(web),
    )
    for (const host of ['a.shop.test', 'A.Shop.Test', 'a.shop.test:80', 'a.shop.test.'])
      expect((await site.get(host, '/x')).headers.location).toBe(`https://a.shop.test:${site.httpsPort}/x`)
  })

  test('a request line with a whole URL is redirected to that host, whatever the Host header says', async () => {
    await site.serve(shopAndPlain(web))
    const answer = await sendRaw(site.httpPort, 'GET http://shop.test/cart?a=1 HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 308 /)
    expect(answer).toContain(`\r\nLocation: https://shop.test:${site.httpsPort}/cart?a=1\r\n`)
  })

  test("a client's X-Forwarded-Proto does not stand for https", async () => {
    await site.serve(shopAndPlain(web))
    const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Scheme': 'https', Forwarded: 'proto=https' }
    expect(await site.get('shop.test', '/', { headers })).toHaveStatus(308)
  })

  test('https is not redirected, and neither are hosts without TLS', async () => {
    await site.serve(shopAndPlain(web))
    expect(await site.getTls('shop.test', '/')).toComeFrom('web')
    expect(await site.get('plain.test', '/')).toComeFrom('web')
    expect(await site.getTls('plain.test', '/')).toComeFrom('web')
    expect(await site.get('unknown.test', '/')).toHaveStatus(404)
  })

  test('a path that no rule matches is redirected as the others are', async () => {
    await site.serve(
      ingress('cart').host('shop.test').prefix('/cart', 'web').tls('shop-tls', 'shop.test'),
      tlsSecret('shop-tls', issued.chain, issued.key),
      serviceFor(web),
    )
    expect(await site.get('shop.test', '/elsewhere')).toHaveStatus(308)
    expect(await site.getTls('shop.test', '/elsewhere')).toHaveStatus(404)
  })

  test("another Ingress's paths of the host are redirected too, except the challenge of an ACME solver", async () => {
    await site.serve(
      shopAndPlain(web),
      ingress('api').host('shop.test').prefix('/api', 'web'),
      ingress('solver')
        .host('shop.test')
        .exact('/.well-known/acme-challenge/token-1', 'web')
        .prefix('/.well-known/acme-challenge/all', 'web'),
    )
    expect(await site.get('shop.test', '/api')).toHaveStatus(308)
    expect(await site.get('shop.test', '/.well-known/acme-challenge/token-1')).toComeFrom('web')
    expect(await site.get('shop.test', '/.well-known/acme-challenge/all/x')).toComeFrom('web')
    for (const path of ['/.well-known/acme-challenge/token-2', '/.well-known/acme-challenge', '/.well-known/acme-challenge-not'])
      expect(await site.get('shop.test', path)).toHaveStatus(308)
  })

  test('a path that only looks like a challenge is redirected', async () => {
    await site.serve(shopAndPlain(web), ingress('near').host('shop.test').prefix('/.well-known/acme-challenges', 'web'))
    expect(await site.get('shop.test', '/.well-known/acme-challenges')).toHaveStatus(308)
  })
})

describe.each(await testedNginx())('the port that redirects carry, NGINX %s', (_version, nginx) => {
  test.each([
    [443, ''],
    [30443, ':30443'],
  ])('is the public one: %i is written "%s"', async (publicHttpsPort, written) => {
    await using web = await startBackend('web')
    await using site = await startSite(nginx, { options: { publicHttpsPort } })
    await site.serve(shopAndPlain(web))
    expect((await site.get('shop.test', '/cart?a=1')).headers.location).toBe(`https://shop.test${written}/cart?a=1`)
    expect((await site.getTls('shop.test', '/')).seen?.headers['x-forwarded-port']).toBe(String(publicHttpsPort))
  })
})
