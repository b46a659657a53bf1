import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { type IngressBuilder, ingress, type Manifest, serviceFor } from '../support/objects.ts'
import { startServices } from '../support/services.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('several Ingresses on one host, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    services = await startServices(started, ['cart', 'front', 'first', 'second'])
    for (const namespace of ['team-a', 'team-b'])
      services = [...services, ...serviceFor(started.use(await startBackend(namespace)), { namespace })]
  })
  afterAll(() => started.disposeAsync())

  const shop = (name: string) => ingress(name).host('shop.test')
  const get = (path: string) => site.get('shop.test', path)
  const serve = (...ingresses: readonly IngressBuilder[]) => site.serve(...ingresses, services)

  test('their paths are served side by side, each from its own namespace', async () => {
    const { issues } = await serve(
      shop('shop').prefix('/cart', 'cart').prefix('/', 'front'),
      shop('shop').namespace('team-a').prefix('/a', 'team-a'),
      shop('shop').namespace('team-b').exact('/cart/b', 'team-b'),
    )
    expect(issues).toEqual([])
    expect(await get('/cart')).toComeFrom('cart')
    expect(await get('/')).toComeFrom('front')
    expect(await get('/a/x')).toComeFrom('team-a')
    expect(await get('/cart/b')).toComeFrom('team-b')
    expect(await get('/cart/b/x')).toComeFrom('cart')
  })

  test('the oldest wins a path, and the loser is told by whom; its other paths are served', async () => {
    const older = shop('z-older').prefix('/cart', 'first')
    const younger = shop('a-younger').prefix('/', 'front').prefix('/cart', 'second')
    for (const ordered of [
      [older, younger],
      [younger, older],
    ]) {
      const { issues } = await serve(...ordered)
      expect(await get('/cart')).toComeFrom('first')
      expect(await get('/')).toComeFrom('front')
      expect(issues).toMatchObject([
        {
          code: 'path-claimed',
          severity: 'error',
          object: { kind: 'Ingress', namespace: 'default', name: 'a-younger' },
          field: 'spec.rules[0].http.paths[1]',
        },
      ])
      expect(issues[0]?.message).toContain('shop.test/cart')
      expect(issues[0]?.message).toContain('Ingress default/z-older')
    }
  })

  test('once the winner is gone, the loser has the path', async () => {
    const younger = shop('younger').prefix('/cart', 'second')
    await serve(shop('older').created('2025-01-01T00:00:00Z').prefix('/cart', 'first'), younger)
    expect(await get('/cart')).toComeFrom('first')
    const { issues } = await serve(younger)
    expect(issues).toEqual([])
    expect(await get('/cart')).toComeFrom('second')
  })

  test('of the same age, namespace and then name decide', async () => {
    const at = '2026-01-01T00:00:00Z'
    await serve(
      shop('a').namespace('team-b').created(at).prefix('/by-namespace', 'team-b'),
      shop('z').namespace('team-a').created(at).prefix('/by-namespace', 'team-a'),
      shop('b').created(at).prefix('/by-name', 'second'),
      shop('a').created(at).prefix('/by-name', 'first'),
    )
    expect(await get('/by-namespace')).toComeFrom('team-a')
    expect(await get('/by-name')).toComeFrom('first')
  })

  test('one without a timestamp comes after all that have one', async () => {
    const { issues } = await serve(
      shop('a').created(undefined).prefix('/cart', 'second'),
      shop('b').created(undefined).prefix('/cart', 'front'),
      shop('z').prefix('/cart', 'first'),
    )
    expect(await get('/cart')).toComeFrom('first')
    expect(issues.map(({ code, object }) => [code, object?.name])).toEqual([
      ['path-claimed', 'a'],
      ['path-claimed', 'b'],
    ])
  })

  test('of two rules in one Ingress the first wins, and that is said', async () => {
    const { issues } = await serve(
      ingress('shop')
        .host('shop.test')
        .prefix('/cart', 'first')
        .host('other.test')
        .prefix('/', 'front')
        .host('shop.test')
        .prefix('/cart', 'second'),
    )
    expect(await get('/cart')).toComeFrom('first')
    expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'shop' }, field: 'spec.rules[2].http.paths[0]' }])
    expect(issues[0]?.message).toContain('an earlier rule of this Ingress')
  })

  test.each([
    ['Prefix /cart', 'Prefix /cart/', '/cart', '/cart/'],
    ['Prefix /cart/', 'Prefix /cart', '/cart/', '/cart'],
    ['Prefix /a%20b', 'Prefix /a b', '/a%20b', '/a b'],
  ])('%s and %s are one path', async (_first, _second, firstPath, secondPath) => {
    const { issues } = await serve(shop('older').prefix(firstPath, 'first'), shop('younger').prefix(secondPath, 'second'))
    expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'younger' } }])
    const sent = firstPath.replace(/\/$/, '')
    for (const path of [sent, `${sent}/`, `${sent}/x`]) expect(await get(path)).toComeFrom('first')
  })

  test('ImplementationSpecific and Prefix are one path', async () => {
    for (const [older, younger] of [
      [shop('older').implementationSpecific('/cart', 'first'), shop('younger').prefix('/cart', 'second')],
      [shop('older').prefix('/cart', 'first'), shop('younger').implementationSpecific('/cart', 'second')],
    ] as const) {
      const { issues } = await serve(older, younger)
      expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'younger' } }])
      for (const path of ['/cart', '/cart/x']) expect(await get(path)).toComeFrom('first')
    }
  })

  test('Exact and Prefix of one path stand side by side, and so do Exact with and without a trailing slash', async () => {
    const { issues } = await serve(
      shop('older').prefix('/cart', 'first').exact('/front', 'front'),
      shop('younger').exact('/cart', 'second').exact('/front/', 'cart'),
    )
    expect(issues).toEqual([])
    expect(await get('/cart')).toComeFrom('second')
    expect(await get('/cart/')).toComeFrom('first')
    expect(await get('/front')).toComeFrom('front')
    expect(await get('/front/')).toComeFrom('cart')
  })

  test('one path on two hosts is no collision', async () => {
    const { issues } = await serve(
      shop('older').prefix('/', 'first'),
      ingress('younger').host('*.test').prefix('/', 'second').host(undefined).prefix('/', 'front'),
    )
    expect(issues).toEqual([])
    expect(await get('/')).toComeFrom('first')
    expect(await site.get('other.test', '/')).toComeFrom('second')
    expect(await site.get('unknown.example', '/')).toComeFrom('front')
  })

  test('each location keeps to the settings of its own Ingress', async () => {
    const protectedPath = shop('b')
      .namespace('team-b')
      .prefix('/b', 'team-b')
      .annotation('nginx.ingress.kubernetes.io/auth-tls-secret', 'team-b/ca')
    await serve(shop('a').namespace('team-a').prefix('/a', 'team-a').prefix('/a/cart', 'team-a'), protectedPath)
    expect(await get('/a')).toComeFrom('team-a')
    expect(await get('/a/cart')).toComeFrom('team-a')
    expect(await get('/b')).toHaveStatus(503)
    expect(await get('/none')).toHaveStatus(404)
  })

  test('the access log names the namespace and Service of the location that answered', async () => {
    await serve(
      shop('a').namespace('team-a').prefix('/a', 'team-a'),
      shop('b').namespace('team-b').prefix('/b', 'team-b').exact('/gone', 'missing', 8080),
      shop('front').prefix('/front', 'front'),
    )
    for (const path of ['/a/1', '/b/1', '/front/1', '/gone', '/none/1']) await get(path)
    await eventually(async () => {
      const log = await site.accessLog()
      const backendOf = (path: string) =>
        log
          .split('\n')
          .find((line) => line.includes(`"GET ${path} HTTP/1.1"`))
          ?.match(/ \[(\S+)\] \[\] /)?.[1]
      expect(['/a/1', '/b/1', '/front/1', '/gone', '/none/1'].map(backendOf)).toEqual([
        'team-a-team-a-80',
        'team-b-team-b-80',
        'default-front-80',
        'team-b-missing-8080',
        '-',
      ])
    })
  })
})
