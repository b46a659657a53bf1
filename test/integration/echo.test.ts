import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { EchoAnswer } from '../../src/echo.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import type { Answer } from '../support/client.ts'
import { endpointSlice, ingress, service, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

function echoIn(answer: Answer): EchoAnswer {
  expect(answer).toHaveStatus(200)
  expect(answer.headers['content-type']).toBe('application/json')
  return JSON.parse(answer.body)
}

describe.each(await testedNginx())('the echo, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = await startSite(nginx, { echo: true })
    web = await startBackend('web')
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await web?.[Symbol.asyncDispose]()
  })

  test('answers for a Service that does not exist: which was chosen, and what arrived', async () => {
    const { issues } = await site.serve(ingress('shop').namespace('store').host('shop.test').prefix('/cart', 'cart', 8080))
    const echo = echoIn(await site.get('shop.test', '/cart/a%20b?c=d', { headers: { 'x-color': 'blue' } }))
    expect(echo).toMatchObject({
      service: { namespace: 'store', name: 'cart', port: '8080' },
      method: 'GET',
      path: '/cart/a%20b?c=d',
      host: 'shop.test',
      headers: { 'x-color': 'blue', 'x-forwarded-proto': 'http', 'x-real-ip': '127.0.0.1' },
    })
    expect(issues.map(({ code, message }) => ({ code, message }))).toEqual([
      { code: 'backend-not-found', message: 'Service store/cart does not exist; the echo answers requests until it does' },
    ])
  })

  test('answers for Services without endpoints, each under its own name and port', async () => {
    await site.serve(
      ingress('shop').host('shop.test').prefix('/named', 'idle', 'http').prefix('/starting', 'starting').prefix('/wrong', 'idle', 81),
      service('idle', [{ name: 'http', port: 80 }]),
      service('starting'),
      endpointSlice('starting', [{ address: web.address, ready: false }], { port: web.port }),
    )
    const chosen = async (path: string) => echoIn(await site.get('shop.test', path)).service
    expect(await chosen('/named')).toEqual({ namespace: 'default', name: 'idle', port: 'http' })
    expect(await chosen('/starting')).toEqual({ namespace: 'default', name: 'starting', port: '80' })
    expect(await chosen('/wrong')).toEqual({ namespace: 'default', name: 'idle', port: '81' })
  })

  test('does not stand in for a Service with endpoints, nor for a path of no rule', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/web', 'web').prefix('/missing', 'missing'), serviceFor(web))
    expect(await site.get('shop.test', '/web')).toComeFrom('web')
    expect(echoIn(await site.get('shop.test', '/missing')).service.name).toBe('missing')
    expect(await site.get('shop.test', '/')).toHaveStatus(404)
    expect(await site.get('other.test', '/')).toHaveStatus(404)
  })

  test('gives way to the Service once it has endpoints', async () => {
    const route = ingress('shop').host('shop.test').prefix('/', 'web')
    await site.serve(route, service('web'))
    expect(echoIn(await site.get('shop.test', '/')).service.name).toBe('web')
    await site.serve(route, serviceFor(web))
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })

  test.each(['X-Nginx-Ts-Echo', 'x-nginx-ts-echo', 'X_Nginx_Ts_Echo'])(
    'a client cannot say which Service was chosen: %s',
    async (header) => {
      await site.serve(ingress('shop').host('shop.test').prefix('/', 'missing'))
      const forged = JSON.stringify({ namespace: 'kube-system', service: 'admin', port: '1' })
      const answer = await site.get('shop.test', '/', { headers: { [header]: [forged, forged] } })
      expect(echoIn(answer).service).toEqual({ namespace: 'default', name: 'missing', port: '80' })
      expect(answer.body).not.toContain('kube-system')
    },
  )

  test('takes requests with a body, over TLS, and of every method', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'missing'))
    const posted = echoIn(await site.getTls('shop.test', '/order', { method: 'POST', body: 'x'.repeat(500_000) }))
    expect(posted).toMatchObject({ method: 'POST', path: '/order', headers: { 'content-length': '500000', 'x-forwarded-proto': 'https' } })
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect(echoIn(await site.get('shop.test', '/', { method, body: 'x' })).method).toBe(method)
    }
    expect(await site.get('shop.test', '/', { method: 'HEAD' })).toHaveStatus(200)
  })

  // biome-ignore lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
  const hostilePorts = ['"; return 200', '$request_id', '${dollar}', '\\', 'a\r\nX-Evil: 1', 'UPPER', 'sixteen-chars-xx']
  test('a port or a name that none can have gets 503, and the others their echo', async () => {
    const hostileNames = ['"', '$host', 'a/b', '../admin', '']
    const route = ingress('shop').host('shop.test').prefix('/', 'missing')
    hostilePorts.forEach((port, index) => void route.prefix(`/port/${index}`, 'missing', port))
    hostileNames.forEach((name, index) => void route.prefix(`/name/${index}`, name))
    const { result, issues } = await site.serve(route)
    expect(result.kind).toBe('applied')
    for (const index of hostilePorts.keys()) expect(await site.get('shop.test', `/port/${index}`)).toHaveStatus(503)
    for (const index of hostileNames.keys()) expect(await site.get('shop.test', `/name/${index}`)).toHaveStatus(503)
    expect(echoIn(await site.get('shop.test', '/')).service.name).toBe('missing')
    expect(issues).toHaveLength(1 + hostilePorts.length + hostileNames.length)
  })

  test('a Service with a gRPC port and no endpoints is echoed over plain HTTP', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'greeter'), service('greeter', [{ port: 80, appProtocol: 'grpc' }]))
    expect(echoIn(await site.get('shop.test', '/')).service.name).toBe('greeter')
  })
})
