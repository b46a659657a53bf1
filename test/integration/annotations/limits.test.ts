import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { eventually } from '../../support/eventually.ts'
import { type IngressBuilder, ingress, options, serviceFor } from '../../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const AWAY = '127.0.0.2'
/** A rate at which none is added while a test runs: its burst and one more pass. */
const ONE_A_MINUTE = { 'limit-rpm': '1', 'limit-burst-multiplier': '2' }
const PASSING = 3

describe.each(await testedNginx())('limits on NGINX %s', (_version, path) => {
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

  let count = 0
  /** A shop of a name of its own, so that nothing is counted of tests before. */
  function shop(annotations: Readonly<Record<string, string>>, host = 'shop.test'): IngressBuilder {
    return Object.entries(annotations).reduce(
      (built, [key, value]) => built.annotation(PREFIX + key, value),
      ingress(`shop-${++count}`).host(host).prefix('/', 'shop'),
    )
  }

  async function serve(...objects: readonly SiteObject[]) {
    const { issues, result } = await site.serve(serviceFor(backend), ...objects)
    expect(result.kind).not.toBe('refused')
    return issues
  }

  /** Statuses of requests one after the other. */
  async function statuses(requests: number, request = () => site.get('shop.test', '/')): Promise<readonly number[]> {
    const found: number[] = []
    for (let index = 0; index < requests; index++) found.push((await request()).status)
    return found
  }

  const passed = (found: readonly number[]) => found.filter((status) => status === 200).length

  test('without annotations nothing is limited', async () => {
    await serve(shop({}))
    expect(passed(await statuses(20))).toBe(20)
  })

  test('limit-rpm lets a burst of five times the rate through, then refuses', async () => {
    expect(await serve(shop({ 'limit-rpm': '1' }))).toEqual([])
    expect(await statuses(8)).toEqual([200, 200, 200, 200, 200, 200, 503, 503])
    expect((await site.get('shop.test', '/', { localAddress: AWAY })).status).toBe(200)
  })

  test('limit-rps counts by the second', async () => {
    await serve(shop({ 'limit-rps': '1' }))
    const answers = await Promise.all(Array.from({ length: 40 }, () => site.get('shop.test', '/')))
    expect(passed(answers.map(({ status }) => status))).toBeGreaterThanOrEqual(6)
    expect(answers.some(({ status }) => status === 503)).toBe(true)
    // A second later there is room again.
    await eventually(async () => expect((await site.get('shop.test', '/')).status).toBe(200))
  })

  test('limit-rps and limit-rpm hold both', async () => {
    await serve(shop({ ...ONE_A_MINUTE, 'limit-rps': '1000' }))
    expect(passed(await statuses(6))).toBe(PASSING)
  })

  test('limit-burst-multiplier says how many may come at once', async () => {
    await serve(shop({ 'limit-rpm': '2', 'limit-burst-multiplier': '3' }))
    expect(passed(await statuses(10))).toBe(7)
  })

  test('limit-connections refuses what is under way beyond it', async () => {
    const waiting: ServerResponse[] = []
    await using slow = await startBackend('slow', { answer: (_request, response) => void waiting.push(response) })
    await site.serve(serviceFor(slow), ingress('slow').host('slow.test').prefix('/', 'slow').annotation(`${PREFIX}limit-connections`, '2'))
    const underWay = [site.get('slow.test', '/'), site.get('slow.test', '/')]
    await eventually(() => expect(waiting).toHaveLength(2))
    expect((await site.get('slow.test', '/')).status).toBe(503)
    const elsewhere = site.get('slow.test', '/', { localAddress: AWAY })
    await eventually(() => expect(waiting).toHaveLength(3))
    for (const response of waiting) response.end()
    expect((await Promise.all([...underWay, elsewhere])).map(({ status }) => status)).toEqual([200, 200, 200])
    const later = once(slow.server, 'request')
    const next = site.get('slow.test', '/')
    await later
    waiting.at(-1)?.end()
    expect((await next).status).toBe(200)
  })

  test.each(['limit-allowlist', 'limit-whitelist'])('%s names who is not limited', async (key) => {
    expect(await serve(shop({ ...ONE_A_MINUTE, [key]: `10.0.0.0/8, ${AWAY},2001:db8::1/32`, 'limit-connections': '1' }))).toEqual([])
    expect(passed(await statuses(6))).toBe(PASSING)
    expect(passed(await statuses(6, () => site.get('shop.test', '/', { localAddress: AWAY })))).toBe(6)
    expect(await site.errorLog()).not.toMatch(/meaningless|duplicate/)
  })

  test('of two spellings of it the newer one counts', async () => {
    const issues = await serve(shop({ ...ONE_A_MINUTE, 'limit-allowlist': '10.0.0.1', 'limit-whitelist': '127.0.0.0/8' }))
    expect(issues).toEqual([expect.objectContaining({ code: 'annotation-conflict', annotation: `${PREFIX}limit-whitelist` })])
    expect(passed(await statuses(6))).toBe(PASSING)
  })

  test('all paths and hosts of an Ingress count together, those of another do not', async () => {
    const twoHosts = shop(ONE_A_MINUTE).prefix('/cart', 'shop').host('other.test').prefix('/', 'shop')
    await serve(twoHosts, shop(ONE_A_MINUTE, 'third.test'))
    const places = [
      ['shop.test', '/'],
      ['shop.test', '/cart/x'],
      ['other.test', '/'],
      ['shop.test', '/cart'],
      ['other.test', '/'],
    ] as const
    const found: number[] = []
    for (const [host, url] of places) found.push((await site.get(host, url)).status)
    expect(found).toEqual([200, 200, 200, 503, 503])
    expect((await site.get('third.test', '/')).status).toBe(200)
  })

  test('headers do not make another client', async () => {
    await serve(shop(ONE_A_MINUTE))
    const found = await statuses(6, () =>
      site.get('shop.test', '/', { headers: { 'X-Forwarded-For': `192.0.2.${++count}`, 'X-Real-IP': '192.0.2.1' } }),
    )
    expect(passed(found)).toBe(PASSING)
  })

  test('they hold for logins that fail too', async () => {
    const users = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'users' },
      stringData: { auth: 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=' },
    }
    await serve(users, shop({ ...ONE_A_MINUTE, 'auth-type': 'basic', 'auth-secret': 'users' }))
    expect(await statuses(5)).toEqual([401, 401, 401, 503, 503])
  })

  test('limits change while NGINX runs', async () => {
    const limited = (annotations: Readonly<Record<string, string>>) =>
      Object.entries(annotations).reduce(
        (built, [key, value]) => built.annotation(PREFIX + key, value),
        ingress('changing').host('shop.test').prefix('/', 'shop'),
      )
    const steps = [
      { 'limit-rpm': '1' },
      { 'limit-rpm': '2' },
      { 'limit-rps': '1', 'limit-rpm': '2' },
      { 'limit-rpm': '2', 'limit-whitelist': '127.0.0.0/8' },
      { 'limit-rpm': '2', 'limit-whitelist': '127.0.0.0/8,10.0.0.0/8', 'limit-connections': '3' },
      { 'limit-rpm': '2', 'limit-whitelist': '10.0.0.0/8', 'limit-connections': '4' },
      { 'limit-connections': '5' },
    ]
    for (const step of steps) expect((await site.serve(serviceFor(backend), limited(step))).result.kind).toBe('applied')
    expect(await site.errorLog()).not.toContain('[emerg]')
    // What was counted stays counted when only the rate changes.
    await serve(limited(ONE_A_MINUTE))
    expect(passed(await statuses(6))).toBe(PASSING)
    await serve(limited({ ...ONE_A_MINUTE, 'limit-rpm': '2', 'limit-burst-multiplier': '1' }))
    expect(passed(await statuses(1))).toBe(0)
  })

  test.each([
    ['limit-req-status-code', ONE_A_MINUTE, 429],
    ['limit-conn-status-code', { 'limit-connections': '1' }, 429],
  ])('the ConfigMap says what is answered: %s', async (key, annotations, status) => {
    const waiting: ServerResponse[] = []
    await using slow = await startBackend('slow', { answer: (_request, response) => void waiting.push(response) })
    const slowShop = Object.entries(annotations).reduce(
      (built, [name, value]) => built.annotation(PREFIX + name, value),
      ingress(`slow-${++count}`).host('slow.test').prefix('/', 'slow'),
    )
    await site.serve(serviceFor(slow), slowShop, options({ [key]: String(status) }))
    const answers = Array.from({ length: 4 }, () => site.get('slow.test', '/'))
    expect((await Promise.race(answers)).status).toBe(status)
    const expected = key === 'limit-req-status-code' ? PASSING : 1
    await eventually(() => expect(waiting).toHaveLength(expected))
    for (const response of waiting) response.end()
    await Promise.all(answers)
  })

  test.each([
    ['limit-rps', ['0', '-5', '+5', '1e9', '1.5', '10r/s', '100001', '', '5;', '$x', 'ten', '1\n2', '9'.repeat(30)]],
    ['limit-rpm', ['0', '-1', '60/m', '', '100001', '0x10']],
    ['limit-connections', ['0', '-5', '65536', '', '1 1', 'x']],
    ['limit-burst-multiplier', ['0', '-1', '1001', '2147483647', '', '1.5']],
    ['limit-allowlist', ['', 'include,default', 'include', 'default', 'delete', 'ranges', 'proxy', '10.0.0.0/33', '$x', '1.2.3.4 1;']],
    ['limit-whitelist', ['', 'include,default', '10.0.0.0/33']],
  ])('bad values of %s have no effect, and the other limits hold', async (key, values) => {
    const others: Readonly<Record<string, string>> = ONE_A_MINUTE
    for (const value of values) {
      const issues = await serve(shop({ ...others, [key]: value }))
      expect([value, issues.map(({ code, annotation }) => `${code} ${annotation}`)]).toEqual([
        value,
        [`invalid-annotation ${PREFIX}${key}`],
      ])
    }
    const expected = key === 'limit-rpm' ? 7 : key === 'limit-burst-multiplier' ? 6 : PASSING
    expect(passed(await statuses(7))).toBe(expected)
  })

  test.each([
    ['limit-rps', ['1', '100000']],
    ['limit-rpm', ['1', '100000']],
    ['limit-connections', ['1', '65535']],
    ['limit-burst-multiplier', ['1', '1000']],
    ['limit-allowlist', ['0.0.0.0/0,::/0', '10.0.0.1', '10.1.2.3/8,10.0.0.0/8']],
  ])('NGINX takes both ends of %s', async (key, values) => {
    for (const value of values) {
      expect(await serve(shop({ 'limit-rps': '100000', [key]: value }))).toEqual([])
      expect((await site.get('shop.test', '/')).status).toBe(200)
    }
  })
})
