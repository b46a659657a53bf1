/** Who the client is, behind proxies that are believed and in front of ones that are not. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { sendRaw } from '../support/client.ts'
import { ingress, options, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

/** The address of the proxy that is believed in these tests, and of a client that speaks for itself. */
const PROXY = '127.0.0.7'
const STRANGER = '127.0.0.8'
const CLIENT = '203.0.113.9'
const SPOKEN = {
  'X-Forwarded-For': CLIENT,
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'public.test:8443, other.test',
  'X-Forwarded-Port': '8443',
}
const TOLD = ['x-real-ip', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'x-scheme'] as const

describe.each(await testedNginx())('forwarded requests, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx, { options: { publicHttpsPort: 443 } })
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  async function serveWith(data: Readonly<Record<string, string>>): Promise<void> {
    const { issues, result } = await site.serve(options(data), ingress('shop').host('shop.test').prefix('/', 'web'), serviceFor(web))
    expect(result.kind).not.toBe('refused')
    expect(issues).toEqual([])
  }

  /** What the backend is told of a request from an address that says all of this. */
  async function told(localAddress: string, headers: Readonly<Record<string, string>> = SPOKEN): Promise<readonly unknown[]> {
    const answer = await site.get('shop.test', '/', { localAddress, headers })
    return TOLD.map((name) => answer.seen?.headers[name])
  }
  const own = (address: string) => [address, address, 'http', 'shop.test', String(site.httpPort), 'http']

  test('by default nobody is believed', async () => {
    await serveWith({ 'proxy-real-ip-cidr': `${PROXY}/32` })
    expect(await told(PROXY)).toEqual(own(PROXY))
  })

  test('use-forwarded-headers believes the proxies of proxy-real-ip-cidr, and nobody else', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': `${PROXY}/32` })
    expect(await told(PROXY)).toEqual([CLIENT, CLIENT, 'https', 'public.test:8443', '8443', 'https'])
    expect(await told(STRANGER)).toEqual(own(STRANGER))
  })

  test('a proxy that is believed may say nothing, or nonsense', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': `${PROXY}/32` })
    expect(await told(PROXY, {})).toEqual(own(PROXY))
    expect(
      await told(PROXY, { 'X-Forwarded-Proto': 'gopher', 'X-Forwarded-Host': '<a>', 'X-Forwarded-Port': 'x', 'X-Forwarded-For': 'me' }),
    ).toEqual(own(PROXY))
    const https = await told(PROXY, { 'X-Forwarded-Proto': 'HTTPS, http' })
    expect(https).toEqual([PROXY, PROXY, 'https', 'shop.test', '443', 'https'])
  })

  test('the client is the last address of the list that is no proxy of ours', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': `${PROXY}/32,10.0.0.0/8` })
    const [realIp] = await told(PROXY, { 'X-Forwarded-For': `6.6.6.6, ${CLIENT}, 10.1.1.1` })
    expect(realIp).toBe(CLIENT)
  })

  test('a redirect to https stops where a believed proxy has spoken it', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': `${PROXY}/32`, 'force-ssl-redirect': 'true' })
    const headers = { 'X-Forwarded-Proto': 'https' }
    expect(await site.get('shop.test', '/', { localAddress: PROXY, headers })).toComeFrom('web')
    expect(await site.get('shop.test', '/', { localAddress: PROXY })).toHaveStatus(308)
    expect(await site.get('shop.test', '/', { localAddress: STRANGER, headers })).toHaveStatus(308)
  })

  test('compute-full-forwarded-for appends to the list of a believed proxy, and to nobody else’s', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'compute-full-forwarded-for': 'true', 'proxy-real-ip-cidr': `${PROXY}/32` })
    expect((await told(PROXY, { 'X-Forwarded-For': `6.6.6.6, ${CLIENT}` }))[1]).toBe(`6.6.6.6, ${CLIENT}, ${PROXY}`)
    expect((await told(PROXY, {}))[1]).toBe(PROXY)
    expect((await told(STRANGER))[1]).toBe(STRANGER)
  })

  test('enable-real-ip takes the address from forwarded-for-header, and nothing else', async () => {
    await serveWith({ 'enable-real-ip': 'true', 'forwarded-for-header': 'CF-Connecting-IP', 'proxy-real-ip-cidr': PROXY })
    const headers = { ...SPOKEN, 'X-Forwarded-For': '6.6.6.6', 'CF-Connecting-IP': CLIENT }
    expect(await told(PROXY, headers)).toEqual([CLIENT, CLIENT, ...own(PROXY).slice(2)])
    expect(await told(STRANGER, headers)).toEqual(own(STRANGER))
  })

  test('who may come in is judged by the address that is believed', async () => {
    await serveWith({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': PROXY, 'denylist-source-range': CLIENT })
    expect(await site.get('shop.test', '/', { localAddress: PROXY, headers: SPOKEN })).toHaveStatus(403)
    expect(await site.get('shop.test', '/', { localAddress: STRANGER, headers: SPOKEN })).toComeFrom('web')
  })

  describe('use-proxy-protocol', () => {
    /** What the backend is told of a request whose connection begins with the PROXY protocol's line. */
    async function toldByProxy(source: string, port: number, headers: Readonly<Record<string, string>> = {}): Promise<readonly unknown[]> {
      const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
      const head = [`PROXY TCP4 ${source} 192.0.2.1 4000 ${port}`, 'GET / HTTP/1.0', 'Host: shop.test', ...fields, '', ''].join('\r\n')
      const answer = await sendRaw(site.httpPort, head)
      const seen = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
      return TOLD.map((name) => seen.headers[name])
    }

    test('takes the address from the line, and refuses a connection without it', async () => {
      await serveWith({ 'use-proxy-protocol': 'true', 'proxy-real-ip-cidr': '127.0.0.0/8' })
      expect(await toldByProxy(CLIENT, 80)).toEqual(own(CLIENT))
      expect(await sendRaw(site.httpPort, 'GET / HTTP/1.0\r\nHost: shop.test\r\n\r\n')).toBe('')
    })

    test('a balancer’s port 443 is https', async () => {
      await serveWith({ 'use-proxy-protocol': 'true', 'proxy-real-ip-cidr': '127.0.0.0/8' })
      expect(await toldByProxy(CLIENT, 443)).toEqual([CLIENT, CLIENT, 'https', 'shop.test', '443', 'https'])
    })

    test('a peer that is not believed keeps its own address, whatever its line says', async () => {
      await serveWith({ 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '10.0.0.0/8' })
      expect(await toldByProxy('10.1.1.1', 80, SPOKEN)).toEqual(own('127.0.0.1'))
    })

    test('forwarded headers count only where the source of the line is believed too', async () => {
      await serveWith({ 'use-proxy-protocol': 'true', 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '127.0.0.0/8,10.0.0.0/8' })
      expect(await toldByProxy(CLIENT, 80, { ...SPOKEN, 'X-Forwarded-For': '6.6.6.6' })).toEqual(own(CLIENT))
      const believed = await toldByProxy('10.1.1.1', 80, SPOKEN)
      expect(believed).toEqual(['10.1.1.1', CLIENT, 'https', 'public.test:8443', '8443', 'https'])
    })
  })
})
