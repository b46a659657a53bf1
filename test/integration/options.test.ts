/** The keys of the ConfigMap, one after the other, with the same NGINX running: each is seen to change what it says. */
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { logVariables } from '../../src/model/log-format.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { sendHead } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, type Manifest, options, service, serviceFor } from '../support/objects.ts'
import { descendantsOf } from '../support/processes.ts'
import { openConnection } from '../support/raw-connection.ts'
import { type Served, type Site, type SiteObject, startSite, testedNginx } from '../support/site.ts'

type Data = Readonly<Record<string, string>>

const MONTH = String(30 * 24 * 3600)

/** But for the largest numbers of workers and of their connections, which this machine could not bear. */
const ENDS: Readonly<Record<string, Data>> = {
  least: {
    'proxy-body-size': '0',
    'client-body-buffer-size': '1k',
    'client-body-timeout': '1',
    'client-header-buffer-size': '1k',
    'client-header-timeout': '1',
    'large-client-header-buffers': '1 1k',
    'keep-alive': '0',
    'keep-alive-requests': '1',
    'http2-max-concurrent-streams': '1',
    'proxy-connect-timeout': '1',
    'proxy-read-timeout': '1',
    'proxy-send-timeout': '1',
    'proxy-buffering': 'on',
    'proxy-buffer-size': '1k',
    'proxy-buffers-number': '3',
    'proxy-next-upstream-timeout': '0',
    'proxy-next-upstream-tries': '0',
    'upstream-keepalive-connections': '0',
    'upstream-keepalive-timeout': '1',
    'upstream-keepalive-requests': '1',
    'upstream-keepalive-time': '1s',
    'ssl-session-cache-size': '64k',
    'ssl-session-timeout': '1',
    'hsts-max-age': '0',
    'use-gzip': 'true',
    'gzip-level': '1',
    'gzip-min-length': '0',
    'gzip-types': '*',
    'worker-processes': '1',
    'worker-shutdown-timeout': '1',
    'max-worker-connections': '64',
    'enable-multi-accept': 'false',
    'enable-underscores-in-headers': 'true',
    'disable-ipv6': 'true',
    'disable-ipv6-dns': 'true',
  },
  most: {
    'proxy-body-size': '1024g',
    'client-body-buffer-size': '64m',
    'client-body-timeout': MONTH,
    'client-header-buffer-size': '1m',
    'client-header-timeout': MONTH,
    'large-client-header-buffers': '64 1m',
    'keep-alive': MONTH,
    'keep-alive-requests': '1000000000',
    'http2-max-concurrent-streams': '10000',
    'proxy-connect-timeout': MONTH,
    'proxy-read-timeout': MONTH,
    'proxy-send-timeout': MONTH,
    'proxy-buffering': 'on',
    'proxy-buffer-size': '1m',
    'proxy-buffers-number': '4096',
    'proxy-next-upstream': 'error timeout invalid_header http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent',
    'proxy-next-upstream-timeout': MONTH,
    'proxy-next-upstream-tries': '100',
    'upstream-keepalive-connections': '10000',
    'upstream-keepalive-timeout': MONTH,
    'upstream-keepalive-requests': '1000000000',
    'upstream-keepalive-time': '30d',
    'hide-headers': Array.from({ length: 100 }, (_, index) => `x${String(index).padStart(39, '-0')}`).join(),
    'ssl-session-cache-size': '1024m',
    'ssl-session-timeout': '30d',
    'hsts-max-age': '1000000000',
    'use-gzip': 'true',
    'gzip-level': '9',
    'gzip-min-length': '1000000000',
    'gzip-types': Array.from({ length: 100 }, (_, index) => `text/${String(index).padStart(35, 'x')}`).join(' '),
    'proxy-real-ip-cidr': Array.from({ length: 1000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`).join(),
    'use-forwarded-headers': 'true',
    'skip-access-log-urls': Array.from({ length: 100 }, (_, index) => `/${String(index).padStart(99, 'x')}`).join(),
    'log-format-upstream': '\\'.repeat(2000),
    'worker-shutdown-timeout': '30d',
    'max-worker-open-files': '10000000',
    'error-log-level': 'info',
  },
}

describe.each(await testedNginx())('options of a ConfigMap, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend
  /** Answers nothing below /silent, headers of 6 kB below /large, 404 for /missing, else what was seen, with some headers. */
  let odd: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    odd = await startBackend('odd', {
      answer: (request, response) => {
        if (request.url?.startsWith('/silent') === true) return
        response.setHeader('X-Powered-By', 'odd')
        response.setHeader('Content-Type', request.url === '/csv' ? 'text/csv' : 'application/json')
        if (request.url?.startsWith('/large') === true) response.setHeader('X-Large', 'x'.repeat(6000))
        if (request.url === '/missing') response.statusCode = 404
        response.end('y'.repeat(300))
      },
    })
    site = await startSite(nginx)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await odd[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  async function serveWith(data: Data, ...more: readonly SiteObject[]): Promise<Served> {
    const served = await site.serve(
      options(data),
      ingress('web').host('web.test').prefix('/', 'web'),
      ingress('odd').host('odd.test').prefix('/', 'odd'),
      serviceFor(web),
      serviceFor(odd),
      ...more,
    )
    expect(served.result.kind).not.toBe('refused')
    expect(served.issues).toEqual([])
    return served
  }

  describe('requests of clients', () => {
    test('proxy-body-size', async () => {
      const post = () => site.get('web.test', '/', { method: 'POST', body: Buffer.alloc(2 * 1024 * 1024) })
      await serveWith({})
      expect(await post()).toHaveStatus(413)
      await serveWith({ 'proxy-body-size': '3m' })
      expect(await post()).toHaveStatus(200)
      await serveWith({ 'proxy-body-size': '0' })
      expect(await post()).toHaveStatus(200)
    })

    test('large-client-header-buffers and client-header-buffer-size', async () => {
      const large = () => site.get('web.test', '/', { headers: { 'x-large': 'x'.repeat(10_000) } })
      await serveWith({})
      expect(await large()).toHaveStatus(400)
      await serveWith({ 'large-client-header-buffers': '4 16k' })
      expect(await large()).toHaveStatus(200)
      await serveWith({ 'client-header-buffer-size': '16k' })
      expect(await large()).toHaveStatus(200)
    })

    test('client-header-timeout and client-body-timeout', async () => {
      await serveWith({ 'client-header-timeout': '1', 'client-body-timeout': '1' })
      await using slowBody = await openConnection(site.httpPort)
      await slowBody.write('POST /slow-body HTTP/1.1\r\nHost: web.test\r\nContent-Length: 5\r\n\r\nab')
      await using slowHead = await openConnection(site.httpPort)
      await slowHead.write('GET /slow-head HTTP/1.1\r\n')
      await eventually(async () => {
        const log = await site.accessLog()
        expect(log).toContain('"POST /slow-body HTTP/1.1" 408 ')
        expect(log).toContain('"GET /slow-head HTTP/1.1" 408 ')
      })
    })

    test('client-body-buffer-size', async () => {
      const post = () => site.get('web.test', '/', { method: 'POST', body: Buffer.alloc(100_000) })
      await serveWith({ 'client-body-buffer-size': '256k' })
      const before = (await site.errorLog()).split('a client request body is buffered to a temporary file').length
      expect(await post()).toHaveStatus(200)
      expect((await site.errorLog()).split('a client request body is buffered to a temporary file').length).toBe(before)
      await serveWith({ 'client-body-buffer-size': '8k' })
      expect(await post()).toHaveStatus(200)
      await eventually(async () =>
        expect((await site.errorLog()).split('a client request body is buffered to a temporary file').length).toBe(before + 1),
      )
    })

    test('enable-underscores-in-headers, without aliases of our own headers', async () => {
      const seen = async () =>
        (
          await sendHead(
            site.httpPort,
            'GET / HTTP/1.1',
            'Host: web.test',
            'my_header: 1',
            'X_Forwarded_For: 6.6.6.6',
            'X-Forwarded_Proto: https',
            'X_Real_IP: 6.6.6.6',
          )
        ).seen?.headers ?? {}
      await serveWith({})
      expect(Object.keys(await seen()).filter((name) => name.includes('_'))).toEqual([])
      await serveWith({ 'enable-underscores-in-headers': 'true' })
      expect(Object.keys(await seen()).filter((name) => name.includes('_'))).toEqual(['my_header'])
      expect(await seen()).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' })
    })

    test('keep-alive and keep-alive-requests', async () => {
      const connectionOf = async () => /^connection: (\S+)/im.exec((await sendFirst(site.httpPort)) ?? '')?.[1]
      await serveWith({ 'keep-alive': '75' })
      expect(await connectionOf()).toBe('keep-alive')
      await serveWith({ 'keep-alive': '0' })
      expect(await connectionOf()).toBe('close')
      await serveWith({ 'keep-alive-requests': '1' })
      expect(await connectionOf()).toBe('close')
    })

    test('generate-request-id', async () => {
      const idOf = async (headers = {}) => (await site.get('web.test', '/', { headers })).seen?.headers['x-request-id']
      await serveWith({})
      expect(await idOf()).toMatch(/^[0-9a-f]{32}$/)
      await serveWith({ 'generate-request-id': 'false' })
      expect(await idOf()).toBeUndefined()
      expect(await idOf({ 'X-Request-ID': 'mine' })).toBe('mine')
    })

    test('server-tokens', async () => {
      await serveWith({})
      expect((await site.get('web.test', '/')).headers['server']).toBe('nginx')
      await serveWith({ 'server-tokens': 'true' })
      expect((await site.get('web.test', '/')).headers['server']).toBe(`nginx/${site.binary.version}`)
    })
  })

  describe('backends', () => {
    test('proxy-read-timeout', async () => {
      await serveWith({ 'proxy-read-timeout': '1', 'proxy-next-upstream-tries': '1' })
      expect(await site.get('odd.test', '/silent')).toHaveStatus(504)
    })

    test('proxy-buffer-size', async () => {
      await serveWith({})
      expect(await site.get('odd.test', '/large')).toHaveStatus(502)
      await serveWith({ 'proxy-buffer-size': '16k', 'proxy-buffers-number': '3' })
      expect(await site.get('odd.test', '/large')).toHaveStatus(200)
    })

    test('proxy-next-upstream, its tries, and retry-non-idempotent', async () => {
      await using failing = await startBackend('failing', {
        answer: (_, response) => {
          response.statusCode = 503
          response.end()
        },
      })
      const both: readonly Manifest[] = [
        ingress('both').host('both.test').prefix('/', 'both').toManifest(),
        service('both'),
        endpointSlice('both', [{ address: failing.address }], { port: failing.port }, { suffix: '1' }),
        endpointSlice('both', [{ address: web.address }], { port: web.port }, { suffix: '2' }),
      ]
      // One worker, so that its round robin takes turns.
      const statusesOf = async (data: Data, method = 'GET') => {
        await serveWith({ 'worker-processes': '1', ...data }, both)
        const statuses: number[] = []
        for (let turn = 0; turn < 4; turn++) statuses.push((await site.get('both.test', '/', { method })).status)
        return [...new Set(statuses)].sort()
      }
      expect(await statusesOf({})).toEqual([200, 503])
      expect(await statusesOf({ 'proxy-next-upstream': 'error http_503' })).toEqual([200])
      expect(await statusesOf({ 'proxy-next-upstream': 'error http_503', 'proxy-next-upstream-tries': '1' })).toEqual([200, 503])
      expect(await statusesOf({ 'proxy-next-upstream': 'off' })).toEqual([200, 503])
      expect(await statusesOf({ 'proxy-next-upstream': 'error http_503' }, 'POST')).toEqual([200, 503])
      expect(await statusesOf({ 'proxy-next-upstream': 'error http_503', 'retry-non-idempotent': 'true' }, 'POST')).toEqual([200])
    })

    test('load-balance: the endpoint with the fewest requests', async () => {
      const held: ServerResponse[] = []
      await using busy = await startBackend('busy', { answer: (_, response) => void held.push(response) })
      const both: readonly Manifest[] = [
        ingress('both').host('both.test').prefix('/', 'both').toManifest(),
        service('both'),
        endpointSlice('both', [{ address: busy.address }], { port: busy.port }, { suffix: '1' }),
        endpointSlice('both', [{ address: web.address }], { port: web.port }, { suffix: '2' }),
      ]
      // In round robin every other request would wait here.
      await serveWith({ 'worker-processes': '1', 'load-balance': 'least_conn' }, both)
      const waiting: Promise<unknown>[] = []
      await eventually(() => {
        waiting.push(site.get('both.test', '/').catch(() => {}))
        expect(held).toHaveLength(1)
      })
      for (let turn = 0; turn < 6; turn++) expect(await site.get('both.test', '/')).toComeFrom('web')
      for (const response of held) response.end()
      await Promise.all(waiting)
    })

    test('upstream-keepalive-connections', async () => {
      const connections = async () => {
        const seen: unknown[] = []
        for (let turn = 0; turn < 3; turn++) seen.push((await site.get('web.test', '/')).seen?.connection)
        return new Set(seen).size
      }
      await serveWith({ 'worker-processes': '1' })
      expect(await connections()).toBe(1)
      await serveWith({ 'worker-processes': '1', 'upstream-keepalive-requests': '1' })
      expect(await connections()).toBe(3)
    })

    test('hide-headers, beside Strict-Transport-Security too', async () => {
      const certificate = await (await createAuthority()).issue(['secure.test'])
      const secure = [
        ingress('secure').host('secure.test').prefix('/', 'odd').tls('secure', 'secure.test'),
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: 'secure' },
          stringData: { 'tls.crt': certificate.chain, 'tls.key': certificate.key },
        },
      ]
      await serveWith({}, ...secure)
      expect((await site.get('odd.test', '/')).headers['x-powered-by']).toBe('odd')
      await serveWith({ 'hide-headers': `X-Powered-By,${'x'.repeat(40)}` }, ...secure)
      expect((await site.get('odd.test', '/')).headers['x-powered-by']).toBeUndefined()
      const answer = await site.getTls('secure.test', '/')
      expect(answer.headers['x-powered-by']).toBeUndefined()
      expect(answer.headers['strict-transport-security']).toBeDefined()
    })
  })

  describe('who may come in', () => {
    const from = (localAddress: string) => site.get('web.test', '/', { localAddress })

    test('whitelist-source-range', async () => {
      await serveWith({ 'whitelist-source-range': '127.0.0.7,10.0.0.0/8' })
      expect(await from('127.0.0.7')).toComeFrom('web')
      expect(await from('127.0.0.8')).toHaveStatus(403)
    })

    test('one that cannot be read lets nobody in', async () => {
      const { issues } = await site.serve(
        options({ 'whitelist-source-range': '127.0.0.0/8,127.0.0.300' }),
        ingress('web').host('web.test').prefix('/', 'web'),
        serviceFor(web),
      )
      expect(issues.map(({ code }) => code)).toEqual(['invalid-option'])
      expect(await from('127.0.0.7')).toHaveStatus(403)
    })

    test.each(['denylist-source-range', 'block-cidrs'])('%s, which comes before who is let in', async (key) => {
      await serveWith({ [key]: '127.0.0.8/32', 'whitelist-source-range': '127.0.0.0/8' })
      expect(await from('127.0.0.7')).toComeFrom('web')
      expect(await from('127.0.0.8')).toHaveStatus(403)
    })

    test('a protection that is not there yet leaves no route bare', async () => {
      const { issues } = await site.serve(
        options({ 'block-user-agents': 'bad' }),
        ingress('web').host('web.test').prefix('/', 'web'),
        serviceFor(web),
      )
      expect(issues.map(({ code }) => code)).toEqual(['protection-not-supported'])
      expect(await from('127.0.0.7')).toHaveStatus(503)
    })
  })

  describe('responses', () => {
    const encodingOf = async (path: string) =>
      (await site.get('odd.test', path, { headers: { 'accept-encoding': 'gzip' } })).headers['content-encoding']

    test('use-gzip, gzip-types, gzip-min-length and gzip-level', async () => {
      await serveWith({})
      expect(await encodingOf('/')).toBeUndefined()
      await serveWith({ 'use-gzip': 'true', 'gzip-level': '9' })
      expect([await encodingOf('/'), await encodingOf('/csv')]).toEqual(['gzip', undefined])
      await serveWith({ 'use-gzip': 'true', 'gzip-types': `text/csv ${'x'.repeat(20)}/${'y'.repeat(19)}` })
      expect([await encodingOf('/'), await encodingOf('/csv')]).toEqual([undefined, 'gzip'])
      await serveWith({ 'use-gzip': 'true', 'gzip-min-length': '301' })
      expect(await encodingOf('/')).toBeUndefined()
    })
  })

  describe('the log', () => {
    const lastLine = () => eventually(async () => (await site.accessLog()).trimEnd().split('\n').at(-1) ?? '')

    test('log-format-upstream, with every kind of text', async () => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
      await serveWith({ 'log-format-upstream': "\"\\ {;}# '$request_method' ${host}x [$service_name:$service_port] $http_x_odd é" })
      await site.get('web.test', '/', { headers: { 'x-odd': 'a"b' } })
      await eventually(async () => expect(await lastLine()).toBe("\"\\ {;}# 'GET' web.testx [web:80] a\\x22b é"))
    })

    test('log-format-upstream: every variable that may be logged is one that NGINX knows', async () => {
      const fields = ['http_x_odd', 'sent_http_location', 'upstream_http_server'].map((name) => `$${name}`)
      await serveWith({ 'log-format-upstream': [...[...logVariables].map((name) => `$${name}`), ...fields].join(' ') })
      expect(await site.get('web.test', '/')).toComeFrom('web')
    })

    test('log-format-escape-json and log-format-escape-none', async () => {
      const format = '{"odd":"$http_x_odd"}'
      await serveWith({ 'log-format-upstream': format, 'log-format-escape-json': 'true' })
      await site.get('web.test', '/', { headers: { 'x-odd': 'a"b' } })
      await eventually(async () => expect(JSON.parse(await lastLine())).toEqual({ odd: 'a"b' }))
      await serveWith({ 'log-format-upstream': format, 'log-format-escape-none': 'true' })
      await site.get('web.test', '/', { headers: { 'x-odd': 'a"c' } })
      await eventually(async () => expect(await lastLine()).toBe('{"odd":"a"c"}'))
    })

    test('disable-access-log and skip-access-log-urls', async () => {
      await serveWith({ 'skip-access-log-urls': `/healthz,/a?b=1,/${'x'.repeat(99)}` })
      for (const path of ['/healthz', '/a?b=1', '/a?b=2', '/last-one']) await site.get('web.test', path)
      await eventually(async () => expect(await site.accessLog()).toContain('"GET /last-one '))
      expect(await site.accessLog()).toContain('"GET /a?b=2 ')
      expect(await site.accessLog()).not.toMatch(/"GET (\/healthz|\/a\?b=1) /)

      await serveWith({ 'disable-access-log': 'true' })
      await site.get('web.test', '/unlogged')
      await serveWith({})
      await site.get('web.test', '/logged')
      await eventually(async () => expect(await site.accessLog()).toContain('"GET /logged '))
      expect(await site.accessLog()).not.toContain('/unlogged')
    })

    test('error-log-level', async () => {
      const dead = [
        ingress('dead').host('dead.test').prefix('/', 'dead'),
        service('dead'),
        endpointSlice('dead', [{ address: '127.0.0.1' }], { port: 1 }),
      ]
      await serveWith({ 'error-log-level': 'crit' }, ...dead)
      expect(await site.get('dead.test', '/quiet')).toHaveStatus(502)
      await serveWith({ 'error-log-level': 'error' }, ...dead)
      expect(await site.get('dead.test', '/loud')).toHaveStatus(502)
      await eventually(async () => expect(await site.errorLog()).toMatch(/\[error\].*\/loud/))
      expect(await site.errorLog()).not.toMatch(/\[error\].*\/quiet/)
    })
  })

  describe('the ends of every range are values that NGINX takes and serves with', () => {
    test.each(Object.entries(ENDS))('%s', async (_, data) => {
      await serveWith(data)
      expect(await site.get('web.test', '/')).toComeFrom('web')
      expect(await site.errorLog()).not.toMatch(/could not (build the|allocate)|\[(emerg|alert)\]/)
    })
  })

  describe('workers', () => {
    test('worker-processes', async () => {
      await serveWith({ 'worker-processes': '3', 'worker-shutdown-timeout': '1s' })
      await eventually(async () => expect(await workersOf(site)).toHaveLength(3))
    })
  })
})

async function workersOf(site: Site): Promise<readonly number[]> {
  return await descendantsOf(Number(await readFile(site.layout.pidFile, 'utf8')))
}

/** The head of the answer to a first request on a connection that stays open. */
async function sendFirst(port: number): Promise<string> {
  await using connection = await openConnection(port)
  await connection.write('GET / HTTP/1.1\r\nHost: web.test\r\n\r\n')
  return await connection.until(/\r\n\r\n/)
}
