/** Canaries beside a main Ingress, what they inherit, and where they serve nothing: live, on each NGINX. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import canary from '../../../src/annotations/features/canary.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { RequestOptions } from '../../support/client.ts'
import { eventually } from '../../support/eventually.ts'
import { callGrpc, startGrpcBackend } from '../../support/grpc-backend.ts'
import { endpointSlice, type IngressBuilder, ingress, options, service, serviceFor } from '../../support/objects.ts'
import { startPods } from '../../support/pods.ts'
import { startWebSocketBackend } from '../../support/raw-backend.ts'
import { openConnection } from '../../support/raw-connection.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'
import { startTlsOrNotBackend, type TlsOrNotBackend } from '../../support/tls-or-not-backend.ts'

const KEY = 'nginx.ingress.kubernetes.io/'

test.each([
  ['true', true],
  ['T', true],
  ['0', false],
  ['yes', undefined],
  ['"; return 418; #', undefined],
])('canary: %s is %s', (value, meaning) => {
  expect(canary.annotations['canary']?.value.safeParse(value).data).toBe(meaning)
})

function annotated(builder: IngressBuilder, annotations: Readonly<Record<string, string>>): IngressBuilder {
  return Object.entries(annotations).reduce((built, [key, value]) => built.annotation(KEY + key, value), builder)
}

const ALWAYS: RequestOptions = { headers: { 'X-Canary': 'always' } }
const BY_HEADER = { canary: 'true', 'canary-by-header': 'X-Canary' }

describe.each(await testedNginx())('canary, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let objects: readonly SiteObject[]
  let [main, other]: Backend[] = []

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    main = started.use(await startBackend('main'))
    other = started.use(await startBackend('other'))
    objects = [serviceFor(main), serviceFor(other)]
  })
  afterAll(() => started.disposeAsync())

  const shop = () => ingress('shop').host('shop.test').prefix('/', 'main')
  const beside = (annotations: Readonly<Record<string, string>> = {}) =>
    annotated(ingress('canary').host('shop.test').prefix('/', 'other'), { ...BY_HEADER, ...annotations })
  const ask = (path = '/', options: RequestOptions = {}) => site.get('shop.test', path, options)

  test('gets the requests that ask for it, and no others', async () => {
    const { issues } = await site.serve(shop(), beside(), ...objects)
    expect(issues).toEqual([])
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    expect(await ask()).toComeFrom('main')
    expect(await ask('/deep/below', ALWAYS)).toComeFrom('other')
  })

  test('is named in the log beside the main backend', async () => {
    await site.serve(shop(), beside(), ...objects)
    await ask('/logged-canary', ALWAYS)
    await ask('/logged-main')
    await eventually(async () => {
      const lines = (await site.accessLog()).split('\n')
      expect(lines.find((line) => line.includes('/logged-canary'))).toContain('[default-main-80] [default-other-80]')
      expect(lines.find((line) => line.includes('/logged-main'))).toContain('[default-main-80] []')
    })
  })

  test('false is no canary', async () => {
    const { issues } = await site.serve(shop(), beside({ canary: 'false' }), ...objects)
    expect(issues).toMatchObject([{ code: 'canary-off', severity: 'info', object: { name: 'canary' } }])
    expect(await ask('/', ALWAYS)).toComeFrom('main')
  })

  test('a word that is neither true nor false serves nothing at all, rather than without what protects the main Ingress', async () => {
    const odd = annotated(ingress('odd').host('shop.test').prefix('/', 'other').prefix('/admin', 'other'), { canary: 'yes' })
    const { issues } = await site.serve(shop(), odd, ...objects)
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: `${KEY}canary` }])
    expect(issues[0]?.message).toContain('nothing of this Ingress is served')
    expect(await ask('/admin')).toComeFrom('main')
  })

  describe('without a main Ingress serves nothing, and is told', () => {
    test.each([
      ['host', () => ingress('canary').host('nowhere.test').prefix('/', 'other')],
      ['path', () => ingress('canary').host('shop.test').prefix('/elsewhere', 'other')],
      ['path type', () => ingress('canary').host('shop.test').exact('/', 'other')],
    ])('of the same %s', async (_, builder) => {
      const { issues, result } = await site.serve(shop(), annotated(builder(), { ...BY_HEADER, 'canary-weight': '100' }), ...objects)
      expect(result.kind).not.toBe('refused')
      expect(issues).toMatchObject([{ code: 'canary-without-main', object: { name: 'canary' } }])
      expect(await ask('/', ALWAYS)).toComeFrom('main')
      expect(await ask('/elsewhere', ALWAYS)).toComeFrom('main')
      expect(await site.get('nowhere.test', '/', ALWAYS)).toHaveStatus(404)
    })

    test('of the same namespace: nobody takes over the host of another', async () => {
      const hijack = annotated(ingress('canary').namespace('evil').host('shop.test').prefix('/', 'other'), {
        canary: 'true',
        'canary-weight': '100',
      })
      const { issues } = await site.serve(shop(), hijack, ...objects, serviceFor(other as Backend, { namespace: 'evil' }))
      expect(issues).toMatchObject([{ code: 'canary-without-main', object: { namespace: 'evil' } }])
      expect(issues[0]?.message).toContain('must be in the namespace of the main Ingress')
      expect(await ask()).toComeFrom('main')
    })

    test('and finds it when it appears', async () => {
      const waiting = beside()
      await site.serve(waiting, ...objects)
      expect(await ask('/', ALWAYS)).toHaveStatus(404)
      await site.serve(waiting, shop(), ...objects)
      expect(await ask('/', ALWAYS)).toComeFrom('other')
      await site.serve(waiting, ...objects)
      expect(await ask('/', ALWAYS)).toHaveStatus(404)
    })
  })

  test('may be older than its main Ingress', async () => {
    await site.serve(shop(), beside().created('2020-01-01T00:00:00Z'), ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    expect(await ask()).toComeFrom('main')
  })

  test('matches ImplementationSpecific as Prefix, an empty path as /', async () => {
    const loose = annotated(ingress('canary').host('shop.test').implementationSpecific('', 'other'), BY_HEADER)
    await site.serve(shop(), loose, ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
  })

  test('is for its paths alone, though another path goes to the same main Service', async () => {
    await site.serve(shop().prefix('/api', 'main'), beside(), ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    expect(await ask('/api', ALWAYS)).toComeFrom('main')
  })

  test('its Service may be the main backend of other paths, and of the same one', async () => {
    const api = ingress('api').host('api.test').prefix('/', 'other')
    await site.serve(shop(), api, beside(), ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    expect(await site.get('api.test', '/')).toComeFrom('other')
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'other'), beside(), ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    expect(await ask()).toComeFrom('other')
  })

  test('on a wildcard host, on any host, and of a default backend', async () => {
    const wild = (name: string, backend: string) => ingress(name).host('*.apps.test').prefix('/', backend)
    const any = (name: string, backend: string) => ingress(name).prefix('/any', backend).defaultBackend(backend)
    await site.serve(
      wild('wild', 'main'),
      annotated(wild('wild-canary', 'other'), BY_HEADER),
      any('any', 'main'),
      annotated(any('any-canary', 'other'), BY_HEADER),
      ...objects,
    )
    for (const [host, path] of [
      ['a.apps.test', '/'],
      ['unknown.test', '/any'],
      ['unknown.test', '/'],
    ] as const) {
      expect(await site.get(host, path, ALWAYS)).toComeFrom('other')
      expect(await site.get(host, path)).toComeFrom('main')
    }
  })

  test('without endpoints leaves all requests to the main backend, and is told', async () => {
    const { issues } = await site.serve(shop(), beside({ 'canary-weight': '100' }), ...objects.slice(0, 1), service('other'))
    expect(issues).toMatchObject([{ code: 'no-endpoints', object: { name: 'canary' } }])
    expect(issues[0]?.message).toContain('the main backend gets all requests')
    expect(await ask()).toComeFrom('main')
    expect(await ask('/', ALWAYS)).toComeFrom('main')
  })

  test('where the main Ingress answers 503 for a protection that cannot be had, so do the requests for its canary', async () => {
    const protectedShop = annotated(shop(), { 'auth-tls-secret': 'default/ca' })
    await site.serve(protectedShop, beside({ 'canary-weight': '100' }), ...objects)
    expect(await ask()).toHaveStatus(503)
    expect(await ask('/', ALWAYS)).toHaveStatus(503)
  })

  describe('inherits', () => {
    test('the headers that a backend gets', async () => {
      await site.serve(shop(), beside(), ...objects)
      const [ofMain, ofCanary] = [await ask(), await ask('/', ALWAYS)].map(({ seen }) => ({
        ...seen?.headers,
        'x-request-id': undefined,
        'x-canary': undefined,
      }))
      expect(ofCanary).toEqual(ofMain)
      expect(ofCanary).toMatchObject({ host: 'shop.test', 'x-real-ip': '127.0.0.1', 'x-forwarded-host': 'shop.test' })
    })

    test('timeouts, and says that its own do not count', async () => {
      const silent = started.use(await startBackend('silent', { answer: () => {} }))
      const slow = annotated(ingress('canary').host('shop.test').prefix('/', 'silent'), { ...BY_HEADER, 'proxy-read-timeout': '600' })
      const quick = annotated(shop(), { 'proxy-read-timeout': '1', 'proxy-next-upstream': 'off' })
      const { issues } = await site.serve(quick, slow, ...objects, serviceFor(silent))
      expect(issues).toMatchObject([{ code: 'canary-annotation', severity: 'info', annotation: `${KEY}proxy-read-timeout` }])
      expect(await ask('/', ALWAYS)).toHaveStatus(504)
    })

    test('the limit of bodies, and their buffering', async () => {
      await site.serve(annotated(shop(), { 'proxy-body-size': '10' }), beside({ 'proxy-body-size': '0' }), ...objects)
      const send = (body: string) => ask('/', { ...ALWAYS, method: 'POST', body })
      expect(await send('0123456789')).toComeFrom('other')
      expect(await send('0123456789a')).toHaveStatus(413)
      await site.serve(shop(), beside(), ...objects)
      const body = randomBytes(300_000)
      const answer = await ask('/', { ...ALWAYS, method: 'PUT', body })
      expect(answer).toComeFrom('other')
      expect(answer.seen).toMatchObject({ method: 'PUT', bodyLength: body.length })
    })

    test('the version of HTTP', async () => {
      await site.serve(annotated(shop(), { 'proxy-http-version': '1.0' }), beside(), ...objects)
      const first = await ask('/', ALWAYS)
      // HTTP/1.0 keeps no connection to the backend.
      expect((await ask('/', ALWAYS)).seen?.connection).not.toBe(first.seen?.connection)
    })

    test('websockets', async () => {
      await using chat = await startWebSocketBackend('chat')
      const chats = annotated(ingress('canary').host('shop.test').prefix('/', 'chat'), BY_HEADER)
      await site.serve(shop(), chats, ...objects, serviceFor(chat))
      await using connection = await openConnection(site.httpPort)
      const key = randomBytes(16).toString('base64')
      await connection.write(
        `GET /chat HTTP/1.1\r\nHost: shop.test\r\nX-Canary: always\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      )
      expect(await connection.until(/welcome;$/)).toMatch(/^HTTP\/1\.1 101 /)
      await connection.write('hello;')
      await connection.until(/HELLO;$/)
    })

    test('paths as they were sent', async () => {
      await site.serve(shop(), beside(), ...objects)
      expect((await ask('/a%20b/%2Fc?d=%26', ALWAYS)).seen?.url).toBe('/a%20b/%2Fc?d=%26')
    })
  })

  describe('holds to what the main Ingress says', () => {
    const everywhere = ['main', 'other'] as const

    test('of expressions and what takes their place', async () => {
      const [main, canaryOfIt] = everywhere.map((name) => ingress(name).host('shop.test').implementationSpecific('/api(/|$)(.*)', name))
      if (main === undefined || canaryOfIt === undefined) throw new Error('two were made')
      const { issues } = await site.serve(annotated(main, { 'rewrite-target': '/$2' }), annotated(canaryOfIt, BY_HEADER), ...objects)
      expect(issues).toEqual([])
      const answer = await ask('/api/goods', ALWAYS)
      expect(answer).toComeFrom('other')
      expect(answer.seen?.url).toBe('/goods')
      expect(await ask('/api/goods')).toComeFrom('main')
    })

    test('of who is let in', async () => {
      await site.serve(annotated(shop(), { 'whitelist-source-range': '192.0.2.0/24' }), beside(), ...objects)
      expect(await ask('/', ALWAYS)).toHaveStatus(403)
      const users = { 'auth-type': 'basic', 'auth-secret': 'users' }
      await site.serve(annotated(shop(), users), beside(), ...objects)
      expect(await ask('/', ALWAYS)).toHaveStatus(503)
    })

    describe('of the protocol of backends:', () => {
      let either: readonly TlsOrNotBackend[]
      beforeAll(async () => {
        const { chain: cert, key } = await (await createAuthority('Unknown')).issue(['backend.invalid'])
        const start = async (name: string) => started.use(await startTlsOrNotBackend(name, { cert, key }))
        either = [await start('either'), await start('either-canary'), await start('either-other')]
      })
      const eitherShop = (protocol: string) =>
        annotated(ingress('shop').host('shop.test').prefix('/', 'either'), { 'backend-protocol': protocol })
      const eitherCanary = (service: string, header: string) =>
        annotated(ingress(service).host('shop.test').prefix('/', service), { canary: 'true', 'canary-by-header': header })
      const canaries = () => [eitherCanary('either-canary', 'X-Canary'), eitherCanary('either-other', 'X-Other')]
      const reached = async (scheme: string, headers: Readonly<Record<string, string>>, path = '/') => {
        const { headers: answered, body } = await (scheme === 'https' ? site.getTls : site.get)('shop.test', path, { headers })
        return `${answered['x-backend']} by ${body}`
      }

      test('HTTPS', async () => {
        await site.serve(eitherShop('HTTPS'), ...canaries(), ...either.map((backend) => serviceFor(backend)))
        expect(await reached('http', { 'X-Canary': 'always' })).toBe('either-canary by https')
      })

      test.each([undefined, 'http', 'https', 'grpc'])('AUTO_HTTP is as the client does, with an appProtocol of %s', async (appProtocol) => {
        const services = either.map((backend) => serviceFor(backend, appProtocol === undefined ? {} : { appProtocol }))
        const { issues } = await site.serve(eitherShop('AUTO_HTTP'), ...canaries(), ...services, options({ 'worker-processes': '1' }))
        expect(issues).toEqual([])
        // One after the other: a connection that is kept must not carry the other's requests.
        for (let turn = 0; turn < 3; turn++)
          for (const scheme of ['http', 'https']) {
            expect(await reached(scheme, {})).toBe(`either by ${scheme}`)
            expect(await reached(scheme, { 'X-Canary': 'always' })).toBe(`either-canary by ${scheme}`)
            expect(await reached(scheme, { 'X-Other': 'always' })).toBe(`either-other by ${scheme}`)
          }
      })

      test('AUTO_HTTP, where the path is rewritten, and named in the log', async () => {
        const rewriting = annotated(ingress('shop').host('shop.test').implementationSpecific('/api(/|$)(.*)', 'either'), {
          'backend-protocol': 'AUTO_HTTP',
          'rewrite-target': '/$2',
        })
        const beside = annotated(ingress('canary').host('shop.test').implementationSpecific('/api(/|$)(.*)', 'either-canary'), BY_HEADER)
        await site.serve(rewriting, beside, ...either.map((backend) => serviceFor(backend)))
        expect(await reached('https', { 'X-Canary': 'always' }, '/api/logged-over-tls')).toBe('either-canary by https')
        expect(await reached('http', { 'X-Canary': 'always' }, '/api/logged-plainly')).toBe('either-canary by http')
        await eventually(async () => {
          const lines = (await site.accessLog()).split('\n')
          for (const path of ['/api/logged-over-tls', '/api/logged-plainly'])
            expect(lines.find((line) => line.includes(path))).toContain('[default-either-80] [default-either-canary-80]')
        })
      })
    })
  })

  test('of a gRPC Service is spoken to in gRPC, with the timeouts of the main Ingress', async () => {
    await using grpc = await startGrpcBackend('grpc')
    const calls = annotated(ingress('canary').host('shop.test').prefix('/', 'grpc'), { canary: 'true', 'canary-weight': '100' })
    await site.serve(annotated(shop(), { 'proxy-read-timeout': '20' }), calls, ...objects, serviceFor(grpc, { appProtocol: 'grpc' }))
    await using call = await callGrpc(site.httpsPort, 'shop.test', '/shop.Greeter/Greet')
    call.send('hello')
    call.end()
    expect(await call.status()).toBe('0')
    expect(await call.messages(1)).toEqual(['grpc: hello'])
  })

  test('load-balance, upstream-hash-by and affinity are its own', async () => {
    const pods = await startPods(started, 'many', 4)
    const hashed = annotated(ingress('canary').host('shop.test').prefix('/', 'many'), { ...BY_HEADER, 'upstream-hash-by': '$request_uri' })
    await site.serve(shop(), hashed, ...objects, ...pods.manifests())
    const endpoints = await Promise.all(Array.from({ length: 8 }, () => ask('/same', ALWAYS)))
    expect(new Set(endpoints.map(({ seen }) => seen?.backend)).size).toBe(1)
    const sessions = annotated(ingress('canary').host('shop.test').prefix('/', 'many'), { ...BY_HEADER, affinity: 'cookie' })
    await site.serve(shop(), sessions, ...objects, ...pods.manifests())
    expect((await ask('/', ALWAYS)).headers['set-cookie']).toHaveLength(1)
    expect((await ask('/')).headers['set-cookie']).toBeUndefined()
  })

  test('of a Service whose endpoints change goes on', async () => {
    await site.serve(shop(), beside(), ...objects)
    expect(await ask('/', ALWAYS)).toComeFrom('other')
    const moved = started.use(await startBackend('moved'))
    const slice = endpointSlice('other', [{ address: moved.address }], { port: moved.port })
    await site.serve(shop(), beside(), ...objects.slice(0, 1), service('other'), slice)
    expect(await ask('/', ALWAYS)).toComeFrom('moved')
  })
})
