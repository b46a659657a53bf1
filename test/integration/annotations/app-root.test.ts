import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { type IngressBuilder, ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const APP_ROOT = 'nginx.ingress.kubernetes.io/app-root'

describe.each(await testedNginx())('app-root, NGINX %s', (_version, nginx) => {
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

  const serve = (...ingresses: readonly IngressBuilder[]) => site.serve(...ingresses, serviceFor(web))
  const shop = (name: string, value: string) => ingress(name).annotation(APP_ROOT, value).host('shop.test')

  test('redirects / and nothing else', async () => {
    const { issues } = await serve(shop('shop', '/app1').prefix('/', 'web'))
    expect(issues).toEqual([])
    const answer = await site.get('shop.test', '/?a=1')
    expect(answer).toHaveStatus(302)
    expect(answer.headers.location).toBe('http://shop.test/app1')
    expect((await site.getTls('shop.test', '/')).headers.location).toBe('https://shop.test/app1')
    for (const path of ['/app1', '/x', '/x/..//y']) expect(await site.get('shop.test', path)).toComeFrom('web')
  })

  test('names the host that was routed, with the port that the client named', async () => {
    await serve(shop('shop', '/app1').prefix('/x', 'web'))
    expect((await site.get('shop.test:8080', '/')).headers.location).toBe('http://shop.test:8080/app1')
    expect((await site.get('SHOP.test', '/')).headers.location).toBe('http://SHOP.test/app1')
    const headers = { 'X-Forwarded-Host': 'evil.test', 'X-Forwarded-Proto': 'https' }
    expect((await site.get('shop.test', '/', { headers })).headers.location).toBe('http://shop.test/app1')
  })

  test('believes a trusted proxy of the scheme and the host', async () => {
    const believed = options({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '127.0.0.1' })
    await site.serve(believed, shop('shop', '/app1').prefix('/x', 'web'), serviceFor(web))
    const headers = { 'X-Forwarded-Host': 'public.test', 'X-Forwarded-Proto': 'https' }
    expect((await site.get('shop.test', '/', { headers })).headers.location).toBe('https://public.test/app1')
  })

  test('where plain http is redirected, https comes first', async () => {
    await serve(shop('shop', '/app1').prefix('/', 'web').tls(undefined, 'shop.test'))
    expect((await site.get('shop.test', '/')).headers.location).toBe(`https://shop.test:${site.httpsPort}/`)
    expect((await site.getTls('shop.test', '/')).headers.location).toBe('https://shop.test/app1')
  })

  test('of several Ingresses the oldest decides, and the others are told', async () => {
    const { issues } = await serve(
      ingress('plain').host('shop.test').exact('/', 'web'),
      shop('older', '/app1').prefix('/a', 'web'),
      shop('younger', '/app2').prefix('/b', 'web'),
      shop('same', '/app1').prefix('/c', 'web'),
    )
    expect((await site.get('shop.test', '/')).headers.location).toBe('http://shop.test/app1')
    expect(issues.map(({ code, object }) => [code, object?.name])).toEqual(
      expect.arrayContaining([
        ['host-setting-claimed', 'younger'],
        ['path-claimed', 'plain'],
      ]),
    )
    expect(issues).toHaveLength(2)
  })

  test('goes with expressions', async () => {
    await serve(shop('shop', '/app1').annotation('nginx.ingress.kubernetes.io/use-regex', 'true').prefix('/', 'web'))
    expect((await site.get('shop.test', '/')).headers.location).toBe('http://shop.test/app1')
    expect(await site.get('shop.test', '/x')).toComeFrom('web')
  })

  test('may have a query and a fragment', async () => {
    await serve(shop('shop', '/app1?x=1#/home').prefix('/', 'web'))
    expect((await site.get('shop.test', '/')).headers.location).toBe('http://shop.test/app1?x=1#/home')
  })

  test.each([
    'https://evil.test/',
    '//evil.test',
    '/\\evil.test',
    'app1',
    '/',
    '/?x',
    '/$host',
    '/x;"return 418',
    '/a b',
    '/x\r\nSet-Cookie: a=b',
  ])('%j is invalid: / is served', async (value) => {
    const { issues } = await serve(shop('shop', value).prefix('/', 'web'))
    expect(issues.map(({ code }) => code)).toEqual(['invalid-annotation'])
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })
})
