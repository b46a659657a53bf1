/** upstream-vhost: the name by which a backend is asked for. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'upstream-vhost'

describe.each(await testedNginx())('annotation upstream-vhost, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
  })
  afterAll(() => started.disposeAsync())

  const shop = (value: string) => annotated('shop', 'shop.test', 'web', { [KEY]: value })
  const sibling = () => annotated('sibling', 'unused.test', 'web', {}).host('shop.test').prefix('/sibling', 'web')

  test('the backend gets that Host, X-Forwarded-Host keeps the original, and a sibling gets its own', async () => {
    const { issues } = await site.serve(shop('internal.example:8080'), sibling(), serviceFor(web))
    expect(issues).toEqual([])
    const { seen } = await site.get('shop.test', '/')
    expect(seen?.headers).toMatchObject({ host: 'internal.example:8080', 'x-forwarded-host': 'shop.test' })
    expect((await site.get('shop.test', '/sibling')).seen?.headers).toMatchObject({ host: 'shop.test', 'x-forwarded-host': 'shop.test' })
  })

  test('all other headers are as they are without it, and as little to be forged', async () => {
    await site.serve(shop('internal.example'), sibling(), serviceFor(web))
    const forged = {
      'X-Request-ID': 'mine',
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil.test',
      'X-Forwarded-Proto': 'https',
      'X-Real-IP': '6.6.6.6',
      'X-Original-URL': '/admin',
      'Ssl-Client-Verify': 'SUCCESS',
      Forwarded: 'for=6.6.6.6',
      Proxy: 'evil.test',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
    }
    const headersAt = async (path: string) => (await site.get('shop.test', path, { headers: forged })).seen?.headers
    const expected = { ...(await headersAt('/sibling')), host: 'internal.example' }
    expect(await headersAt('/')).toEqual(expected)
    expect(expected).toMatchObject({ 'x-forwarded-host': 'shop.test', 'x-real-ip': '127.0.0.1', upgrade: 'websocket' })
  })

  test.each([
    ['web.internal', 'web.internal'],
    ['Web.Internal', 'Web.Internal'],
    ['10.0.0.1:8443', '10.0.0.1:8443'],
    ['my_service', 'my_service'],
    ['$service_name.$namespace.svc.cluster.local:$service_port', 'web.default.svc.cluster.local:80'],
    ['${service_name}-x.${namespace}', 'web-x.default'],
  ])('%s comes to %s', async (value, host) => {
    const { issues } = await site.serve(shop(value), serviceFor(web))
    expect(issues).toEqual([])
    expect((await site.get('shop.test', '/')).seen?.headers.host).toBe(host)
  })

  test.each([
    '',
    '$http_x_host',
    '$host',
    '$service_names',
    '${service_name',
    '$$namespace',
    'a.test\\r\\nX-Smuggled: 1',
    'a.test\r\nX-Smuggled: 1',
    'a.test, b.test',
    'a.test/admin',
    'user@a.test',
    'a.test:0',
    'a.test:99999',
    'a.test:port',
    '[::1]',
    '-a.test',
    `${'a'.repeat(254)}`,
  ])('%j is told and has no effect', async (value) => {
    const { issues } = await site.serve(shop(value), serviceFor(web))
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set([`shop ${KEY}`]))
    expect((await site.get('shop.test', '/')).seen?.headers.host).toBe('shop.test')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const names = [
      '_',
      'default',
      'include',
      'hostnames',
      'volatile',
      'off',
      'victim.test.',
      'xn--bcher-kva.test',
      '2130706433',
      'localhost',
    ]
    const words = ['kubernetes.default.svc', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'NaN', '1e21', '0']
    const hostile = hostileIngresses([KEY], 'web', [
      ...names,
      ...words,
      'null',
      'undefined',
      `${'a'.repeat(63)}.test`,
      `${'a'.repeat(64)}.test`,
    ])
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    for (let index = 0; index < hostile.length; index += 10)
      expect((await site.get(`h${index}.test`, '/')).seen?.headers.host).toBe(`h${index}.test`)
  })
})
