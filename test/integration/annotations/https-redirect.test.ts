import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'

describe.each(await testedNginx())('ssl-redirect and force-ssl-redirect, NGINX %s', (_version, nginx) => {
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

  /** The status of a plain request to a host with and without TLS. */
  async function statuses(annotations: Readonly<Record<string, string>>, data: Readonly<Record<string, string>> = {}) {
    const annotated = (name: string) =>
      Object.entries(annotations)
        .reduce((built, [key, value]) => built.annotation(PREFIX + key, value), ingress(name).host(`${name}.test`))
        .prefix('/', 'web')
    const { issues } = await site.serve(annotated('tls').tls(undefined, 'tls.test'), annotated('plain'), serviceFor(web), options(data))
    return {
      tls: (await site.get('tls.test', '/')).status,
      plain: (await site.get('plain.test', '/')).status,
      codes: issues.map(({ code }) => code as string),
    }
  }

  test.each([
    [{}, 308, 200],
    [{ 'ssl-redirect': 'false' }, 200, 200],
    [{ 'ssl-redirect': 'true' }, 308, 200],
    [{ 'ssl-redirect': 'F' }, 200, 200],
    [{ 'force-ssl-redirect': 'true' }, 308, 308],
    [{ 'ssl-redirect': 'false', 'force-ssl-redirect': 'true' }, 308, 308],
    [{ 'ssl-redirect': 'false', 'force-ssl-redirect': 'false' }, 200, 200],
  ])('%j', async (annotations, tls, plain) => {
    expect(await statuses(annotations)).toEqual({ tls, plain, codes: [] })
  })

  test('both go before the ConfigMap', async () => {
    expect(await statuses({ 'ssl-redirect': 'true' }, { 'ssl-redirect': 'false' })).toMatchObject({ tls: 308, plain: 200 })
    expect(await statuses({ 'force-ssl-redirect': 'false' }, { 'force-ssl-redirect': 'true' })).toMatchObject({ tls: 308, plain: 200 })
    expect(await statuses({}, { 'force-ssl-redirect': 'true', 'http-redirect-code': '301' })).toMatchObject({ tls: 301, plain: 301 })
  })

  test.each(['on', 'yes', '', '2', '"; return 418; #'])('%j is invalid, and what holds elsewhere holds', async (value) => {
    expect(await statuses({ 'ssl-redirect': value, 'force-ssl-redirect': value })).toEqual({
      tls: 308,
      plain: 200,
      codes: Array(4).fill('invalid-annotation'),
    })
  })

  test('each path goes by its own Ingress', async () => {
    await site.serve(
      ingress('tls').host('shop.test').prefix('/', 'web').tls(undefined, 'shop.test'),
      ingress('open').annotation(`${PREFIX}ssl-redirect`, 'false').host('shop.test').prefix('/open', 'web'),
      serviceFor(web),
    )
    expect(await site.get('shop.test', '/')).toHaveStatus(308)
    expect(await site.get('shop.test', '/open')).toComeFrom('web')
  })

  test('behind a trusted proxy that ended TLS there is no loop', async () => {
    const believed = options({ 'use-forwarded-headers': 'true', 'proxy-real-ip-cidr': '127.0.0.1' })
    const forced = ingress('shop').annotation(`${PREFIX}force-ssl-redirect`, 'true').host('shop.test').prefix('/', 'web')
    await site.serve(believed, forced, serviceFor(web))
    expect(await site.get('shop.test', '/', { headers: { 'X-Forwarded-Proto': 'https' } })).toComeFrom('web')
    expect(await site.get('shop.test', '/', { headers: { 'X-Forwarded-Proto': 'http' } })).toHaveStatus(308)
    await site.serve(forced, serviceFor(web))
    expect(await site.get('shop.test', '/', { headers: { 'X-Forwarded-Proto': 'https' } })).toHaveStatus(308)
  })
})
