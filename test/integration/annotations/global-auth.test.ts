// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** One server decides on requests to all Ingresses: global-auth-* of the ConfigMap, and enable-global-auth to stay out of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type AuthServer, byCookie, startAuthServer } from '../../support/auth-server.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'enable-global-auth'
const IN_CLUSTER = 'http://auth.auth.svc.cluster.local/check'

describe.each(await testedNginx())('annotation enable-global-auth, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend
  let auth: AuthServer

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
    auth = started.use(await startAuthServer())
  })
  afterAll(() => started.disposeAsync())
  beforeEach(() => {
    auth.asked.length = 0
    auth.answer = byCookie
  })

  const good = { headers: { cookie: 'session=good' } }
  const serve = (keys: Readonly<Record<string, string>>, ...objects: readonly SiteObject[]) =>
    site.serve(options({ 'global-auth-url': IN_CLUSTER, ...keys }), serviceFor(web), serviceFor(auth, { namespace: 'auth' }), ...objects)
  const shop = (annotations: Readonly<Record<string, string>> = {}) => annotated('shop', 'shop.test', 'web', annotations)
  const statusAt = async (path: string, host = 'shop.test') => (await site.get(host, path)).status

  test('false leaves the Ingress out, and not a sibling of the host', async () => {
    const { issues } = await serve(
      {},
      shop({ [KEY]: 'false' }),
      annotated('sibling', 'unused.test', 'web', {}).host('shop.test').prefix('/sibling', 'web'),
      annotated('asking', 'asking.test', 'web', { [KEY]: 'true' }),
    )
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/')).toComeFrom('web')
    expect(await statusAt('/sibling')).toBe(401)
    expect(await statusAt('/', 'asking.test')).toBe(401)
    expect(await site.get('shop.test', '/sibling', good)).toComeFrom('web')
  })

  test('what an Ingress says itself comes first', async () => {
    await using own = await startAuthServer()
    own.answer = (_, response) => response.writeHead(403).end()
    const { issues } = await serve(
      {},
      shop({ 'auth-url': 'http://own.auth.svc.cluster.local/' }),
      serviceFor({ ...own, name: 'own' }, { namespace: 'auth' }),
    )
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/', good)).toHaveStatus(403)
    expect(auth.asked).toEqual([])
  })

  test('paths of no-auth-locations are left out, and what no rule matches', async () => {
    await serve({ 'no-auth-locations': '/open' }, ingress('shop').host('shop.test').prefix('/', 'web').prefix('/open', 'web'))
    expect(await statusAt('/')).toBe(401)
    expect(await site.get('shop.test', '/open/door')).toComeFrom('web')
    expect(await statusAt('/', 'nobody.test')).toBe(404)
  })

  test('challenges of ACME are left out on a host whose paths are expressions too', async () => {
    const app = annotated('app', 'unused.test', 'web', { 'use-regex': 'true' }).host('shop.test').prefix('/app/(.*)', 'web')
    const solver = ingress('solver').host('shop.test')
    await serve({}, app, solver.exact('/.well-known/acme-challenge/token', 'web').prefix('/.well-known/acme-challenge/|/', 'web'))
    expect(await site.get('shop.test', '/.well-known/acme-challenge/token')).toComeFrom('web')
    for (const path of ['/', '/app/1', '/.well-known/acme-challenge/', '/.well-known']) expect(await statusAt(path)).toBe(401)
  })

  test('the other keys say how it is asked, and what comes of the answer', async () => {
    const { issues } = await serve(
      {
        'global-auth-method': 'POST',
        'global-auth-signin': 'https://login.test/start',
        'global-auth-signin-redirect-param': 'back',
        'global-auth-response-headers': 'X-Auth-User',
        'global-auth-request-redirect': 'https://$host/again',
        'global-auth-always-set-cookie': 'true',
      },
      shop(),
    )
    expect(issues).toEqual([])
    const refused = await site.get('shop.test', '/basket')
    expect(refused).toHaveStatus(302)
    expect(refused.headers['location']).toMatch(/^https:\/\/login\.test\/start\?back=http:\/\/shop\.test.*basket$/)
    const answer = await site.get('shop.test', '/', good)
    expect(answer.seen?.headers['x-auth-user']).toBe('ann')
    expect(answer.headers['set-cookie']).toEqual(['fresh=1; Path=/'])
    expect(auth.asked.at(-1)).toMatchObject({ method: 'POST', headers: { 'x-auth-request-redirect': 'https://shop.test/again' } })
  })

  test('answers are kept by global-auth-cache-key', async () => {
    // One that sets a cookie would be the client's own.
    auth.answer = (_, response) => response.writeHead(200).end()
    await serve({ 'global-auth-cache-key': '$cookie_session', 'global-auth-cache-duration': '200 1m' }, shop())
    for (let requests = 0; requests < 3; requests++) expect(await site.get('shop.test', '/', good)).toComeFrom('web')
    expect(auth.asked).toHaveLength(1)
  })

  test.each([
    ['a URL that is none', { 'global-auth-url': 'ftp://auth.test/' }],
    ['a wrong word beside it', { 'global-auth-method': 'TRACE' }],
    ['durations that cannot be read', { 'global-auth-cache-duration': 'long' }],
  ])('%s closes all routes', async (_what, keys) => {
    const { issues } = await serve(keys, shop({ [KEY]: 'false' }))
    expect(issues).toMatchObject([{ code: 'invalid-option', field: `data.${Object.keys(keys)[0]}` }])
    expect(await site.get('shop.test', '/', good)).toHaveStatus(503)
  })

  test('a wrong word without a URL is told, and closes nothing', async () => {
    const { issues } = await serve({ 'global-auth-url': '', 'global-auth-method': 'TRACE' }, shop())
    expect(issues).toMatchObject([{ code: 'invalid-option', field: 'data.global-auth-method' }])
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })

  test('a server that cannot be asked closes what asks it, which the ConfigMap is told once', async () => {
    const { issues } = await serve(
      { 'global-auth-url': 'http://169.254.169.254/' },
      shop(),
      annotated('other', 'other.test', 'web', {}),
      annotated('open', 'open.test', 'web', { [KEY]: 'false' }),
    )
    expect(issues).toMatchObject([{ code: 'protection-unavailable', object: { kind: 'ConfigMap' }, field: 'data.global-auth-url' }])
    expect(await site.get('shop.test', '/', good)).toHaveStatus(503)
    expect(await site.get('other.test', '/', good)).toHaveStatus(503)
    expect(await site.get('open.test', '/')).toComeFrom('web')
  })

  test('takes what it can be; with anything else the server is asked', async () => {
    const bad = ['', 'no', 'off', 'nonsense']
    const { issues } = await serve({}, ...bad.map((value, index) => annotated(`i${index}`, `i${index}.test`, 'web', { [KEY]: value })))
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${index} ${KEY}`)))
    for (const index of bad.keys()) expect(await statusAt('/', `i${index}.test`)).toBe(401)
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses([KEY], 'web', ['0'])
    const { result, issues } = await serve({}, ...hostile)
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    for (let index = 0; index < hostile.length; index += 10) expect(await statusAt('/', `h${index}.test`)).toBe(401)
  })
})
