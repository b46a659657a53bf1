import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { type IngressBuilder, ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const COMPATIBLE = 'nginx.ingress.kubernetes.io/'
const OWN = 'nginx-ts.io/'

describe.each(await testedNginx())('rewrite-target and use-regex, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend
  let api: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    api = await startBackend('api')
    site = await startSite(nginx)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  })

  const serve = (...ingresses: readonly IngressBuilder[]) => site.serve(...ingresses, serviceFor(web), serviceFor(api))
  const rewriting = (target: string, path: string, prefix = COMPATIBLE) =>
    ingress('rewriting').annotation(`${prefix}rewrite-target`, target).host('shop.test').implementationSpecific(path, 'web')
  const seenUrl = async (path: string) => (await site.get('shop.test', path)).seen?.url

  describe('a rewrite', () => {
    test.each([
      ['/$2', '/something(/|$)(.*)', { '/something/new': '/new', '/something': '/', '/something/': '/', '/SOMETHING/New': '/New' }],
      ['/', '/app', { '/app': '/', '/app/x': '/', '/application': '/' }],
      ['/$1', '/api/?(.*)', { '/api/a/b': '/a/b', '/api': '/' }],
      ['$1', '/app(/.*)', { '/app/x': '/x' }],
      ['/v2/$1/of/$2', '/([a-z]+)/([0-9]+)', { '/user/7': '/v2/user/of/7' }],
      ['/$1$1', '/x/(ab)', { '/x/ab': '/abab' }],
      ['/$10', '/x/(ab)', { '/x/ab': '/ab0' }],
      ['/$1', '/x/((a|b)c)', { '/x/bc': '/bc' }],
    ])('to %s of %s', async (target, path, urls) => {
      await serve(rewriting(target, path))
      for (const [asked, expected] of Object.entries(urls)) expect([asked, await seenUrl(asked)]).toEqual([asked, expected])
    })

    test('keeps the query, and encodes anew what was decoded', async () => {
      await serve(rewriting('/$2', '/something(/|$)(.*)'))
      expect(await seenUrl('/something/new?a=1&b=%20c')).toBe('/new?a=1&b=%20c')
      expect(await seenUrl('/something/a%20b%3Fc')).toBe('/a%20b%3Fc')
      expect(await seenUrl('/something/a%2Fb')).toBe('/a/b')
    })

    test('leaves a capture empty that the path lacks, and says so', async () => {
      const { issues } = await serve(rewriting('/x/$1$9', '/api/(.*)'))
      expect(await seenUrl('/api/y')).toBe('/x/y')
      expect(issues).toEqual([expect.objectContaining({ code: 'capture-not-found', message: expect.stringContaining('asks for $9') })])
    })

    test('leaves out a path for which nothing of the target is left', async () => {
      const { issues } = await serve(rewriting('$1', '/api').prefix('/ok(/.*)', 'api'))
      expect(issues.map(({ code }) => code)).toEqual(['rewrite-invalid'])
      expect(await site.get('shop.test', '/api')).toHaveStatus(404)
      expect(await seenUrl('/ok/x')).toBe('/x')
    })

    test('makes no . or .. segment that the request had not, for that would lead to other paths', async () => {
      await serve(rewriting('/$1', '/api(.*)').prefix('/two/([^/]*)/([^/]*)', 'web'))
      expect(await seenUrl('/apix')).toBe('/x')
      for (const path of ['/api../admin', '/api..', '/api.', '/api./x', '/api%2e%2e/admin', '/api..%2Fadmin'])
        expect([path, (await site.get('shop.test', path)).status]).toEqual([path, 400])
      expect(await seenUrl('/api.hidden')).toBe('/.hidden')
      expect(await seenUrl('/api...')).toBe('/...')
    })

    test('makes nothing but a path of what it captured', async () => {
      await serve(rewriting('$1', '/api(.*)'))
      expect(await seenUrl('/api/x')).toBe('/x')
      expect(await site.get('shop.test', '/apihttp://other.test/')).toHaveStatus(400)
      expect(await site.get('shop.test', '/api')).toHaveStatus(400)
    })

    test('is read from its own path, whatever other expressions a request meets', async () => {
      const believed = options({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '127.0.0.1' })
      await site.serve(
        believed,
        rewriting('/$2', '/something(/|$)(.*)').annotation(`${COMPATIBLE}force-ssl-redirect`, 'true'),
        serviceFor(web),
      )
      const headers = { 'X-Forwarded-Proto': 'https , x', 'X-Forwarded-Host': 'other.test', 'X-Forwarded-Port': '8443' }
      expect((await site.get('shop.test', '/something/new', { headers })).seen?.url).toBe('/new')
      expect(await site.get('shop.test', '/something/new')).toHaveStatus(308)
    })

    test('to a URL redirects there', async () => {
      await serve(rewriting('https://new.test/$1', '/old/(.*)').prefix('/gone', 'missing'))
      const answer = await site.get('shop.test', '/old/a%20b/c?d=e')
      expect(answer).toHaveStatus(302)
      expect(answer.headers.location).toBe('https://new.test/a%20b/c?d=e')
      expect((await site.get('shop.test', '/gone/x')).headers.location).toBe('https://new.test/')
    })

    test('to a URL puts no header into the answer', async () => {
      await serve(rewriting('https://new.test/$1', '/old/([^x]*)'))
      const answer = await site.get('shop.test', '/old/%0d%0aSet-Cookie:a=b')
      expect(answer.headers['set-cookie']).toBeUndefined()
      expect(answer.headers.location).toBe('https://new.test/%0D%0ASet-Cookie:a=b')
    })

    test('to a URL with several captures within others is left out', async () => {
      const { issues } = await serve(rewriting('https://new.test/$1$2', '/((a)b)'))
      expect(issues.map(({ code }) => code)).toEqual(['rewrite-invalid'])
      expect(await site.get('shop.test', '/ab')).toHaveStatus(404)
    })

    test.each(['/$1"; return 418; #', '/a b', '/../$1', 'https://ok.test$1', 'foo/$1', '/$request_uri', '/x?y', ' '])(
      'to %j is invalid: the path is served as it is',
      async (target) => {
        const { issues } = await serve(rewriting(target, '/api'))
        expect(issues.map(({ code }) => code)).toEqual(['invalid-annotation'])
        expect(await seenUrl('/api/x')).toBe('/api/x')
        expect(await site.get('shop.test', '/apix')).toHaveStatus(404)
      },
    )

    test('to the path itself is none, and makes no expressions', async () => {
      const { issues } = await serve(rewriting('/api', '/api'))
      expect(issues).toEqual([])
      expect(await seenUrl('/api/x')).toBe('/api/x')
      expect(await site.get('shop.test', '/apix')).toHaveStatus(404)
    })

    test('without a Service answers 503, as other paths do', async () => {
      await serve(rewriting('/$1', '/api/(.*)').prefix('/missing/(.*)', 'missing'))
      expect(await site.get('shop.test', '/missing/x')).toHaveStatus(503)
    })
  })

  describe('use-regex as in ingress-nginx', () => {
    const regex = (name = 'regex') => ingress(name).annotation(`${COMPATIBLE}use-regex`, 'true').host('shop.test')

    test('makes a path an expression, without case and with anything after it', async () => {
      const { issues } = await serve(regex().implementationSpecific('/v[0-9]+/users', 'web').exact('/foo', 'api'))
      expect(issues).toEqual([])
      for (const path of ['/v1/users', '/V23/USERS/7', '/v1/users-not']) expect(await site.get('shop.test', path)).toComeFrom('web')
      for (const path of ['/foo', '/foobar', '/FOO', '/foo/']) expect(await site.get('shop.test', path)).toComeFrom('api')
      for (const path of ['/v/users', '/x/v1/users', '/']) expect(await site.get('shop.test', path)).toHaveStatus(404)
      expect(await seenUrl('/v1/users?a=%20')).toBe('/v1/users?a=%20')
    })

    test('tries the longest text first, then the last in the alphabet', async () => {
      await serve(regex().implementationSpecific('/foo.*', 'api').implementationSpecific('/foo/bar/.*', 'web').prefix('/foo/b', 'web'))
      expect(await site.get('shop.test', '/foo/bar/x')).toComeFrom('web')
      // Of equal length: `/foo/b` comes after `/foo.*` in the alphabet, and is tried first.
      expect(await site.get('shop.test', '/foo/bus')).toComeFrom('web')
      expect(await site.get('shop.test', '/foo/x')).toComeFrom('api')
    })

    test('the longest text may be the wrong one, as it is there', async () => {
      await serve(regex().implementationSpecific('/foo/.{0,9}', 'api').implementationSpecific('/foo/bar', 'web'))
      expect(await site.get('shop.test', '/foo/bar')).toComeFrom('api')
    })

    test('makes the paths of other Ingresses expressions too, and tells them', async () => {
      const { issues } = await serve(
        ingress('other')
          .host('shop.test')
          .exact('/cart', 'api')
          .prefix('/', 'api')
          .prefix('/sh.p', 'api')
          .exact('/a/(b', 'api')
          .prefix('/e/', 'api'),
        regex().implementationSpecific('/v[0-9]+', 'web'),
        ingress('elsewhere').host('plain.test').exact('/cart', 'api'),
      )
      for (const path of ['/cart', '/CARTOON', '/shop', '/shapes', '/a/(b', '/A/(BC', '/e/x'])
        expect(await site.get('shop.test', path)).toComeFrom('api')
      expect(await site.get('shop.test', '/v7')).toComeFrom('web')
      expect(await site.get('plain.test', '/CART')).toHaveStatus(404)
      expect(issues).toEqual([
        expect.objectContaining({
          code: 'regex-mode',
          object: expect.objectContaining({ name: 'other' }),
          message:
            'Ingress default/regex makes the paths of shop.test regular expressions: "/cart", "/sh.p", "/a/(b" and 1 more match without case now, and whatever follows',
        }),
      ])
    })

    test('of two Ingresses the older has an expression', async () => {
      const { issues } = await serve(regex('older').prefix('/x', 'web'), ingress('younger').host('shop.test').exact('/x', 'api'))
      expect(await site.get('shop.test', '/x')).toComeFrom('web')
      expect(issues.map(({ code }) => code)).toEqual(expect.arrayContaining(['path-claimed', 'regex-mode']))
    })

    test('an expression that is not taken costs its own path', async () => {
      const { issues, result } = await serve(
        regex()
          .implementationSpecific('/(unclosed', 'web')
          .implementationSpecific('/(?<http_host>.*)', 'web')
          .implementationSpecific('/(a+)+$', 'web')
          .implementationSpecific('/tail\\', 'web')
          .implementationSpecific('/good', 'web'),
      )
      expect(result.kind).toBe('applied')
      expect(issues.map(({ code, field }) => [code, field])).toEqual(
        [0, 1, 2, 3].map((place) => ['invalid-path', `spec.rules[0].http.paths[${place}].path`]),
      )
      expect(await site.get('shop.test', '/good')).toComeFrom('web')
      expect(await site.get('shop.test', '/a')).toHaveStatus(404)
    })

    test('a path may be longer than others can', async () => {
      const path = `/${'a'.repeat(900)}`
      await serve(regex().implementationSpecific(`${path}[0-9]`, 'web'))
      expect(await site.get('shop.test', `${path}7`)).toComeFrom('web')
      expect(await site.get('shop.test', path)).toHaveStatus(404)
    })

    test('what no expression matches goes to the default backend', async () => {
      await serve(regex().implementationSpecific('/v[0-9]+', 'web').defaultBackend('api'))
      expect(await site.get('shop.test', '/v1')).toComeFrom('web')
      expect(await site.get('shop.test', '/other')).toComeFrom('api')
    })

    test('a challenge of ACME is not redirected', async () => {
      await serve(
        regex().implementationSpecific('/v[0-9]+', 'web').tls(undefined, 'shop.test'),
        ingress('solver').host('shop.test').exact('/.well-known/acme-challenge/token-1', 'api'),
      )
      expect(await site.get('shop.test', '/.well-known/acme-challenge/token-1')).toComeFrom('api')
      expect(await site.get('shop.test', '/v1')).toHaveStatus(308)
    })

    test.each(['false', 'yes'])('%s makes none', async (value) => {
      const { issues } = await serve(ingress('no').annotation(`${COMPATIBLE}use-regex`, value).host('shop.test').exact('/a.c', 'web'))
      expect(issues.map(({ code }) => code)).toEqual(value === 'false' ? [] : ['invalid-annotation'])
      expect(await site.get('shop.test', '/a.c')).toComeFrom('web')
      expect(await site.get('shop.test', '/abc')).toHaveStatus(404)
    })

    test('a host has a thousand expressions at most', async () => {
      const many = regex()
      for (let index = 0; index < 1001; index++) many.implementationSpecific(`/${index}/`, 'web')
      const { issues } = await serve(many)
      expect(issues.map(({ code }) => code)).toEqual(['too-many-patterns'])
      expect(await site.get('shop.test', '/999/')).toComeFrom('web')
      expect(await site.get('shop.test', '/1000/')).toHaveStatus(404)
    })
  })

  describe('use-regex of our own prefix', () => {
    const own = () => ingress('own').annotation(`${OWN}use-regex`, 'true').host('shop.test')

    test('leaves the paths of other Ingresses as they are', async () => {
      const { issues } = await serve(
        own().implementationSpecific('/users/[0-9]+', 'web'),
        ingress('other').host('shop.test').exact('/cart', 'api').prefix('/shop', 'api').exact('/users/7', 'api').prefix('/a.c', 'api'),
      )
      expect(issues).toEqual([])
      for (const path of ['/users/8', '/USERS/8/x']) expect(await site.get('shop.test', path)).toComeFrom('web')
      for (const path of ['/cart', '/shop', '/shop/', '/shop/x', '/users/7', '/a.c/x'])
        expect(await site.get('shop.test', path)).toComeFrom('api')
      for (const path of ['/CART', '/cart/', '/cartoon', '/shops', '/SHOP', '/abc', '/cart%0a', '/shop%0a', '/'])
        expect([path, (await site.get('shop.test', path)).status]).toEqual([path, 404])
    })

    test('takes nothing from a Prefix that is longer than its own beginning', async () => {
      await serve(
        own().implementationSpecific('/([a-z]+)/v[0-9]+/everything.*', 'web'),
        ingress('other').host('shop.test').prefix('/', 'api').prefix('/users', 'api'),
      )
      expect(await site.get('shop.test', '/users/v1/everything')).toComeFrom('api')
      expect(await site.get('shop.test', '/orders/v1/everything')).toComeFrom('web')
      expect(await site.get('shop.test', '/orders')).toComeFrom('api')
    })

    test('goes before a Prefix that its beginning is as long as', async () => {
      await serve(own().implementationSpecific('/users/[0-9]+', 'web'), ingress('other').host('shop.test').prefix('/users', 'api'))
      expect(await site.get('shop.test', '/users/7')).toComeFrom('web')
      expect(await site.get('shop.test', '/users/all')).toComeFrom('api')
      expect(await site.get('shop.test', '/users')).toComeFrom('api')
    })

    test('redirects no path to one with a slash', async () => {
      await serve(
        own().implementationSpecific('/x[0-9]', 'web'),
        ingress('other').host('shop.test').exact('/foo/', 'api').prefix('/bar/', 'api'),
      )
      expect(await site.get('shop.test', '/foo')).toHaveStatus(404)
      expect(await site.get('shop.test', '/foo/')).toComeFrom('api')
      expect(await site.get('shop.test', '/bar')).toComeFrom('api')
    })

    test('rewrite-target keeps to its own paths too', async () => {
      const { issues } = await serve(rewriting('/$2', '/api(/|$)(.*)', OWN), ingress('other').host('shop.test').exact('/cart', 'api'))
      expect(issues).toEqual([])
      expect(await seenUrl('/api/x')).toBe('/x')
      expect(await site.get('shop.test', '/CART')).toHaveStatus(404)
    })
  })
})
