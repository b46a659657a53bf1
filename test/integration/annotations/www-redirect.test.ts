import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import { type IngressBuilder, ingress, type Manifest, serviceFor, tlsSecret } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const WWW = 'nginx.ingress.kubernetes.io/from-to-www-redirect'
const authority = await createAuthority()
const both = await authority.issue(['shop.test', 'www.shop.test'])
const one = await authority.issue(['shop.test'])

describe.each(await testedNginx())('from-to-www-redirect, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  const serve = (...objects: readonly (IngressBuilder | Manifest)[]) => site.serve(...objects, serviceFor(web))
  const shop = (host = 'shop.test', value = 'true') => ingress('shop').annotation(WWW, value).host(host).prefix('/', 'web')

  async function serialShownTo(name: string): Promise<string> {
    const socket = connect({ port: site.httpsPort, host: '127.0.0.1', servername: name, rejectUnauthorized: false })
    try {
      await once(socket, 'secureConnect')
      return new X509Certificate(socket.getPeerCertificate().raw).serialNumber
    } finally {
      socket.destroy()
    }
  }

  test.each([
    ['shop.test', 'www.shop.test'],
    ['www.shop.test', 'shop.test'],
  ])('%s is what %s redirects to, URI and port kept', async (host, other) => {
    const { issues } = await serve(shop(host))
    expect(issues).toEqual([])
    for (const uri of ['/', '/x/', '/a%2Fb//c?d=e', '//evil.test/']) {
      const answer = await site.get(other, uri)
      expect(answer).toHaveStatus(308)
      expect(answer.headers.location).toBe(`http://${host}${uri}`)
    }
    expect((await site.get(`${other}:8080`, '/x')).headers.location).toBe(`http://${host}:8080/x`)
    expect((await site.getTls(`${other}:8443`, '/x', { sni: other })).headers.location).toBe(`https://${host}:8443/x`)
    expect(await site.get(host, '/')).toComeFrom('web')
    expect(await site.get(`a.${host}`, '/')).toHaveStatus(404)
  })

  test('a name with rules of its own is served', async () => {
    const { issues } = await serve(shop(), ingress('www').host('www.shop.test').prefix('/own', 'web'))
    expect(issues.map(({ code }) => code)).toEqual(['www-redirect-not-possible'])
    expect(await site.get('www.shop.test', '/own')).toComeFrom('web')
    expect(await site.get('www.shop.test', '/')).toHaveStatus(404)
  })

  test('rules for the name may come later, and go', async () => {
    await serve(shop())
    expect(await site.get('www.shop.test', '/')).toHaveStatus(308)
    await serve(shop(), ingress('www').host('www.shop.test').prefix('/', 'web'))
    expect(await site.get('www.shop.test', '/')).toComeFrom('web')
    await serve(shop())
    expect(await site.get('www.shop.test', '/')).toHaveStatus(308)
  })

  test.each([['*.shop.test'], [undefined]])('host %s has no other name', async (host) => {
    const { issues } = await serve(ingress('shop').annotation(WWW, 'true').host(host).prefix('/', 'web'))
    expect(issues.map(({ code }) => code)).toEqual(['www-redirect-not-possible'])
  })

  test('a name that two hosts would redirect is redirected to one', async () => {
    const { issues } = await serve(shop(), ingress('deep').annotation(WWW, 'true').host('www.www.shop.test').prefix('/', 'web'))
    expect(issues.map(({ code, object }) => [code, object?.name])).toEqual([['www-redirect-not-possible', 'deep']])
    expect((await site.get('www.shop.test', '/')).headers.location).toBe('http://shop.test/')
  })

  test('shows a certificate that is made out for it, else the default one', async () => {
    await serve(shop().tls('both', 'shop.test'), tlsSecret('both', both.chain, both.key))
    expect(await serialShownTo('www.shop.test')).toBe(both.serial)
    await serve(shop().tls('one', 'shop.test'), tlsSecret('one', one.chain, one.key))
    expect([one.serial, both.serial]).not.toContain(await serialShownTo('www.shop.test'))
    expect(await serialShownTo('shop.test')).toBe(one.serial)
  })

  test.each(['false', 'yes', '"; return 418; #'])('%j redirects nothing', async (value) => {
    const { issues } = await serve(shop('shop.test', value))
    expect(issues.map(({ code }) => code)).toEqual(value === 'false' ? [] : ['invalid-annotation'])
    expect(await site.get('www.shop.test', '/')).toHaveStatus(404)
  })
})
