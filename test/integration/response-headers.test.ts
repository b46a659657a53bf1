import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { sendRaw } from '../support/client.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

/** What the backend answers, by path. */
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/redirect': (response) => response.setHeader('X-Accel-Redirect', '/other').end('its own'),
  // NGINX limits the rate of what it buffers.
  '/slow': (response) => response.setHeader('X-Accel-Limit-Rate', '1').setHeader('X-Accel-Buffering', 'yes').end('x'.repeat(100_000)),
  '/server': (response) => response.setHeader('Server', 'Secret/1.2.3').end(),
}

describe.each(await testedNginx())('what a client is told, NGINX %s', (version, nginx) => {
  let site: Site
  let backends: readonly Backend[]

  beforeAll(async () => {
    backends = [
      await startBackend('web', { answer: (request, response) => answers[request.url ?? '']?.(response) }),
      await startBackend('other'),
    ]
    site = await startSite(nginx)
    await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'web').prefix('/other', 'other').prefix('/gone', 'no-such-service'),
      ...backends.map((backend) => serviceFor(backend)),
    )
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    for (const backend of backends) await backend[Symbol.asyncDispose]()
  })

  test("a backend's X-Accel-Redirect leads nowhere", async () => {
    const answer = await site.get('shop.test', '/redirect')
    expect(answer).toHaveStatus(200)
    expect(answer.body).toBe('its own')
    expect(answer.headers['x-accel-redirect']).toBeUndefined()
  })

  test("a backend's X-Accel-Limit-Rate slows nothing down", async () => {
    // At the rate that it names, this would take a day.
    expect((await site.get('shop.test', '/slow')).body).toHaveLength(100_000)
  })

  test('the server is nginx, of no version, and never the backend', async () => {
    for (const path of ['/server', '/other', '/gone']) expect((await site.get('shop.test', path)).headers.server).toBe('nginx')
    expect((await site.getTls('shop.test', '/other')).headers.server).toBe('nginx')
  })

  test.each([
    ['404', 'GET / HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\n\r\n'],
    ['503', 'GET /gone HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'],
    ['400', 'GET / HTTP/1.1\r\n\r\n'],
    ['405', 'TRACE / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n'],
    ['414', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: shop.test\r\n\r\n`],
    ['505', 'GET / HTTP/3.0\r\nHost: shop.test\r\n\r\n'],
  ])('the page of a %s shows no version', async (status, request) => {
    const answer = await sendRaw(site.httpPort, request)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toContain('<center>nginx</center>')
    expect(answer).toContain('\r\nServer: nginx\r\n')
    expect(answer).not.toContain(version)
  })

  test('neither does the page for plain http on the https port', async () => {
    const answer = await sendRaw(site.httpsPort, 'GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n')
    expect(answer).toContain('plain HTTP request was sent to HTTPS port')
    expect(answer).toContain('<center>nginx</center>')
    expect(answer).not.toContain(version)
  })
})
