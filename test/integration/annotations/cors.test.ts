/** Which origins may read answers: enable-cors and what belongs to it, against a real NGINX. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import type { Answer, RequestOptions } from '../../support/client.ts'
import { startGrpcBackend } from '../../support/grpc-backend.ts'
import { type IngressBuilder, ingress, options, serviceFor, tlsSecret } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const ORIGIN = 'https://app.example.com'
const PREFLIGHT: RequestOptions = { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'PUT' } }
const DEFAULTS = {
  'access-control-allow-origin': '*',
  'access-control-allow-credentials': 'true',
  'access-control-allow-methods': 'GET, PUT, POST, DELETE, PATCH, OPTIONS',
  'access-control-allow-headers':
    'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization',
  'access-control-max-age': '1728000',
}

/** What the answer says of other origins. */
function sharing({ headers }: Answer): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')))
}

describe.each(await testedNginx())('CORS, NGINX %s', (_version, nginx) => {
  let site: Site
  let app: Backend
  /** Has opinions of its own, and fails at /fail. */
  let opinionated: Backend

  beforeAll(async () => {
    app = await startBackend('app')
    opinionated = await startBackend('opinionated', {
      answer: (request, response) => {
        const headers = { 'access-control-allow-origin': 'https://mine.test', 'access-control-allow-methods': 'TRACE', vary: 'Cookie' }
        response.writeHead(request.url === '/fail' ? 500 : 200, { ...headers, 'strict-transport-security': 'max-age=1' }).end()
      },
    })
    site = await startSite(nginx)
  })
  afterAll(async () => {
    for (const each of [site, app, opinionated]) await each?.[Symbol.asyncDispose]()
  })

  function shared(annotations: Readonly<Record<string, string>>, backend = 'app'): IngressBuilder {
    return Object.entries({ 'enable-cors': 'true', ...annotations }).reduce(
      (built, [key, value]) => built.annotation(PREFIX + key, value),
      ingress('shared').host('shop.test').prefix('/', backend),
    )
  }
  const serve = (annotations: Readonly<Record<string, string>>, backend = 'app') =>
    site.serve(shared(annotations, backend), ...serviceFor(app), ...serviceFor(opinionated))
  const from = (origin: string, method = 'GET') => site.get('shop.test', '/', { method, headers: { origin } })

  test('enable-cors lets all origins read, and answers preflight requests without the backend', async () => {
    expect((await serve({})).issues).toEqual([])
    const answer = await from(ORIGIN)
    expect(answer.seen?.backend).toBe('app')
    expect(sharing(answer)).toEqual(DEFAULTS)
    const preflight = await site.get('shop.test', '/', PREFLIGHT)
    expect(preflight).toMatchObject({ status: 204, body: '', seen: undefined })
    expect(sharing(preflight)).toEqual(DEFAULTS)
  })

  test('without it, and with false, nothing is said and the backend answers OPTIONS', async () => {
    await serve({ 'enable-cors': 'false', 'cors-allow-origin': ORIGIN })
    const answer = await site.get('shop.test', '/', PREFLIGHT)
    expect(answer.seen).toMatchObject({ backend: 'app', method: 'OPTIONS' })
    expect(sharing(answer)).toEqual({})
  })

  test('each of the others has its header', async () => {
    const { issues } = await serve({
      'cors-allow-origin': ORIGIN,
      'cors-allow-methods': 'GET,POST',
      'cors-allow-headers': 'Content-Type X-Api-Key',
      'cors-allow-credentials': 'false',
      'cors-expose-headers': 'X-Total-Count, *',
      'cors-max-age': '600',
    })
    expect(issues).toEqual([])
    const expected = {
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'Content-Type, X-Api-Key',
      'access-control-expose-headers': 'X-Total-Count, *',
      'access-control-max-age': '600',
    }
    expect(sharing(await from(ORIGIN))).toEqual(expected)
    expect(sharing(await site.get('shop.test', '/', PREFLIGHT))).toEqual(expected)
  })

  const LIST =
    'https://shop.example, https://*.example.com, http://dev.example:8080, http://*.any.example:81, null, app+x://local.host, *.bad'
  const GOOD_LIST = LIST.replace(', *.bad', '')

  test.each([
    ['https://shop.example', true],
    ['HTTPS://Shop.Example', true],
    ['https://app.example.com', true],
    ['http://dev.example:8080', true],
    ['http://a-b.any.example:81', true],
    ['null', true],
    ['app+x://local.host', true],
    ['http://shop.example', false],
    ['https://shop.example:8443', false],
    ['https://shop.example.evil.test', false],
    ['https://evil.test/https://shop.example', false],
    ['https://shopXexample', false],
    ['https://example.com', false],
    ['https://a.b.example.com', false],
    ['https://.example.com', false],
    ['https://evilexample.com', false],
    ['https://app.example.com.evil.test', false],
    ['https://evil.test#.example.com', false],
    ['https://evil.test?x.example.com', false],
    ['https://a@app.example.com', false],
    ['http://dev.example:80801', false],
    ['http://a.any.example', false],
    ['appx://local.host', false],
    ['apppx://local.host', false],
    ['nullx', false],
    ['', false],
  ])('of a list, %j is allowed: %s', async (origin, isAllowed) => {
    expect((await serve({ 'cors-allow-origin': GOOD_LIST })).issues).toEqual([])
    const answer = await from(origin)
    expect(answer.seen?.backend).toBe('app')
    expect(sharing(answer)).toEqual(isAllowed ? { ...DEFAULTS, 'access-control-allow-origin': origin } : {})
    expect(answer.headers.vary).toBe('Origin')
    const preflight = await from(origin, 'OPTIONS')
    expect(preflight.status).toBe(isAllowed ? 204 : 200)
    expect(sharing(preflight)).toEqual(isAllowed ? { ...DEFAULTS, 'access-control-allow-origin': origin } : {})
  })

  test.each([
    LIST,
    'https://ok.test"; return 418; #',
    'https://*',
    'https://*.*.test',
    'https://a.*.test',
    'https://ok.test/path',
    'https://ok.test:0',
    'https://ok.test:99999',
    'https://$host',
    'https://(a+)+$',
    'ok.test',
    'https://ok.test\nhttps://b.test',
    ',',
    'https://bücher.test',
    `https://${'a'.repeat(60)}.test,`.repeat(100),
  ])('a wrong list of origins allows nobody, not everybody: %j', async (value) => {
    const { issues, result } = await serve({ 'cors-allow-origin': value })
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: `${PREFIX}cors-allow-origin` }])
    const answer = await from(ORIGIN)
    expect(answer.seen?.backend).toBe('app')
    expect(sharing(answer)).toEqual({})
    expect((await site.get('shop.test', '/', PREFLIGHT)).seen?.backend).toBe('app')
  })

  test.each([
    ['enable-cors', 'yes', {}],
    ['cors-allow-methods', 'GET;POST', DEFAULTS],
    ['cors-allow-methods', '$request_method', DEFAULTS],
    ['cors-allow-headers', 'X-A"; return 418; #', DEFAULTS],
    ['cors-allow-headers', 'X-A\u0000X-B', DEFAULTS],
    ['cors-allow-headers', 'X-A, '.repeat(1000), DEFAULTS],
    ['cors-expose-headers', '$http_cookie', DEFAULTS],
    ['cors-allow-credentials', 'maybe', DEFAULTS],
    ['cors-max-age', '1e99', DEFAULTS],
    ['cors-max-age', '-1', DEFAULTS],
  ])('%s: %j is told, and its default holds', async (key, value, expected) => {
    const { issues, result } = await serve({ [key]: value })
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: PREFIX + key }])
    expect(sharing(await from(ORIGIN))).toEqual(expected)
  })

  test("the backend's own headers never stand beside ours, nor in their place", async () => {
    await serve({ 'cors-allow-origin': ORIGIN }, 'opinionated')
    const allowed = await from(ORIGIN)
    expect(sharing(allowed)).toEqual({ ...DEFAULTS, 'access-control-allow-origin': ORIGIN })
    expect(allowed.headers.vary).toBe('Cookie, Origin')
    expect(sharing(await from('https://mine.test'))).toEqual({})
  })

  test('errors are readable too: the backend’s, ours, and a 401', async () => {
    const open = shared({}, 'opinionated').prefix('/nowhere', 'missing')
    await site.serve(open, ...serviceFor(opinionated))
    expect(sharing(await site.get('shop.test', '/fail', { headers: { origin: ORIGIN } }))).toEqual(DEFAULTS)
    const unavailable = await site.get('shop.test', '/nowhere', { headers: { origin: ORIGIN } })
    expect(unavailable.status).toBe(503)
    expect(sharing(unavailable)).toEqual(DEFAULTS)

    await using auth = await startBackend('auth', { answer: (_, response) => response.writeHead(401).end() })
    await site.serve(shared({ 'auth-url': 'http://auth.default.svc/' }), ...serviceFor(app), ...serviceFor(auth))
    const refused = await from(ORIGIN)
    expect(refused.status).toBe(401)
    expect(sharing(refused)).toEqual(DEFAULTS)
    // Browsers send no credentials with a preflight request.
    expect((await site.get('shop.test', '/', PREFLIGHT)).status).toBe(204)
    const signIn = shared({ 'auth-url': 'http://auth.default.svc/', 'auth-signin': 'https://sign-in.test/' })
    await site.serve(signIn, ...serviceFor(app), ...serviceFor(auth))
    expect(sharing(await from(ORIGIN))).toEqual(DEFAULTS)
  })

  test('what the server says on its own stays: HSTS once, hidden headers, redirects', async () => {
    const certificate = await (await createAuthority()).issue(['shop.test'])
    const secure = shared({ 'cors-allow-origin': ORIGIN }, 'opinionated').tls('shop-tls', 'shop.test')
    const secret = tlsSecret('shop-tls', certificate.chain, certificate.key)
    await site.serve(secure, secret, ...serviceFor(opinionated), options({ 'hide-headers': 'Vary' }))
    const answer = await site.getTls('shop.test', '/', { headers: { origin: ORIGIN } })
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains')
    expect(answer.headers.vary).toBe('Origin')
    expect(sharing(answer)).toMatchObject({ 'access-control-allow-origin': ORIGIN })
    const redirect = await from(ORIGIN)
    expect(redirect.status).toBe(308)
    expect(sharing(redirect)).toMatchObject({ 'access-control-allow-origin': ORIGIN })
  })

  test('gRPC-Web behind a gRPC backend has them as well', async () => {
    await using grpc = await startGrpcBackend('grpc')
    await site.serve(shared({}, 'grpc'), ...serviceFor(grpc, { appProtocol: 'grpc' }))
    expect(sharing(await site.get('shop.test', '/', PREFLIGHT))).toEqual(DEFAULTS)
  })

  test('requests that end before they get to a location leave no warning in the log', async () => {
    await serve({ 'cors-allow-origin': ORIGIN })
    expect(
      (await site.get('shop.test', '/', { method: 'POST', body: Buffer.alloc(2_000_000) }).catch(() => undefined))?.status ?? 413,
    ).toBe(413)
    expect(await site.errorLog()).not.toContain('uninitialized')
  })
})
