/** Clients that come back to the endpoint they had: live, on each NGINX. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import sessionAffinity from '../../../src/annotations/features/session-affinity.ts'
import { startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { Answer, RequestOptions } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { endpointSlice, type IngressBuilder, ingress, service, serviceFor, tlsSecret } from '../../support/objects.ts'
import { type Pods, startPods } from '../../support/pods.ts'
import { freePort } from '../../support/ports.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'
import { startTlsOrNotBackend, type TlsOrNotBackend } from '../../support/tls-or-not-backend.ts'

const KEY = 'nginx.ingress.kubernetes.io/'

describe('values', () => {
  const valid: readonly (readonly [string, string, unknown])[] = [
    ['affinity', 'cookie', 'cookie'],
    ['affinity-mode', 'persistent', 'persistent'],
    ['affinity-canary-behavior', 'legacy', 'legacy'],
    ['session-cookie-name', 'my-app.sess_ion~1', 'my-app.sess_ion~1'],
    ['session-cookie-path', '/a/b%20c', '/a/b%20c'],
    ['session-cookie-max-age', '0', 0],
    ['session-cookie-expires', '-1', -1],
    ['session-cookie-samesite', 'none', 'None'],
    ['session-cookie-domain', '.Shop.test', 'shop.test'],
    ['session-cookie-secure', 'T', true],
    ['session-cookie-change-on-failure', 'false', false],
    ['session-cookie-conditional-samesite-none', 'true', true],
  ]
  test.each(valid)('%s: %s', (key, value, meaning) => {
    expect(sessionAffinity.annotations[key]?.value.parse(value)).toBe(meaning)
  })

  test.each([
    ['affinity', 'ip'],
    ['affinity-mode', 'sticky'],
    ['affinity-canary-behavior', 'new'],
    ['session-cookie-name', 's; Domain=.test'],
    ['session-cookie-name', 's"; return 418; #'],
    ['session-cookie-name', 'a/b'],
    ['session-cookie-name', 'a'.repeat(65)],
    ['session-cookie-path', '/; HttpOnly=0; Domain=.test'],
    ['session-cookie-path', 'shop'],
    ['session-cookie-path', '/a\r\nSet-Cookie: b'],
    ['session-cookie-max-age', '99999999999999999999'],
    ['session-cookie-max-age', '-1'],
    ['session-cookie-expires', '1h'],
    ['session-cookie-samesite', 'None; X'],
    ['session-cookie-domain', 'test; Path=/'],
    ['session-cookie-secure', 'yes'],
    ['session-cookie-change-on-failure', 'on'],
    ['session-cookie-conditional-samesite-none', 'sometimes'],
  ])('%s: %j is refused', (key, value) => {
    expect(sessionAffinity.annotations[key]?.value.safeParse(value).success).toBe(false)
  })
})

const cookiesIn = (answer: Answer) => answer.headers['set-cookie'] ?? []
const cookieIn = (answer: Answer) => cookiesIn(answer)[0]?.split(';')[0] ?? ''

function withAffinity(builder: IngressBuilder, annotations: Readonly<Record<string, string>> = {}): IngressBuilder {
  return Object.entries({ affinity: 'cookie', ...annotations }).reduce((built, [key, value]) => built.annotation(KEY + key, value), builder)
}

describe.each(await testedNginx())('affinity by cookie, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let pods: Pods

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    pods = await startPods(started, 'shop', 4)
  })
  afterAll(() => started.disposeAsync())

  const route = (annotations?: Readonly<Record<string, string>>) =>
    withAffinity(ingress('shop').host('shop.test').prefix('/', 'shop'), annotations)
  const ask = (cookie?: string, options: RequestOptions = {}) =>
    site.get('shop.test', '/', { ...options, headers: { ...options.headers, ...(cookie === undefined ? {} : { cookie }) } })

  /** A client's first request, and so many more with the cookie that came of it. */
  async function session(more = 6) {
    const first = await ask()
    const cookie = cookieIn(first)
    const later: Answer[] = []
    for (let index = 0; index < more; index++) later.push(await ask(`other=1; ${cookie}; more=2`))
    return { first, cookie, later, endpoint: first.seen?.backend }
  }

  describe.each(['balanced', 'persistent'])('%s', (mode) => {
    test('a client stays with its endpoint, clients are spread over all', async () => {
      await site.serve(route({ 'affinity-mode': mode }), ...pods.manifests())
      const endpoints = new Set<string | undefined>()
      for (let client = 0; client < 16; client++) {
        const { first, later, endpoint } = await session(2)
        expect(cookiesIn(first)).toHaveLength(1)
        expect(later.map(({ seen }) => seen?.backend)).toEqual([endpoint, endpoint])
        // What it has is good: it is given no other.
        expect(later.flatMap(cookiesIn)).toEqual([])
        endpoints.add(endpoint)
      }
      expect(endpoints.size).toBeGreaterThan(1)
    })

    test('an endpoint that goes gives its session to another, for good; those of others stay', async () => {
      await site.serve(route({ 'affinity-mode': mode }), ...pods.manifests())
      const one = await session(1)
      const two = await eventually(async () => {
        const other = await session(1)
        expect(other.endpoint).not.toBe(one.endpoint)
        return other
      })
      await site.serve(route({ 'affinity-mode': mode }), ...pods.manifests(...pods.names.filter((name) => name !== one.endpoint)))
      expect((await ask(two.cookie)).seen?.backend).toBe(two.endpoint)
      const moved = await ask(one.cookie)
      expect(moved.status).toBe(200)
      expect(moved.seen?.backend).not.toBe(one.endpoint)
      const cookie = cookieIn(moved) || one.cookie
      expect(cookie !== one.cookie).toBe(mode === 'persistent' && site.binary.capabilities.stickyRoutes)
      for (let index = 0; index < 4; index++) expect((await ask(cookie)).seen?.backend).toBe(moved.seen?.backend)
    })

    test('a cookie that is none of ours, or of another upstream, begins a new session', async () => {
      await site.serve(route({ 'affinity-mode': mode }), ...pods.manifests())
      for (const value of ['', 'x', '"; return 418', '000000000000.00000000000000000000000000000000', '../..'])
        expect(cookiesIn(await ask(`INGRESSCOOKIE=${value}`))).toHaveLength(1)
    })

    test('of a failed endpoint, the request is tried on another; the session changes where that is asked for', async () => {
      const dead = await freePort()
      const alive = started.use(await startBackend('alive'))
      const objects = [
        service('pair'),
        endpointSlice('pair', [{ address: '127.0.0.1' }], { port: alive.port }, { suffix: 'alive' }),
        endpointSlice('pair', [{ address: '127.0.0.1' }], { port: dead }, { suffix: 'dead' }),
      ]
      const pair = (changes: string) =>
        withAffinity(ingress('pair').host('shop.test').prefix('/', 'pair'), {
          'affinity-mode': mode,
          'session-cookie-change-on-failure': changes,
        })
      /** A cookie of the dead endpoint: made while it was alive. */
      async function cookieOfTheDead(changes: string): Promise<string> {
        await using doomed = await startBackend('doomed', { port: dead })
        await site.serve(pair(changes), ...objects)
        return await eventually(async () => {
          const answer = await ask()
          expect(answer).toComeFrom(doomed.name)
          return cookieIn(answer)
        })
      }
      const staying = await cookieOfTheDead('false')
      const kept = await ask(staying)
      expect(kept).toComeFrom('alive')
      expect(cookiesIn(kept)).toEqual([])

      const changing = await cookieOfTheDead('true')
      const changed = await ask(changing)
      expect(changed).toComeFrom('alive')
      expect(cookiesIn(changed)).toHaveLength(1)
    })
  })

  describe('the cookie', () => {
    async function cookieFor(annotations: Readonly<Record<string, string>>, options: RequestOptions = {}): Promise<string> {
      await site.serve(route(annotations), ...pods.manifests())
      return (cookiesIn(await ask(undefined, options))[0] ?? '').replace(/=[^;]+/, '=…')
    }

    test('has the default name, the path of the rule, and is for HTTP alone', async () => {
      expect(await cookieFor({})).toBe('INGRESSCOOKIE=…; Path=/; HttpOnly')
      const deep = withAffinity(ingress('deep').host('shop.test').prefix('/a b;c', 'shop').exact('/exact', 'shop'))
      await site.serve(deep, ...pods.manifests())
      expect(cookiesIn(await site.get('shop.test', '/a%20b%3Bc/d'))[0]).toMatch(/; Path=\/a%20b%3Bc; HttpOnly$/)
      expect(cookiesIn(await site.get('shop.test', '/exact'))[0]).toMatch(/; Path=\/exact; HttpOnly$/)
    })

    test('has what annotations say', async () => {
      const all = {
        'session-cookie-name': 'my-app.session',
        'session-cookie-path': '/x',
        'session-cookie-max-age': '3600',
        'session-cookie-domain': 'shop.test',
        'session-cookie-samesite': 'strict',
        'session-cookie-secure': 'true',
      }
      expect(await cookieFor(all)).toBe('my-app.session=…; Path=/x; Max-Age=3600; Domain=shop.test; Secure; HttpOnly; SameSite=Strict')
      expect((await session()).later.every((answer) => cookiesIn(answer).length === 0)).toBe(true)
    })

    test('lives as long as session-cookie-expires says, unless session-cookie-max-age says otherwise', async () => {
      expect(await cookieFor({ 'session-cookie-expires': '60' })).toContain('; Max-Age=60;')
      expect(await cookieFor({ 'session-cookie-expires': '60', 'session-cookie-max-age': '120' })).toContain('; Max-Age=120;')
      expect(await cookieFor({ 'session-cookie-expires': '-1' })).toContain('; Max-Age=-1;')
    })

    test('is Secure over https, and where it is told', async () => {
      await site.serve(route(), ...pods.manifests())
      expect(cookiesIn(await site.getTls('shop.test', '/'))[0]).toMatch(/; Path=\/; Secure; HttpOnly$/)
      await site.serve(route({ 'session-cookie-secure': 'false' }), ...pods.manifests())
      expect(cookiesIn(await site.getTls('shop.test', '/'))[0]).toMatch(/; Path=\/; HttpOnly$/)
    })

    test('leaves SameSite=None out for browsers that misunderstand it, when asked to', async () => {
      const old = {
        headers: { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Safari/604.1' },
      }
      const conditional = { 'session-cookie-samesite': 'None', 'session-cookie-conditional-samesite-none': 'true' }
      expect(await cookieFor({ 'session-cookie-samesite': 'None' }, old)).toContain('; SameSite=None')
      expect(await cookieFor(conditional, old)).not.toContain('SameSite')
      expect(await cookieFor(conditional)).toContain('; SameSite=None')
    })

    test('keeps Strict-Transport-Security beside it', async () => {
      const certificate = await (await createAuthority()).issue(['shop.test'])
      await site.serve(route().tls('shop-tls', 'shop.test'), ...pods.manifests(), tlsSecret('shop-tls', certificate.chain, certificate.key))
      const { headers } = await site.getTls('shop.test', '/')
      expect(headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains')
      expect(headers['set-cookie']).toHaveLength(1)
    })

    test('comes beside those of the backend', async () => {
      const backend = started.use(
        await startBackend('own', { answer: (_, response) => response.setHeader('set-cookie', ['a=1', 'b=2']).end() }),
      )
      await site.serve(withAffinity(ingress('own').host('shop.test').prefix('/', 'own')), ...serviceFor(backend))
      expect(cookiesIn(await ask())).toEqual(expect.arrayContaining(['a=1', 'b=2', expect.stringContaining('INGRESSCOOKIE=')]))
    })
  })

  test('is for the locations of its Ingress alone, though another goes to the same Service', async () => {
    const plain = ingress('plain').host('shop.test').prefix('/plain', 'shop')
    await site.serve(route(), plain, ...pods.manifests())
    expect(cookiesIn(await ask())).toHaveLength(1)
    const { cookie } = await session(1)
    const answers = await Promise.all(Array.from({ length: 12 }, () => site.get('shop.test', '/plain', { headers: { cookie } })))
    expect(answers.flatMap(cookiesIn)).toEqual([])
    expect(new Set(answers.map(({ seen }) => seen?.backend)).size).toBeGreaterThan(1)
  })

  test('two Ingresses with cookies of one name, of which a browser sends both, do not disturb each other', async () => {
    const other = await startPods(started, 'other', 4)
    const deep = withAffinity(ingress('other').host('shop.test').prefix('/other', 'other'))
    await site.serve(route(), deep, ...pods.manifests(), ...other.manifests())
    const [shop, elsewhere] = [await ask(), await site.get('shop.test', '/other')]
    const cookie = `${cookieIn(elsewhere)}; ${cookieIn(shop)}`
    for (let index = 0; index < 4; index++) {
      expect((await ask(cookie)).seen?.backend).toBe(shop.seen?.backend)
      expect((await site.get('shop.test', '/other', { headers: { cookie } })).seen?.backend).toBe(elsewhere.seen?.backend)
    }
  })

  test('a wrong name leaves the default one, and is told', async () => {
    const { issues, result } = await site.serve(route({ 'session-cookie-name': 's; Domain=.test' }), ...pods.manifests())
    expect(result.kind).toBe('applied')
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: `${KEY}session-cookie-name` }])
    expect(cookieIn(await ask())).toMatch(/^INGRESSCOOKIE=/)
  })

  describe('and canaries', () => {
    let canary: Pods
    beforeAll(async () => {
      canary = await startPods(started, 'canary', 2)
    })

    const joined = (behaviour: Readonly<Record<string, string>>, main: Readonly<Record<string, string>> = {}) => {
      const beside = ingress('canary').host('shop.test').prefix('/', 'canary')
      const annotations = { canary: 'true', 'canary-weight': '50', 'canary-by-header': 'X-Canary', ...behaviour }
      return [
        route(main),
        Object.entries(annotations).reduce((built, [key, value]) => built.annotation(KEY + key, value), beside),
        ...pods.manifests(),
        ...canary.manifests(),
      ]
    }
    const backendsOf = async (cookie: string, count = 20) => {
      const answers: Answer[] = []
      for (let index = 0; index < count; index++) answers.push(await ask(cookie))
      return new Set(answers.map(({ seen }) => seen?.backend?.replace(/-\d+$/, '')))
    }

    test.each(['balanced', 'persistent'])(
      'sticky, %s: a client stays with the canary, or with the main backend, and with the endpoint',
      async (mode) => {
        await site.serve(...joined({}, { 'affinity-mode': mode }))
        const sent = await ask(undefined, { headers: { 'X-Canary': 'always' } })
        expect(sent.seen?.backend).toMatch(/^canary-/)
        for (let index = 0; index < 8; index++) expect((await ask(cookieIn(sent))).seen?.backend).toBe(sent.seen?.backend)
        const kept = await ask(undefined, { headers: { 'X-Canary': 'never' } })
        expect(kept.seen?.backend).toMatch(/^shop-/)
        for (let index = 0; index < 8; index++) expect((await ask(cookieIn(kept))).seen?.backend).toBe(kept.seen?.backend)
        // Also against the header, as in ingress-nginx.
        expect((await ask(cookieIn(kept), { headers: { 'X-Canary': 'always' } })).seen?.backend).toBe(kept.seen?.backend)
      },
    )

    test.each(['balanced', 'persistent'])('AUTO_HTTP, %s: a client stays with its endpoint over http and https', async (mode) => {
      const { chain: cert, key } = await (await createAuthority('Unknown')).issue(['backend.invalid'])
      const startEndpoints = async (name: string) => {
        const endpoints: TlsOrNotBackend[] = []
        for (let index = 1; index <= 4; index++) endpoints.push(started.use(await startTlsOrNotBackend(`${name}-${index}`, { cert, key })))
        return [
          service(name),
          ...endpoints.map((each) => endpointSlice(name, [{ address: each.address }], { port: each.port }, { suffix: each.name })),
        ]
      }
      const main = withAffinity(ingress('shop').host('shop.test').prefix('/', 'main'), {
        'affinity-mode': mode,
        'backend-protocol': 'AUTO_HTTP',
      })
      const beside = ingress('canary').host('shop.test').prefix('/', 'beside')
      beside.annotation(`${KEY}canary`, 'true').annotation(`${KEY}canary-by-header`, 'X-Canary')
      await site.serve(main, beside, ...(await startEndpoints('main')), ...(await startEndpoints('beside')))
      for (const [wanted, name] of [
        ['never', 'main'],
        ['always', 'beside'],
      ] as const) {
        const first = await ask(undefined, { headers: { 'X-Canary': wanted } })
        const endpoint = first.headers['x-backend']
        expect(endpoint).toContain(name)
        const headers = { cookie: cookieIn(first) }
        for (let turn = 0; turn < 6; turn++)
          for (const [scheme, answer] of [
            ['http', await site.get('shop.test', '/', { headers })],
            ['https', await site.getTls('shop.test', '/', { headers })],
          ] as const) {
            expect(`${answer.headers['x-backend']} by ${answer.body}`).toBe(`${endpoint} by ${scheme}`)
            expect(cookiesIn(answer)).toEqual([])
          }
      }
    })

    test('legacy, of the canary or of the main Ingress: chosen anew each time', async () => {
      for (const objects of [joined({ 'affinity-canary-behavior': 'legacy' }), joined({}, { 'affinity-canary-behavior': 'legacy' })]) {
        await site.serve(...objects)
        const kept = await ask(undefined, { headers: { 'X-Canary': 'never' } })
        expect(await backendsOf(cookieIn(kept))).toEqual(new Set(['shop', 'canary']))
      }
    })
  })
})
