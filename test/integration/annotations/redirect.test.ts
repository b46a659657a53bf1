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

  function redirecting(annotations: Readonly<Record<string, string>>, host = 'shop.test') {
    return Object.entries(annotations)
      .reduce((built, [key, value]) => built.annotation(PREFIX + key, value), ingress(host.replace('.test', '')).host(host))
      .prefix('/old', 'web')
  }

  /** Of each set of annotations, on a host of its own: what a request is answered, and the codes of its Issues. */
  async function answersOf(sets: readonly Readonly<Record<string, string>>[]) {
    const hosts = sets.map((_, index) => `shop${index}.test`)
    const { issues } = await site.serve(...sets.map((annotations, index) => redirecting(annotations, hosts[index])), serviceFor(web))
    return await Promise.all(
      sets.map(async (annotations, index) => {
        const { status, headers } = await site.get(hosts[index]!, '/old/x?y=z')
        const codes = issues.filter(({ object }) => object?.name === `shop${index}`).map(({ code }) => code as string)
        return { annotations, answer: [status, headers.location], codes }
      }),
    )
  }

  const NEW = 'https://new.test/shop?from=old'

  test('valid values', async () => {
    const cases: readonly (readonly [Readonly<Record<string, string>>, readonly [number, string | undefined]])[] = [
      [{ 'permanent-redirect': NEW }, [301, NEW]],
      [{ 'permanent-redirect': NEW, 'permanent-redirect-code': '308' }, [308, NEW]],
      [{ 'temporal-redirect': NEW }, [302, NEW]],
      [{ 'temporal-redirect': NEW, 'temporal-redirect-code': '307' }, [307, NEW]],
      [{ 'temporal-redirect': NEW, 'temporal-redirect-code': '303', 'permanent-redirect': 'https://never.test/' }, [303, NEW]],
      [{ 'permanent-redirect': 'http://new.test:8080' }, [301, 'http://new.test:8080']],
      [{ 'permanent-redirect': '/new#top' }, [301, 'http://shop6.test/new#top']],
      [{ 'permanent-redirect': 'https://new.test/%24x/a%20b' }, [301, 'https://new.test/%24x/a%20b']],
      [{ 'permanent-redirect-code': '308' }, [200, undefined]],
    ]
    expect(await answersOf(cases.map(([annotations]) => annotations))).toEqual(
      cases.map(([annotations, answer]) => ({ annotations, answer, codes: [] })),
    )
  })

  test('a code that is invalid gives way to the default', async () => {
    const sets = ['300', '304', '306', '309', '200', '404', '0', '-1', '301; return 418', 'permanent'].flatMap((code) => [
      { 'permanent-redirect': NEW, 'permanent-redirect-code': code },
      { 'temporal-redirect': NEW, 'temporal-redirect-code': code },
    ])
    const permanentOnly = { 'temporal-redirect': NEW, 'temporal-redirect-code': '308' }
    expect(await answersOf([...sets, permanentOnly])).toEqual(
      [...sets, permanentOnly].map((annotations) => ({
        annotations,
        answer: ['permanent-redirect' in annotations ? 301 : 302, NEW],
        codes: ['invalid-annotation'],
      })),
    )
  })

  test('a URL that is invalid redirects nobody: the path is served', async () => {
    const sets = [
      'https://ok.test$request_uri',
      'javascript:alert(document.domain)',
      'https://x.test/; } location / { return 418',
      'https://x.test/"; return 418; #',
      'https://user@x.test/',
      '//evil.test/',
      'new.test',
      'https://x.test/\r\nSet-Cookie: a=b',
    ].flatMap((url) => [{ 'permanent-redirect': url }, { 'temporal-redirect': url }])
    expect(await answersOf(sets)).toEqual(
      sets.map((annotations) => ({ annotations, answer: [200, undefined], codes: ['invalid-annotation'] })),
    )
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
