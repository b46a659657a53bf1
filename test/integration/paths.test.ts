import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sendHead } from '../support/client.ts'
import { type IngressBuilder, ingress, type Manifest, serviceFor } from '../support/objects.ts'
import { startRawBackend } from '../support/raw-backend.ts'
import { startServices } from '../support/services.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('paths, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    services = await startServices(started, ['cart', 'front', 'exact', 'deep'])
  })
  afterAll(() => started.disposeAsync())

  const shop = () => ingress('shop').host('shop.test')
  const serve = (...ingresses: readonly IngressBuilder[]) => site.serve(...ingresses, services)
  const get = (path: string) => site.get('shop.test', path)

  describe('matching', () => {
    test('Prefix matches whole path segments', async () => {
      await serve(shop().prefix('/cart', 'cart'))
      for (const path of ['/cart', '/cart/', '/cart/items', '/cart?a=1', '/cart/?a=1']) expect(await get(path)).toComeFrom('cart')
      for (const path of ['/cartoon', '/', '/Cart', '/x/cart', '/car', '/cart.html', '/cart%20']) expect(await get(path)).toHaveStatus(404)
    })

    test('a trailing slash in a Prefix path changes nothing', async () => {
      await serve(shop().prefix('/cart/', 'cart'))
      for (const path of ['/cart', '/cart/', '/cart/items']) expect(await get(path)).toComeFrom('cart')
      expect(await get('/cartoon')).toHaveStatus(404)
    })

    test('Prefix / matches every path', async () => {
      await serve(shop().prefix('/', 'front'))
      for (const path of ['/', '/?a=1', '/cart', '/cart/', '/a/b/c.html', '/%7B']) expect(await get(path)).toComeFrom('front')
    })

    test('Exact matches the very path, trailing slash included', async () => {
      await serve(shop().exact('/cart', 'cart').exact('/front/', 'front').exact('/', 'exact'))
      for (const path of ['/cart', '/cart?a=1']) expect(await get(path)).toComeFrom('cart')
      expect(await get('/front/')).toComeFrom('front')
      expect(await get('/')).toComeFrom('exact')
      for (const path of ['/cart/', '/cart/items', '/front', '/front/x', '/Cart', '/x']) expect(await get(path)).toHaveStatus(404)
    })

    test('ImplementationSpecific is Prefix, and so is a path without a type', async () => {
      const untyped = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'untyped' },
        spec: {
          ingressClassName: 'nginx-ts',
          rules: [
            { host: 'shop.test', http: { paths: [{ path: '/front', backend: { service: { name: 'front', port: { number: 80 } } } }] } },
          ],
        },
      }
      await site.serve(shop().implementationSpecific('/cart', 'cart'), untyped, services)
      for (const path of ['/cart', '/cart/', '/cart/items']) expect(await get(path)).toComeFrom('cart')
      for (const path of ['/front', '/front/', '/front/x']) expect(await get(path)).toComeFrom('front')
      for (const path of ['/cartoon', '/frontier', '/']) expect(await get(path)).toHaveStatus(404)
    })

    test.each(['Exact', 'Prefix', 'ImplementationSpecific'])('%s with an empty or missing path is /', async (pathType) => {
      const backend = { service: { name: 'front', port: { number: 80 } } }
      for (const path of [{ path: '' }, {}]) {
        const pathless = {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'Ingress',
          metadata: { name: 'pathless' },
          spec: { ingressClassName: 'nginx-ts', rules: [{ host: 'shop.test', http: { paths: [{ ...path, pathType, backend }] } }] },
        }
        const { issues } = await site.serve(pathless, services)
        expect(issues).toEqual([])
        expect(await get('/')).toComeFrom('front')
        if (pathType === 'Exact') expect(await get('/x')).toHaveStatus(404)
        else expect(await get('/x')).toComeFrom('front')
      }
    })

    test('Exact beats Prefix on the same path, whichever comes first', async () => {
      for (const ordered of [
        shop().exact('/cart', 'exact').prefix('/cart', 'cart'),
        shop().prefix('/cart', 'cart').exact('/cart', 'exact'),
      ]) {
        const { issues } = await serve(ordered)
        expect(issues).toEqual([])
        expect(await get('/cart')).toComeFrom('exact')
        for (const path of ['/cart/', '/cart/items']) expect(await get(path)).toComeFrom('cart')
      }
    })

    test('Exact with a trailing slash beats Prefix there and nowhere else', async () => {
      await serve(shop().prefix('/cart', 'cart').exact('/cart/', 'exact'))
      expect(await get('/cart/')).toComeFrom('exact')
      for (const path of ['/cart', '/cart/items']) expect(await get(path)).toComeFrom('cart')
    })

    test('the longest Prefix wins, whatever the order', async () => {
      const paths = [
        ['/', 'front'],
        ['/cart', 'cart'],
        ['/cart/items/new', 'deep'],
      ] as const
      for (const ordered of [paths, paths.toReversed()]) {
        const rules = shop()
        for (const [path, service] of ordered) rules.prefix(path, service)
        await serve(rules)
        for (const path of ['/', '/cartoon', '/other/cart']) expect(await get(path)).toComeFrom('front')
        for (const path of ['/cart', '/cart/items', '/cart/items/newer']) expect(await get(path)).toComeFrom('cart')
        for (const path of ['/cart/items/new', '/cart/items/new/x']) expect(await get(path)).toComeFrom('deep')
      }
    })

    test('a longer Prefix beats a shorter Exact', async () => {
      await serve(shop().exact('/cart', 'exact').prefix('/cart/items', 'deep').prefix('/', 'front'))
      expect(await get('/cart')).toComeFrom('exact')
      expect(await get('/cart/items')).toComeFrom('deep')
      expect(await get('/cart/other')).toComeFrom('front')
    })

    test('paths are case-sensitive', async () => {
      await serve(shop().prefix('/cart', 'cart').exact('/CART', 'exact'))
      expect(await get('/cart')).toComeFrom('cart')
      expect(await get('/CART')).toComeFrom('exact')
      for (const path of ['/Cart', '/CART/', '/cARt/items']) expect(await get(path)).toHaveStatus(404)
    })

    test('no path is redirected to another', async () => {
      await serve(shop().prefix('/cart/', 'cart').exact('/front/', 'front').prefix('/', 'deep'))
      expect(await get('/cart')).toComeFrom('cart')
      expect(await get('/front')).toComeFrom('deep')
      await serve(shop().exact('/front/', 'front').prefix('/cart', 'cart').exact('/cart/items/', 'exact'))
      expect(await get('/front')).toHaveStatus(404)
      expect(await get('/cart/items')).toComeFrom('cart')
    })

    test('what no rule matches is 404', async () => {
      await serve(shop().prefix('/cart', 'cart'))
      for (const path of ['/', '/other', '/favicon.ico', '/generation', '/stub_status']) expect(await get(path)).toHaveStatus(404)
    })
  })

  describe('on the normalised path', () => {
    test('slashes are merged, dot segments resolved and escapes decoded before a request is routed', async () => {
      await serve(shop().prefix('/cart', 'cart').prefix('/front', 'front'))
      const toCart = [
        [
          '//cart',
          '/cart//items',
          '/./cart',
          '/x/../cart',
          '/x/%2e%2e/cart',
          '/cart/../cart',
          '/front/../cart/x',
          '/cart/.',
          '/cart/items/..',
        ],
        ['/%63art', '/cart%2Fitems', '/cart%2f..%2fcart', '/x%2F..%2Fcart', '/front/..//cart'],
      ].flat()
      for (const path of toCart) expect([path, (await get(path)).seen]).toMatchObject([path, { backend: 'cart', url: path }])
      for (const path of ['/cart/..', '/cart/../other', '/cart/%2e%2e/', '/cart%2f..']) expect(await get(path)).toHaveStatus(404)
    })

    test('a path above the root is refused', async () => {
      await serve(shop().prefix('/', 'front'))
      for (const path of ['/..', '/../cart', '/cart/../..', '/%2e%2e/cart']) expect(await get(path)).toHaveStatus(400)
    })

    test('a percent-encoded path in a rule matches what it decodes to', async () => {
      await serve(shop().prefix('/caf%C3%A9', 'cart').exact('/a%20b', 'exact').prefix('/%66ront', 'front').exact('/100%25', 'deep'))
      for (const path of ['/caf%C3%A9', '/caf%c3%a9/menu', '/%63af%C3%A9']) expect(await get(path)).toComeFrom('cart')
      expect(await get('/a%20b')).toComeFrom('exact')
      expect(await get('/front/x')).toComeFrom('front')
      expect(await get('/100%25')).toComeFrom('deep')
      for (const path of ['/caf%25C3%25A9', '/a%2520b', '/cafe', '/100%2525']) expect(await get(path)).toHaveStatus(404)
    })
  })

  describe('characters that mean something to NGINX', () => {
    const special = [
      ['/a{b}', '/a;b', '/a$b', '/a"b', "/a'b", '/a\\b', '/a b', '/a#b', '/a?b', '/a|b', '/a&b', '/a=b', '/a@b', '/a+b', '/a~b', '/a,b'],
      ['/~.*', '/~*x', '/=x', '/^~x', '/^x$', '/(x)', '/[x]', '/x*', '/.+', '/$uri', '/$document_root', '/$1'],
      ['/a"; return 200; #', '/a} location / { return 200; }', '/a\\', '/a\\"', '/é', '/日本', '/💚', '/include', '/x.y'],
    ].flat()

    test.each(['exact', 'prefix'] as const)('are served literally in an %s path', async (kind) => {
      const rules = shop()
      for (const path of special) rules[kind](path, 'cart')
      const { issues, result } = await serve(rules)
      expect(result.kind).toBe('applied')
      expect(issues.filter(({ code }) => code !== 'regex-like-path')).toEqual([])
      for (const path of special) {
        const sent = path.split('/').map(encodeURIComponent).join('/')
        expect([path, (await get(sent)).seen]).toMatchObject([path, { backend: 'cart', url: sent }])
      }
      for (const path of ['/', '/a', '/axb', '/ab', '/x', '/xx', '/xxy', '/anything', '/a%5C%5C', '/return'])
        expect(await get(path)).toHaveStatus(404)
    })

    test('what looks like a regular expression is compared literally, and that is said', async () => {
      const { issues } = await serve(shop().implementationSpecific('/cart(/|$)(.*)', 'cart').prefix('/plain', 'front'))
      expect(issues.map(({ code, field }) => [code, field])).toEqual([['regex-like-path', 'spec.rules[0].http.paths[0].path']])
      expect(await get('/cart/items')).toHaveStatus(404)
      expect(await get('/plain')).toComeFrom('front')
    })
  })

  test('a path that cannot be served is answered by an Issue, and everything else is served', async () => {
    const bad = [
      ['cart', 'cart/', '*', '~ ^/cart', '/a//b', '//', '/a/./b', '/a/../b', '/..', '/.', '/a%2Fb', '/a%2fb', '/%2e%2e/a'],
      ['/100%', '/%zz', '/%ff', '/a\nb', '/a\tb', '/a\u0000b', '/%00', '/%0d%0a', '/\u007f', '/\ud800', `/${'a'.repeat(254)}`],
    ].flat()
    const rules = shop().prefix('/first', 'front')
    for (const path of bad) rules.prefix(path, 'cart')
    const { issues, result } = await serve(rules.prefix('/last', 'deep'))
    expect(result.kind).toBe('applied')
    expect(issues.filter(({ code }) => code !== 'regex-like-path').map(({ code, field }) => [code, field])).toEqual(
      bad.map((_path, index) => ['invalid-path', `spec.rules[0].http.paths[${index + 1}].path`]),
    )
    expect(await get('/first')).toComeFrom('front')
    expect(await get('/last')).toComeFrom('deep')
    for (const path of ['/', '/a', '/a/b', '/cart']) expect(await get(path)).toHaveStatus(404)
  })

  test('the longest path there may be is served, whatever its bytes', async () => {
    const longest = { plain: `/${'a'.repeat(253)}`, escaped: `/${'"'.repeat(253)}`, wide: `/${'é'.repeat(126)}` }
    const rules = shop().prefix('/', 'front')
    for (const path of Object.values(longest)) rules.prefix(path, 'cart').exact(path, 'exact')
    const { issues, result } = await serve(rules)
    expect(result.kind).toBe('applied')
    expect(issues).toEqual([])
    for (const path of Object.values(longest)) {
      const sent = `/${encodeURIComponent(path.slice(1))}`
      expect(await get(sent)).toComeFrom('exact')
      expect(await get(`${sent}/x`)).toComeFrom('cart')
      expect(await get(`${sent}x`)).toComeFrom('front')
      expect(await get(sent.slice(0, -3))).toComeFrom('front')
    }
  })

  describe('what the backend is sent', () => {
    const untouched = [
      ['/cart/a%2Fb', '/cart/a%2fb', '/cart/a%20b', '/cart/caf%C3%A9', '/cart/caf%c3%a9', '/cart/%7Euser', '/cart/100%25', '/cart/%41'],
      [
        '/cart?a=b&c=%2f',
        '/cart/?',
        '/cart?',
        '/cart?q=a?b',
        '/cart?next=http://e.test/%2e%2e//x',
        '/cart?a=%0d%0a',
        '/cart?a+b',
        '/cart?%00',
      ],
      ['//cart//items', '/cart//', '/cart/./x', '/x/../cart', '/cart/x/..', '/cart/x.', '/cart/x./', '/cart/...', '/cart/.hidden'],
      ['/cart/a;v=1,2', "/cart/a'b(c)*!$&+=:@~", '/cart/a"b', '/cart/{a}|[b]^`<>', '/cart/a\\b', '/cart/%22%7B%7D%24'],
    ].flat()

    test('is the path and query as the client wrote them', async () => {
      await serve(shop().prefix('/cart', 'cart'))
      for (const url of untouched) expect([url, (await get(url)).seen]).toMatchObject([url, { backend: 'cart', url }])
    })

    test('keeps bytes above ASCII that the client did not escape', async () => {
      const raw = started.use(
        await startRawBackend('raw', (_head, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')),
      )
      await site.serve(shop().prefix('/café', 'raw'), serviceFor(raw))
      expect(await sendHead(site.httpPort, 'GET /café/x?q=日本 HTTP/1.1', 'Host: shop.test')).toHaveStatus(200)
      expect(raw.heads.map((head) => Buffer.from(head, 'latin1').toString().split('\r\n')[0])).toEqual(['GET /café/x?q=日本 HTTP/1.1'])
    })

    test('is no less for being long', async () => {
      await serve(shop().prefix('/cart', 'cart'))
      const url = `/cart/${'a'.repeat(3000)}?${'b'.repeat(3000)}`
      expect((await get(url)).seen?.url).toBe(url)
    })
  })
})
