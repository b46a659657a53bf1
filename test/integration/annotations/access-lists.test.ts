import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const [HOME, AWAY] = ['127.0.0.1', '127.0.0.2']

describe.each(await testedNginx())('access lists on NGINX %s', (_version, path) => {
  let backend: Backend
  let site: Site

  beforeAll(async () => {
    backend = await startBackend('shop')
    site = await startSite(path)
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await backend?.[Symbol.asyncDispose]()
  })

  const shop = (annotations: Readonly<Record<string, string>>) =>
    Object.entries(annotations).reduce(
      (built, [key, value]) => built.annotation(key.includes('/') ? key : PREFIX + key, value),
      ingress('shop').host('shop.test').prefix('/', 'shop'),
    )

  /** Serves a shop with annotations, and gives the status for a client at home and one away. */
  async function statuses(annotations: Readonly<Record<string, string>>, ...others: readonly SiteObject[]) {
    const { issues, result } = await site.serve(serviceFor(backend), shop(annotations), ...others)
    expect(result.kind).not.toBe('refused')
    return { issues: issues.map(({ code, annotation }) => `${code} ${annotation}`), ...(await statusesNow()) }
  }

  async function statusesNow() {
    const [home, away] = [await site.get('shop.test', '/'), await site.get('shop.test', '/', { localAddress: AWAY })]
    return { home: home.status, away: away.status }
  }

  test('without annotations everybody is let in', async () => {
    expect(await statuses({})).toEqual({ issues: [], home: 200, away: 200 })
  })

  describe('values', () => {
    test.each([
      [HOME, 200, 403],
      [`${HOME}/32`, 200, 403],
      [`10.0.0.0/8, ${HOME} ,2001:db8::/32,`, 200, 403],
      ['127.0.0.0/8', 200, 200],
      ['127.1.2.3/8', 200, 200],
      ['0.0.0.0/0,::/0', 200, 200],
      ['::/0', 403, 403],
      ['2001:DB8:0::1/32', 403, 403],
    ])('%j is a list', async (value, home, away) => {
      expect(await statuses({ 'allowlist-source-range': value })).toEqual({ issues: [], home, away })
      expect(await statuses({ 'whitelist-source-range': value })).toEqual({ issues: [], home, away })
      const denied = (status: number) => (status === 200 ? 403 : 200)
      expect(await statuses({ 'denylist-source-range': value })).toEqual({ issues: [], home: denied(home), away: denied(away) })
      expect(await site.errorLog()).not.toContain('meaningless')
    })

    test.each([
      '',
      ' ',
      ',',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '010.0.0.1/32',
      '10.0.0',
      '0x7f000001',
      '::ffff:127.0.0.1',
      'unix:',
      'all',
      'include',
      'default',
      'localhost',
      'garbage',
      '$remote_addr',
      `${HOME}, garbage`,
      `${HOME} ${AWAY}`,
      `${HOME};allow all`,
      `${HOME}\nallow all`,
      `${HOME}; } location /x { return 418; }`,
      'fe80::1%eth0',
      Array.from({ length: 1001 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(),
    ])('%j lets nobody in', async (value) => {
      for (const key of ['allowlist-source-range', 'whitelist-source-range', 'denylist-source-range'])
        expect(await statuses({ [key]: value })).toEqual({ issues: [`protection-invalid ${PREFIX}${key}`], home: 503, away: 503 })
    })
  })

  test('a bad list closes, whatever a good one beside it says', async () => {
    expect(await statuses({ 'allowlist-source-range': HOME, 'denylist-source-range': 'garbage' })).toMatchObject({ home: 503, away: 503 })
  })

  test('the list of those denied comes before that of those allowed', async () => {
    const both = { 'allowlist-source-range': '127.0.0.0/8', 'denylist-source-range': AWAY }
    expect(await statuses(both)).toEqual({ issues: [], home: 200, away: 403 })
  })

  test('of two spellings the newer one counts, and of two prefixes ours', async () => {
    expect(await statuses({ 'allowlist-source-range': HOME, 'whitelist-source-range': AWAY })).toEqual({
      issues: [`annotation-conflict ${PREFIX}whitelist-source-range`],
      home: 200,
      away: 403,
    })
    expect(await statuses({ 'allowlist-source-range': HOME, 'nginx-ts.io/whitelist-source-range': AWAY })).toEqual({
      issues: [`annotation-conflict ${PREFIX}allowlist-source-range`],
      home: 403,
      away: 200,
    })
    expect(await statuses({ 'allowlist-source-range': HOME, 'whitelist-source-range': HOME })).toMatchObject({ issues: [] })
  })

  test("an Ingress' lists stand in place of the ConfigMap's", async () => {
    const closed = options({ 'whitelist-source-range': AWAY })
    expect(await statuses({}, closed)).toEqual({ issues: [], home: 403, away: 200 })
    expect(await statuses({ 'allowlist-source-range': HOME }, closed)).toEqual({ issues: [], home: 200, away: 403 })
    // What is not said is as in the ConfigMap.
    expect(await statuses({ 'denylist-source-range': AWAY }, closed)).toEqual({ issues: [], home: 403, away: 403 })
    const denying = options({ 'denylist-source-range': HOME })
    expect(await statuses({ 'denylist-source-range': AWAY }, denying)).toEqual({ issues: [], home: 200, away: 403 })
    expect(await statuses({ 'allowlist-source-range': '127.0.0.0/8' }, denying)).toEqual({ issues: [], home: 403, away: 200 })
  })

  test('who is blocked by the ConfigMap stays so', async () => {
    const blocking = options({ 'block-cidrs': AWAY })
    expect(await statuses({}, blocking)).toEqual({ issues: [], home: 200, away: 403 })
    expect(await statuses({ 'allowlist-source-range': '127.0.0.0/8' }, blocking)).toEqual({ issues: [], home: 200, away: 403 })
    expect(await statuses({ 'denylist-source-range': '10.0.0.1' }, blocking)).toEqual({ issues: [], home: 200, away: 403 })
  })

  test('a list holds for the paths of its own Ingress, however they are written', async () => {
    await site.serve(
      serviceFor(backend),
      ingress('staff').host('shop.test').prefix('/staff', 'shop').annotation(`${PREFIX}whitelist-source-range`, AWAY),
      ingress('shop').host('shop.test').prefix('/', 'shop'),
    )
    const paths = ['/staff', '/staff/', '/staff/x', '//staff/x', '/./staff', '/x/../staff/y', '/%73taff/x', '/staff%2Fx', '/staff/../staff']
    for (const each of paths) expect([each, (await site.get('shop.test', each)).status]).toEqual([each, 403])
    expect((await site.get('shop.test', '/')).status).toBe(200)
    expect((await site.get('shop.test', '/staffroom')).status).toBe(200)
  })

  test('a client cannot say that it is somebody else', async () => {
    await statuses({ 'allowlist-source-range': AWAY })
    const headers = { 'X-Forwarded-For': AWAY, 'X-Real-IP': AWAY, Forwarded: `for=${AWAY}` }
    expect((await site.get('shop.test', '/', { headers })).status).toBe(403)
  })

  test("cert-manager's solver is reached by everybody, beside a shop that is not, with and without a host", async () => {
    const solver = (host: string | undefined) =>
      ingress('cm-acme-http-solver-x7k2p')
        .host(host)
        .implementationSpecific('/.well-known/acme-challenge/ToKen_1-x', 'shop')
        .annotation(`${PREFIX}whitelist-source-range`, '0.0.0.0/0,::/0')
    const closed = [shop({ 'whitelist-source-range': AWAY }), options({ 'whitelist-source-range': AWAY })]
    for (const host of ['shop.test', undefined]) {
      const { issues } = await site.serve(serviceFor(backend), ...closed, solver(host))
      expect(issues).toEqual([])
      expect((await site.get(host ?? '192.0.2.1', '/.well-known/acme-challenge/ToKen_1-x')).status).toBe(200)
      expect((await site.get('shop.test', '/')).status).toBe(403)
    }
  })
})
