import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sendHead } from '../support/client.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { startServices } from '../support/services.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('hosts, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    services = await startServices(started, ['shop', 'wild', 'deep', 'other', 'any'])
  })
  afterAll(() => started.disposeAsync())

  const request = (target: string, host: string) => sendHead(site.httpPort, `GET ${target} HTTP/1.1`, `Host: ${host}`)

  test('a host is served under its own name and no other', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'shop'), services)
    expect(await site.get('shop.test', '/')).toComeFrom('shop')
    for (const host of ['other.test', 'www.shop.test', 'xshop.test', 'shop.test.example', 'shop', 'shopxtest', '127.0.0.1'])
      expect(await site.get(host, '/')).toHaveStatus(404)
  })

  test('a wildcard takes exactly one label', async () => {
    await site.serve(ingress('wild').host('*.shop.test').prefix('/', 'wild'), services)
    for (const host of ['a.shop.test', 'www.shop.test', 'a-b.shop.test', 'A.Shop.Test:8080'])
      expect(await site.get(host, '/')).toComeFrom('wild')
    for (const host of ['shop.test', 'a.b.shop.test', 'ashop.test', 'a.shopxtest', 'a.shop.test.example', 'a.other.test'])
      expect(await site.get(host, '/')).toHaveStatus(404)
  })

  test('an exact host beats a wildcard, and its unmatched paths do not fall through to it', async () => {
    await site.serve(
      ingress('wild').host('*.shop.test').prefix('/', 'wild'),
      ingress('shop').host('api.shop.test').prefix('/v1', 'shop'),
      ingress('deep').host('*.api.shop.test').prefix('/', 'deep'),
      services,
    )
    expect(await site.get('api.shop.test', '/v1')).toComeFrom('shop')
    expect(await site.get('api.shop.test', '/other')).toHaveStatus(404)
    expect(await site.get('www.shop.test', '/other')).toComeFrom('wild')
    expect(await site.get('v1.api.shop.test', '/other')).toComeFrom('deep')
  })

  test('a rule without host answers every name that no other rule has', async () => {
    await site.serve(
      ingress('any').prefix('/any', 'any'),
      ingress('shop').host('shop.test').prefix('/cart', 'shop'),
      ingress('wild').host('*.shop.test').prefix('/cart', 'wild'),
      services,
    )
    for (const host of ['unknown.test', 'localhost', '127.0.0.1', '[::1]:8080', 'a.b.shop.test', 'UNKNOWN.test:80'])
      expect(await site.get(host, '/any')).toComeFrom('any')
    expect(await site.get('unknown.test', '/cart')).toHaveStatus(404)
    expect(await site.get('shop.test', '/cart')).toComeFrom('shop')
    for (const host of ['shop.test', 'www.shop.test']) expect(await site.get(host, '/any')).toHaveStatus(404)
  })

  test('a host is compared without case, port and trailing dot, and the backend sees it as the client sent it', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'shop'), services)
    for (const host of ['shop.test', 'SHOP.Test', 'shop.test:8080', 'shop.test.', 'Shop.TEST.:65535']) {
      const answer = await site.get(host, '/')
      expect(answer).toComeFrom('shop')
      expect(answer.seen?.headers.host).toBe(host)
      expect(answer.seen?.headers['x-forwarded-host']).toBe(host)
    }
  })

  test('the authority of an absolute request target overrides the Host header', async () => {
    await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'shop'),
      ingress('other').host('other.test').prefix('/', 'other'),
      services,
    )
    const answer = await request('http://shop.test/cart?a=b%2f', 'other.test')
    expect(answer).toComeFrom('shop')
    expect(answer.seen?.url).toBe('/cart?a=b%2f')
    expect(await request('http://unknown.test/', 'shop.test')).toHaveStatus(404)
    expect(await request('http://SHOP.test:1234', 'other.test')).toComeFrom('shop')
  })

  test('after an absolute request target the backend sees the Host header only where it names the routed host', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'shop'), services)
    const hostSeen = async (target: string, host: string) => (await request(target, host)).seen?.headers.host
    expect(await hostSeen('http://shop.test/', 'other.test')).toBe('shop.test')
    expect(await hostSeen('http://shop.test/', 'other.test:8080')).toBe('shop.test')
    expect(await hostSeen('http://SHOP.test:8080/', 'other.test')).toBe('shop.test')
    expect(await hostSeen('http://shop.test/', 'shop.test.other.test')).toBe('shop.test')
    expect(await hostSeen('http://shop.test/', 'Shop.test:8080')).toBe('Shop.test:8080')
  })

  test('a request with no Host, or two, is refused', async () => {
    await site.serve(ingress('any').prefix('/', 'any'), ingress('shop').host('shop.test').prefix('/', 'shop'), services)
    expect(await sendHead(site.httpPort, 'GET / HTTP/1.1')).toHaveStatus(400)
    expect(await sendHead(site.httpPort, 'GET / HTTP/1.1', 'Host: shop.test', 'Host: other.test')).toHaveStatus(400)
  })

  test('HTTP/1.0 without Host is for the rules without host', async () => {
    await site.serve(ingress('any').prefix('/', 'any'), ingress('shop').host('shop.test').prefix('/', 'shop'), services)
    const answer = await sendHead(site.httpPort, 'GET / HTTP/1.0')
    expect(answer).toComeFrom('any')
  })

  test('a host of 253 characters, the longest there is, is served beside others', async () => {
    const label = 'a'.repeat(61)
    const longest = [label, label, label, label, 'tests'].join('.')
    expect(longest).toHaveLength(253)
    const { result } = await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'shop'),
      ingress('long').host(longest).prefix('/', 'other'),
      ingress('wild')
        .host(`*.${longest.slice(2)}`)
        .prefix('/', 'wild'),
      services,
    )
    expect(result.kind).toBe('applied')
    expect(await site.get('shop.test', '/')).toComeFrom('shop')
    expect(await site.get(longest, '/')).toComeFrom('other')
    expect(await site.get(`b.${longest.slice(2)}`, '/')).toComeFrom('wild')
  })

  test('a host that is no DNS name is answered by an Issue, and everything else is served', async () => {
    const bad = [
      ['Shop.test', '*', '*.', '*shop.test', 'a.*.test', '*.*.test', 'shop.test:80', 'shop.test.', '.shop.test', 'shop..test'],
      ['-a.test', 'a-.test', 'a_b.test', '_', 'shop test', 'shop.test ', 'münchen.test', '~^.*$', '$hostname', '[::1]'],
      ['shop.test;', 'a"; return 200; #', 'a{}', 'a\nb.test', `${'a'.repeat(64)}.test`, `${'a.'.repeat(126)}ab`],
    ].flat()
    const hostile = ingress('hostile').host('shop.test').prefix('/first', 'shop')
    for (const host of bad) hostile.host(host).prefix('/', 'other')
    hostile.host('www.shop.test').prefix('/last', 'shop')
    const { issues, result } = await site.serve(hostile, ingress('other').host('other.test').prefix('/', 'other'), services)

    expect(result.kind).toBe('applied')
    expect(issues.map(({ code, field, object }) => [code, field, object?.name])).toEqual(
      bad.map((_host, index) => ['invalid-host', `spec.rules[${index + 1}].host`, 'hostile']),
    )
    expect(await site.get('shop.test', '/first')).toComeFrom('shop')
    expect(await site.get('www.shop.test', '/last')).toComeFrom('shop')
    expect(await site.get('other.test', '/')).toComeFrom('other')
    expect(await site.get('unknown.test', '/')).toHaveStatus(404)
  })
})
