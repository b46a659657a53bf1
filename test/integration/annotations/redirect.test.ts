import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { ingress, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'

describe.each(await testedNginx())('permanent-redirect and temporal-redirect, NGINX %s', (_version, nginx) => {
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

  function redirecting(annotations: Readonly<Record<string, string>>) {
    return Object.entries(annotations)
      .reduce((built, [key, value]) => built.annotation(PREFIX + key, value), ingress('shop').host('shop.test'))
      .prefix('/old', 'web')
  }

  async function answerOf(annotations: Readonly<Record<string, string>>) {
    const { issues } = await site.serve(redirecting(annotations), serviceFor(web))
    const { status, headers } = await site.get('shop.test', '/old/x?y=z')
    return { answer: [status, headers.location], codes: issues.map(({ code }) => code as string) }
  }

  const NEW = 'https://new.test/shop?from=old'

  test.each([
    [{ 'permanent-redirect': NEW }, [301, NEW]],
    [{ 'permanent-redirect': NEW, 'permanent-redirect-code': '308' }, [308, NEW]],
    [{ 'temporal-redirect': NEW }, [302, NEW]],
    [{ 'temporal-redirect': NEW, 'temporal-redirect-code': '307' }, [307, NEW]],
    [{ 'temporal-redirect': NEW, 'temporal-redirect-code': '303', 'permanent-redirect': 'https://never.test/' }, [303, NEW]],
    [{ 'permanent-redirect': 'http://new.test:8080' }, [301, 'http://new.test:8080']],
    [{ 'permanent-redirect': '/new#top' }, [301, 'http://shop.test/new#top']],
    [{ 'permanent-redirect': 'https://new.test/%24x/a%20b' }, [301, 'https://new.test/%24x/a%20b']],
  ])('%j', async (annotations, answer) => {
    expect(await answerOf(annotations)).toEqual({ answer, codes: [] })
  })

  test.each(['300', '304', '306', '309', '200', '404', '0', '-1', '301; return 418', 'permanent'])(
    'the code %j is invalid, and the default is sent',
    async (code) => {
      expect(await answerOf({ 'permanent-redirect': NEW, 'permanent-redirect-code': code })).toEqual({
        answer: [301, NEW],
        codes: ['invalid-annotation'],
      })
      expect(await answerOf({ 'temporal-redirect': NEW, 'temporal-redirect-code': code })).toEqual({
        answer: [302, NEW],
        codes: ['invalid-annotation'],
      })
    },
  )

  test('308 is no temporary code', async () => {
    expect(await answerOf({ 'temporal-redirect': NEW, 'temporal-redirect-code': '308' })).toEqual({
      answer: [302, NEW],
      codes: ['invalid-annotation'],
    })
  })

  test.each([
    'https://ok.test$request_uri',
    'javascript:alert(document.domain)',
    'https://x.test/; } location / { return 418',
    'https://x.test/"; return 418; #',
    'https://user@x.test/',
    '//evil.test/',
    'new.test',
    'https://x.test/\r\nSet-Cookie: a=b',
  ])('the URL %j is invalid, and the path is served', async (url) => {
    for (const key of ['permanent-redirect', 'temporal-redirect'])
      expect(await answerOf({ [key]: url })).toEqual({ answer: [200, undefined], codes: ['invalid-annotation'] })
  })

  test('a redirect needs no backend, and other paths of the host are untouched', async () => {
    const { issues } = await site.serve(
      redirecting({ 'permanent-redirect': NEW }).prefix('/gone', 'missing'),
      ingress('other').host('shop.test').prefix('/', 'web'),
      serviceFor(web),
    )
    expect(issues).toEqual([])
    expect((await site.get('shop.test', '/gone')).headers.location).toBe(NEW)
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })

  test('an Ingress that is closed redirects nowhere', async () => {
    await site.serve(redirecting({ 'permanent-redirect': NEW, 'auth-snippet': 'x' }), serviceFor(web))
    expect(await site.get('shop.test', '/old')).toHaveStatus(503)
  })

  test('plain http goes to the URL at once', async () => {
    await site.serve(redirecting({ 'permanent-redirect': NEW }).tls(undefined, 'shop.test'), serviceFor(web))
    expect((await site.get('shop.test', '/old')).headers.location).toBe(NEW)
    expect(await site.get('shop.test', '/')).toHaveStatus(308)
  })
})
