// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** Another server decides on each request: auth-url and what belongs to it, against a real NGINX and real servers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type AuthServer, byCookie, startAuthServer } from '../../support/auth-server.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import { type DnsServer, startDns } from '../../support/dns.ts'
import { eventually } from '../../support/eventually.ts'
import { startGrpcBackend } from '../../support/grpc-backend.ts'
import { configMap, type IngressBuilder, ingress, options, service, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'

describe.each(await testedNginx())('external authentication, NGINX %s', (version, nginx) => {
  let site: Site
  let app: Backend
  let auth: AuthServer
  let secureAuth: AuthServer
  let dns: DnsServer
  /** Which NGINX can follow a name while it runs. */
  const followsNames = Number(version.split('.')[1]) >= 28

  beforeAll(async () => {
    dns = await startDns()
    const certificate = await (await createAuthority()).issue(['auth.outside.test'])
    ;[app, auth, secureAuth] = [
      await startBackend('app'),
      await startAuthServer(),
      await startAuthServer({ cert: certificate.chain, key: certificate.key }),
    ]
    site = await startSite(nginx, { nameServers: [{ address: '127.0.0.1', port: dns.port }], machine: { nameServers: ['127.0.0.1'] } })
  })
  afterAll(async () => {
    for (const each of [site, app, auth, secureAuth, dns]) await each?.[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    for (const server of [auth, secureAuth]) {
      server.asked.length = 0
      server.answer = byCookie
    }
  })

  const services = () => [...serviceFor(app), ...serviceFor(auth, { namespace: 'auth' })]
  const IN_CLUSTER = 'http://auth.auth.svc.cluster.local/check'
  function guarded(annotations: Readonly<Record<string, string>>, name = 'guarded'): IngressBuilder {
    return Object.entries({ 'auth-url': IN_CLUSTER, ...annotations }).reduce(
      (built, [key, value]) => built.annotation(PREFIX + key, value),
      ingress(name).host('shop.test').prefix('/', 'app'),
    )
  }
  const serveGuarded = (annotations: Readonly<Record<string, string>> = {}) => site.serve(guarded(annotations), ...services())
  const good = { headers: { cookie: 'session=good' } }

  test('auth-url lets pass, refuses, and takes every other answer for an error', async () => {
    expect((await serveGuarded()).issues).toEqual([])
    expect((await site.get('shop.test', '/', good)).seen?.backend).toBe('app')
    const refused = await site.get('shop.test', '/')
    expect(refused).toMatchObject({ status: 401, seen: undefined })
    expect(refused.headers['www-authenticate']).toBe('Bearer')
    for (const [answered, status] of [
      [204, 200],
      [403, 403],
      [302, 500],
      [304, 500],
      [404, 500],
      [500, 500],
      [503, 500],
    ]) {
      auth.answer = (_, response) => response.writeHead(answered ?? 0).end()
      expect((await site.get('shop.test', '/', good)).status).toBe(status)
    }
  })

  test('an authentication server that is not there, or breaks off, lets nobody in', async () => {
    await using gone = await startAuthServer()
    await site.serve(guarded({}), ...serviceFor(app), ...serviceFor(gone, { namespace: 'auth' }))
    gone.answer = (request) => request.socket.destroy()
    expect((await site.get('shop.test', '/', good)).status).toBe(500)
    await gone[Symbol.asyncDispose]()
    expect((await site.get('shop.test', '/', good)).status).toBe(500)
  })

  test('the request has no body and is told what was asked for, by us alone', async () => {
    await serveGuarded()
    const answer = await site.get('shop.test', '/pay?x=1&y=2', {
      method: 'POST',
      body: 'secret body',
      headers: {
        cookie: 'session=good',
        authorization: 'Bearer abc',
        range: 'bytes=0-1',
        'if-none-match': '"x"',
        upgrade: 'websocket',
        connection: 'upgrade',
        'x-original-url': 'http://evil.test/public',
        'x-original-method': 'GET',
        'x-original-uri': '/public',
        'x-forwarded-uri': '/public',
        'x-forwarded-method': 'GET',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-prefix': '/evil',
        'x-auth-request-redirect': '//evil.test',
        'x-real-ip': '6.6.6.6',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-proto': 'https',
        'ssl-client-verify': 'SUCCESS',
        forwarded: 'for=6.6.6.6',
      },
    })
    expect(answer.seen).toMatchObject({ backend: 'app', method: 'POST', bodyLength: 11 })
    const [asked] = auth.asked
    expect(asked).toMatchObject({ method: 'GET', url: '/check' })
    expect(asked?.headers).toEqual({
      host: 'auth.auth.svc.cluster.local',
      cookie: 'session=good',
      authorization: 'Bearer abc',
      'x-original-url': `http://shop.test/pay?x=1&y=2`,
      'x-original-uri': '/pay?x=1&y=2',
      'x-original-method': 'POST',
      'x-auth-request-redirect': '/pay?x=1&y=2',
      'x-sent-from': 'nginx-ingress-controller',
      'x-real-ip': '127.0.0.1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.test',
      'x-request-id': answer.seen?.headers['x-request-id'],
      'x-scheme': 'http',
    })
  })

  test('a body that is larger than the default limit is no matter of the authentication server', async () => {
    await serveGuarded({ 'proxy-body-size': '8m' })
    const answer = await site.get('shop.test', '/', { method: 'PUT', body: Buffer.alloc(3_000_000), ...good })
    expect(answer.seen?.bodyLength).toBe(3_000_000)
  })

  test('the request URI of a request to the backend stays, and nobody comes to the internal location', async () => {
    await serveGuarded()
    expect((await site.get('shop.test', '/a%2Fb?q=%20', good)).seen?.url).toBe('/a%2Fb?q=%20')
    const [path = ''] = /\/_external-auth-[0-9a-f]{20}/.exec(await printed(site)) ?? []
    expect((await site.get('shop.test', path, good)).status).toBe(404)
  })

  test('auth-method is the method', async () => {
    await serveGuarded({ 'auth-method': 'POST' })
    expect((await site.get('shop.test', '/', good)).status).toBe(200)
    expect(auth.asked[0]?.method).toBe('POST')
  })

  test('variables in the URL are filled in: the host of the request, and its URI in the query', async () => {
    await serveGuarded({ 'auth-url': `${IN_CLUSTER}/$host?uri=$request_uri&again=\${escaped_request_uri}&from=$ingress_name` })
    expect((await site.get('shop.test', '/', good)).status).toBe(503)
    await serveGuarded({ 'auth-url': `${IN_CLUSTER}/$namespace?uri=$request_uri&again=\${escaped_request_uri}&from=$ingress_name` })
    expect((await site.get('shop.test', '/a?b=%20c&d', good)).status).toBe(200)
    expect(auth.asked[0]?.url).toBe('/check/default?uri=/a?b=%20c&d&again=/a?b=%2520c%26d&from=guarded')
  })

  test('auth-response-headers go to the backend, and never those of the client', async () => {
    await serveGuarded({ 'auth-response-headers': 'X-Auth-User, x-auth-user, X-Auth-Groups' })
    const spoofed = { headers: { cookie: 'session=good', 'x-auth-user': 'root', 'x-auth-groups': 'admins' } }
    const { seen } = await site.get('shop.test', '/', spoofed)
    expect(seen?.headers).toMatchObject({ 'x-auth-user': 'ann', host: 'shop.test', 'x-forwarded-for': '127.0.0.1' })
    expect(seen?.headers).not.toHaveProperty('x-auth-groups')
  })

  test('nor under a name with underscores', async () => {
    const underscores = options({ 'enable-underscores-in-headers': 'true' })
    await site.serve(guarded({ 'auth-response-headers': 'X-Auth-User' }), ...services(), underscores)
    const spoofed = { cookie: 'session=good', x_auth_user: 'root', 'x_auth-user': 'root', x_original_uri: '/public' }
    const { seen } = await site.get('shop.test', '/', { headers: spoofed })
    expect(seen?.headers['x-auth-user']).toBe('ann')
    expect(Object.keys(seen?.headers ?? {}).filter((name) => name.includes('_') && name.includes('auth'))).toEqual([])
    expect(Object.keys(auth.asked[0]?.headers ?? {}).filter((name) => name.includes('_') && name.includes('original'))).toEqual([])
  })

  test('gRPC is protected too', async () => {
    await using grpc = await startGrpcBackend('grpc')
    const protectedGrpc = ingress('grpc').host('shop.test').prefix('/', 'grpc').annotation(`${PREFIX}auth-url`, IN_CLUSTER)
    protectedGrpc.annotation(`${PREFIX}auth-response-headers`, 'X-Auth-User')
    const { issues } = await site.serve(protectedGrpc, ...serviceFor(grpc, { appProtocol: 'grpc' }), ...services())
    expect(issues).toEqual([])
    expect((await site.get('shop.test', '/pkg.Service/Call', { method: 'POST' })).status).toBe(401)
    expect(await printed(site)).toContain('grpc_set_header X-Auth-User $auth_header_1;')
  })

  test.each(['false', 'true'])(
    'the longest names of headers reach a gRPC backend, and longer ones stop nobody; with underscores %s',
    async (underscores) => {
      await using grpc = await startGrpcBackend('grpc')
      const named = (host: string, names: string) =>
        ingress(host)
          .host(host)
          .prefix('/', 'grpc')
          .annotation(`${PREFIX}auth-url`, IN_CLUSTER)
          .annotation(`${PREFIX}auth-response-headers`, names)
      const longest = Array.from({ length: 50 }, (_, index) => `X-A-B-C-${'a'.repeat(30)}${index + 10}`).join(',')
      const { issues, result } = await site.serve(
        named('longest.test', longest),
        named('long.test', `X-${'a'.repeat(45)}`),
        ...serviceFor(grpc, { appProtocol: 'grpc' }),
        ...services(),
        options({ 'enable-underscores-in-headers': underscores }),
      )
      expect(result.kind).toBe('applied')
      expect(issues).toMatchObject([{ code: 'protection-invalid', object: { name: 'long.test' } }])
      expect((await site.get('longest.test', '/pkg.Service/Call', { method: 'POST' })).status).toBe(401)
      expect((await site.get('long.test', '/pkg.Service/Call', { method: 'POST' })).status).toBe(503)
    },
  )

  test('a request of an origin that may read answers is asked for like others', async () => {
    const cors = { 'enable-cors': 'true', 'cors-allow-origin': 'https://app.example.com' }
    await serveGuarded({ ...cors, 'auth-response-headers': 'X-Auth-User', 'auth-signin': 'https://sign-in.test/start' })
    const origin = 'https://app.example.com'
    expect(await site.get('shop.test', '/', { headers: { origin } })).toMatchObject({
      status: 302,
      headers: { location: 'https://sign-in.test/start?rd=http://shop.test/', 'access-control-allow-origin': origin },
    })
    const allowed = await site.get('shop.test', '/', { headers: { origin, cookie: 'session=good', 'x-auth-user': 'root' } })
    expect(allowed.headers).toMatchObject({ 'set-cookie': ['fresh=1; Path=/'], 'access-control-allow-origin': origin })
    expect(allowed.seen?.headers).toMatchObject({ 'x-auth-user': 'ann', 'x-real-ip': '127.0.0.1' })
  })

  test('auth-signin takes the place of 401 with the URL that was asked for, escaped', async () => {
    await serveGuarded({ 'auth-signin': 'https://sign-in.test/start?app=shop' })
    const location = async (path: string) => {
      const answer = await site.get('shop.test', path)
      expect(answer.status).toBe(302)
      return answer.headers.location ?? ''
    }
    const returned = async (path: string) => new URL(await location(path)).searchParams
    expect(await location('/')).toBe('https://sign-in.test/start?app=shop&rd=http://shop.test/')
    for (const path of [
      '/cart',
      '/a?b=1&c=2',
      '/a%20b?q=x%26y+z',
      '/?rd=//evil.test&rd=https://evil.test',
      '/a;b?c;d',
      '/%0d%0aX: y'.replace(' ', '%20'),
    ]) {
      const parameters = await returned(path)
      expect(parameters.get('rd')).toBe(`http://shop.test${path}`)
      expect([...parameters.keys()]).toEqual(['app', 'rd'])
    }
    // Escapes of other than ASCII mean the same when decoded once.
    const cyrillic = `/${encodeURIComponent('покупки'.repeat(20))}?page=1&size=2`
    expect((await returned(cyrillic)).get('rd')).toBe(`http://shop.test${decodeURI(cyrillic)}`)
    const many = (count: number) => `/deep/path?${'&'.repeat(count)}`
    expect((await returned(many(32))).get('rd')).toBe(`http://shop.test${many(32)}`)
    expect((await returned(many(33))).get('rd')).toBe('http://shop.test/deep/path')
    expect((await returned(`/${'%20'.repeat(33)}`)).get('rd')).toBe('http://shop.test/')
    expect((await returned(`/${'a'.repeat(2000)}?${'&'.repeat(2000)}`)).get('rd')).toBe(`http://shop.test/${'a'.repeat(2000)}`)
    auth.answer = (_, response) => response.writeHead(403).end()
    expect((await site.get('shop.test', '/')).status).toBe(403)
  })

  test('auth-signin that says where to come back to itself is left alone; auth-signin-redirect-param is the name', async () => {
    await serveGuarded({ 'auth-signin': 'https://$host/start?rd=https://$host$escaped_request_uri' })
    expect((await site.get('shop.test', '/a?b=1')).headers.location).toBe('https://shop.test/start?rd=https://shop.test/a?b=1')
    await serveGuarded({ 'auth-signin': 'https://sign-in.test/start', 'auth-signin-redirect-param': 'back' })
    expect((await site.get('shop.test', '/a')).headers.location).toBe('https://sign-in.test/start?back=http://shop.test/a')
  })

  test('401 of the backend itself stays 401', async () => {
    await using closed = await startBackend('closed', { answer: (_, response) => response.writeHead(401).end('mine') })
    const built = ingress('closed').host('shop.test').prefix('/', 'closed').annotation(`${PREFIX}auth-url`, IN_CLUSTER)
    built.annotation(`${PREFIX}auth-signin`, 'https://sign-in.test/start')
    await site.serve(built, ...serviceFor(closed), ...services())
    expect(await site.get('shop.test', '/', good)).toMatchObject({ status: 401, body: 'mine' })
  })

  test('auth-request-redirect takes the place of the URI', async () => {
    await serveGuarded({ 'auth-request-redirect': 'https://$host/portal?from=$request_uri' })
    await site.get('shop.test', '/a', good)
    expect(auth.asked[0]?.headers['x-auth-request-redirect']).toBe('https://shop.test/portal?from=/a')
  })

  test('Set-Cookie of the answer reaches the client, with errors only by auth-always-set-cookie', async () => {
    await using failing = await startBackend('failing', { answer: (_, response) => response.writeHead(500).end() })
    const failingPath = () => guarded({}, 'failing').prefix('/failing', 'failing')
    await site.serve(failingPath(), ...serviceFor(failing), ...services())
    expect((await site.get('shop.test', '/', good)).headers['set-cookie']).toEqual(['fresh=1; Path=/'])
    expect((await site.get('shop.test', '/failing', good)).headers).not.toHaveProperty('set-cookie')
    await site.serve(failingPath().annotation(`${PREFIX}auth-always-set-cookie`, 'true'), ...serviceFor(failing), ...services())
    expect((await site.get('shop.test', '/failing', good)).headers['set-cookie']).toEqual(['fresh=1; Path=/'])
  })

  test('auth-cache-key keeps answers for auth-cache-duration, apart by key and path, and never without a key', async () => {
    const cached = () =>
      guarded({ 'auth-cache-key': '$cookie_session', 'auth-cache-duration': '200 401 1m', 'auth-response-headers': 'X-Auth-User' }).prefix(
        '/admin',
        'app',
      )
    auth.answer = (request, response) =>
      response.writeHead(/session=good/.test(request.headers.cookie ?? '') ? 200 : 401, { 'x-auth-user': 'ann' }).end()
    await site.serve(cached(), ...services())
    for (let time = 0; time < 3; time++) expect((await site.get('shop.test', '/', good)).seen?.headers['x-auth-user']).toBe('ann')
    expect(auth.asked).toHaveLength(1)
    for (let time = 0; time < 2; time++) expect((await site.get('shop.test', '/', { headers: { cookie: 'session=bad' } })).status).toBe(401)
    expect(auth.asked).toHaveLength(2)
    expect((await site.get('shop.test', '/admin', good)).status).toBe(200)
    expect(auth.asked).toHaveLength(3)
    for (let time = 0; time < 2; time++) expect((await site.get('shop.test', '/')).status).toBe(401)
    expect(auth.asked).toHaveLength(5)
    await site.serve(cached().annotation(`${PREFIX}auth-cache-duration`, '200 1s'), ...services())
    await site.get('shop.test', '/', good)
    const before = auth.asked.length
    await eventually(async () => {
      await site.get('shop.test', '/', good)
      expect(auth.asked.length).toBeGreaterThan(before)
    })
  })

  test('auth-proxy-set-headers sets those of a ConfigMap, in place of ours', async () => {
    const headers = configMap('auth-headers', {
      'X-Plain': 'a "quoted\' \\ {value}; # no comment',
      'X-Forwarded-Proto': '$scheme',
      'X-Sent-From': 'shop',
    })
    const { issues } = await site.serve(guarded({ 'auth-proxy-set-headers': 'default/auth-headers' }), headers, ...services())
    expect(issues).toEqual([])
    expect((await site.get('shop.test', '/', good)).status).toBe(200)
    expect(auth.asked[0]?.headers).toMatchObject({
      'x-plain': 'a "quoted\' \\ {value}; # no comment',
      'x-forwarded-proto': 'http',
      'x-sent-from': 'shop',
    })
  })

  test.each<[string, Record<string, string>]>([
    ['is missing', {}],
    ['frames messages', { 'Content-Length': '5' }],
    ['has no header', { 'X Y': '1' }],
    ['has a line break', { 'X-A': 'a\r\nX-B: b' }],
    ['has an unknown variable', { 'X-A': '$document_root' }],
    ['has a value without end', { 'X-A': 'x'.repeat(5000) }],
  ])('a ConfigMap that %s closes the route', async (_, data) => {
    const headers = Object.keys(data).length === 0 ? [] : [configMap('auth-headers', data)]
    const { issues, result } = await site.serve(guarded({ 'auth-proxy-set-headers': 'auth-headers' }), ...headers, ...services())
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ code: 'protection-unavailable', annotation: `${PREFIX}auth-proxy-set-headers` }])
    expect((await site.get('shop.test', '/', good)).status).toBe(503)
  })

  test.each([
    ['auth-url', ''],
    ['auth-url', 'auth.test/check'],
    ['auth-url', 'ftp://auth.test/'],
    ['auth-url', 'file:///etc/passwd'],
    ['auth-url', 'javascript:alert(1)'],
    ['auth-url', 'http://auth.test/x"; return 418; #'],
    ['auth-url', 'http://x/#;}}directive'],
    ['auth-url', 'http://auth.test\\@169.254.169.254/'],
    ['auth-url', 'http://user:secret@auth.test/'],
    ['auth-url', 'http://$host.auth.test/'],
    ['auth-url', 'http://$http_x_host/'],
    ['auth-url', 'http://auth.test/$document_root'],
    ['auth-url', 'http://auth.test/$1'],
    ['auth-url', 'http://auth.test/${request_uri'],
    ['auth-url', 'http://auth.test/a b'],
    ['auth-url', 'http://auth.test/$request_uri'],
    ['auth-url', 'http://auth.test/%zz'],
    ['auth-url', 'http://auth.test:99999/'],
    ['auth-url', `http://auth.test/${'a'.repeat(2000)}`],
    ['auth-method', 'GET;\n}\nreturn 418'],
    ['auth-method', 'get'],
    ['auth-method', 'TRACE'],
    ['auth-signin', '//evil.test'],
    ['auth-signin', '/start'],
    ['auth-signin', 'https://sign-in.test/$cookie_session'],
    ['auth-signin', 'https://sign-in.test/\r\nSet-Cookie: a=b'],
    ['auth-signin-redirect-param', 'a&b'],
    ['auth-response-headers', 'Host,Content-Length,Transfer-Encoding'],
    ['auth-response-headers', 'X-Forwarded-For'],
    ['auth-response-headers', 'X-Ok, X Bad'],
    ['auth-response-headers', ','],
    ['auth-request-redirect', '$document_root'],
    ['auth-request-redirect', 'a"b'],
    ['auth-cache-key', 'constant'],
    ['auth-cache-key', '$cookie_a;$b'],
    ['auth-cache-duration', '200 forever'],
    ['auth-cache-duration', '200;5m'],
    ['auth-cache-duration', '5x'],
    ['auth-always-set-cookie', 'on'],
    ['auth-proxy-set-headers', '../../etc/passwd'],
  ])('%s: %j closes the route, and nothing else', async (key, value) => {
    const other = ingress('other').host('other.test').prefix('/', 'app')
    const { issues, result } = await site.serve(guarded({ [key]: value }), other, ...services())
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ code: 'protection-invalid', annotation: PREFIX + key }])
    expect((await site.get('shop.test', '/', good)).status).toBe(503)
    expect((await site.get('other.test', '/')).status).toBe(200)
    expect(auth.asked).toEqual([])
  })

  test('what belongs to auth-url closes the route where that is missing', async () => {
    const lonely = ingress('lonely').host('shop.test').prefix('/', 'app').annotation(`${PREFIX}auth-signin`, 'https://sign-in.test/')
    const { issues } = await site.serve(lonely, ...services())
    expect(issues).toMatchObject([{ code: 'protection-invalid', annotation: `${PREFIX}auth-url` }])
    expect((await site.get('shop.test', '/')).status).toBe(503)
  })

  test.each([
    ['http://localhost:8080/', 'leads to this host itself'],
    ['http://[fd00:ec2::254]/', 'leads to the metadata of a cloud'],
    ['http://169.254.169.254/latest/', 'is linkLocal, which is not allowed'],
    ['http://[::ffff:169.254.169.254]/', 'is linkLocal, which is not allowed'],
    ['http://0.0.0.0/', 'is unspecified, which is not allowed'],
    ['http://2130706433/', 'ends in a number'],
    ['http://metadata.google.internal/', 'leads to the metadata of a cloud'],
    ['https://kubernetes.default.svc/api', 'leads to the API server'],
    ['http://empty.auth.svc/', 'has no ready endpoint'],
    ['http://auth.auth.svc.cluster.local:81/', 'has no TCP port 81'],
    ['https://$host:8443/check', 'has a port beside $host'],
    ['https://$host/check', 'would ask for itself'],
    ['https://shop.test/check', 'would ask for itself'],
  ])('auth-url %s cannot be asked, and the route is closed', async (url, reason) => {
    const empty = service('empty', [{ port: 80 }], 'auth')
    const { issues, result } = await site.serve(guarded({ 'auth-url': url }), empty, ...services())
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ annotation: `${PREFIX}auth-url`, message: expect.stringContaining(reason) }])
    expect((await site.get('shop.test', '/', good)).status).toBe(503)
  })

  test('an address is asked', async () => {
    const { issues } = await serveGuarded({ 'auth-url': `http://${auth.address}:${auth.port}/check` })
    expect(issues).toEqual([])
    expect((await site.get('shop.test', '/', good)).status).toBe(200)
    expect((await site.get('shop.test', '/')).status).toBe(401)
  })

  test('a name outside is followed while NGINX runs, over TLS with its name, or closes the route where NGINX cannot', async () => {
    dns.names.set('auth.outside.test', [secureAuth.address])
    const { issues } = await serveGuarded({ 'auth-url': `https://auth.outside.test:${secureAuth.port}/check` })
    if (!followsNames) {
      expect(issues).toMatchObject([{ code: 'protection-unavailable', message: expect.stringContaining('cannot follow a name') }])
      expect((await site.get('shop.test', '/', good)).status).toBe(503)
      return
    }
    expect(issues).toEqual([])
    await eventually(async () => expect((await site.get('shop.test', '/', good)).status).toBe(200))
    expect((await site.get('shop.test', '/')).status).toBe(401)
    expect(secureAuth.asked[0]?.headers.host).toBe('auth.outside.test')
    expect((secureAuth.asked[0]?.socket as { servername?: string } | undefined)?.servername).toBe('auth.outside.test')
  })

  test('a name that does not resolve lets nobody in, and costs nobody else anything', async () => {
    if (!followsNames) return
    const other = ingress('other').host('other.test').prefix('/', 'app')
    const { result } = await site.serve(guarded({ 'auth-url': 'http://nowhere.test/check' }), other, ...services())
    expect(result.kind).not.toBe('refused')
    expect((await site.get('shop.test', '/', good)).status).toBe(500)
    expect((await site.get('other.test', '/')).status).toBe(200)
  })

  test.each(['https://$host/oauth2/auth', 'https://shop.test/oauth2/auth', 'http://${http_host}/oauth2/auth?x=$request_uri'])(
    '%s is the Service behind that path of the same host',
    async (url) => {
      const oauth2 = ingress('oauth2').host('shop.test').prefix('/oauth2', 'auth')
      const { issues } = await site.serve(guarded({ 'auth-url': url }), oauth2, ...serviceFor(app), ...serviceFor(auth))
      expect(issues).toEqual([])
      expect((await site.get('shop.test', '/', good)).seen?.backend).toBe('app')
      expect((await site.get('shop.test', '/')).status).toBe(401)
      expect(auth.asked[0]).toMatchObject({ headers: { host: 'shop.test' }, url: expect.stringContaining('/oauth2/auth') })
    },
  )

  test.each([
    ['a wildcard host', '*.apps.test', 'one.apps.test'],
    ['any host', undefined, 'unknown.test'],
  ])('$host is the very host of the request on %s too', async (_, host, asked) => {
    const everywhere = ingress('guarded').host(host).prefix('/', 'app').annotation(`${PREFIX}auth-url`, 'https://$host/oauth2/auth')
    const oauth2 = ingress('oauth2').host(host).prefix('/oauth2', 'auth')
    expect((await site.serve(everywhere, oauth2, ...serviceFor(app), ...serviceFor(auth))).issues).toEqual([])
    expect((await site.get(asked, '/', good)).seen?.backend).toBe('app')
    expect((await site.get(asked, '/')).status).toBe(401)
    expect(auth.asked[0]?.headers.host).toBe(asked)
  })

  test('nobody signs in for a challenge of ACME, nor for no-auth-locations', async () => {
    const challenge = guarded({ 'auth-signin': 'https://sign-in.test/' })
      .exact('/.well-known/acme-challenge/token', 'app')
      .prefix('/open', 'app')
    await site.serve(challenge, ...services())
    expect((await site.get('shop.test', '/.well-known/acme-challenge/token')).status).toBe(200)
    expect((await site.get('shop.test', '/open')).status).toBe(302)
    await site.serve(challenge, ...services(), options({ 'no-auth-locations': '/open' }))
    expect((await site.get('shop.test', '/open')).status).toBe(200)
    expect((await site.get('shop.test', '/.well-known/acme-challenge/token')).status).toBe(302)
  })

  test('nothing stands in for an authentication server where the echo answers for Services', async () => {
    await using echoing = await startSite(nginx, { echo: true })
    const { issues } = await echoing.serve(guarded({}), ...serviceFor(app), service('auth', [{ port: 80 }], 'auth'))
    expect(issues).toMatchObject([{ code: 'no-endpoints', annotation: `${PREFIX}auth-url` }])
    expect((await echoing.get('shop.test', '/', good)).status).toBe(503)
    const oauth2 = ingress('oauth2').host('shop.test').prefix('/oauth2', 'nowhere')
    await echoing.serve(guarded({ 'auth-url': 'https://$host/oauth2/auth' }), oauth2, ...serviceFor(app))
    expect((await echoing.get('shop.test', '/', good)).status).toBe(503)
  })

  test('a path that is called like an internal location is left out, for two would stop every reload', async () => {
    await serveGuarded()
    const [path = ''] = /\/_external-auth-[0-9a-f]{20}/.exec(await printed(site)) ?? []
    const evil = ingress('evil').host('shop.test').exact(path, 'app').prefix(path, 'app')
    const { issues, result } = await site.serve(guarded({}), evil, ...services())
    expect(result.kind).not.toBe('refused')
    expect(issues).toMatchObject([{ code: 'invalid-path' }, { code: 'invalid-path' }])
  })
})

/** The servers of the configuration that is live. */
async function printed({ layout }: Site): Promise<string> {
  const { readdir, readFile } = await import('node:fs/promises')
  const files = (await readdir(`${layout.root}/conf`, { recursive: true })).filter((path) => path.startsWith('servers/'))
  return (await Promise.all(files.map((path) => readFile(`${layout.root}/conf/${path}`, 'utf8')))).join('\n')
}
