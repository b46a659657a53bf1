/** How an endpoint is chosen: live, on each NGINX. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import loadBalancing from '../../../src/annotations/features/load-balancing.ts'
import { startBackend } from '../../support/backend.ts'
import { eventually } from '../../support/eventually.ts'
import { endpointSlice, ingress, type Manifest, options, service } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'nginx.ingress.kubernetes.io/load-balance'

describe('values', () => {
  const schema = loadBalancing.annotations['load-balance']?.value
  test.each([
    ['round_robin', 'round-robin'],
    ['least_conn', 'least-connections'],
    ['ewma', 'least-connections'],
  ])('%s is %s', (value, method) => {
    expect(schema?.parse(value)).toBe(method)
  })

  test.each([
    ['ip_hash', 'is none of round_robin, least_conn, ewma; upstream-hash-by: $remote_addr does it'],
    ['chash', 'is none of round_robin, least_conn, ewma; upstream-hash-by does it'],
    ['sticky_persistent', 'is none of round_robin, least_conn, ewma; affinity: cookie with affinity-mode: persistent does it'],
    ['round_robin; server 127.0.0.1:1', 'is none of round_robin, least_conn, ewma'],
    ['constructor', 'is none of round_robin, least_conn, ewma'],
  ])('%s is refused, and said what to write', (value, reason) => {
    expect(schema?.safeParse(value).error?.issues).toMatchObject([{ message: reason }])
  })
})

describe.each(await testedNginx())('load-balance, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  /** Requests that the slow endpoint keeps until it is told. */
  let held: (() => void)[] = []
  let objects: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx, { machine: { cpus: 4 } }))
    const slow = started.use(await startBackend('slow', { answer: (_, response) => void held.push(() => response.end('slow')) }))
    const quick = started.use(await startBackend('quick', { answer: (_, response) => response.end('quick') }))
    objects = [
      service('shop'),
      ...[slow, quick].map(({ name, address, port }) => endpointSlice('shop', [{ address }], { port }, { suffix: name })),
    ]
  })
  afterAll(() => started.disposeAsync())

  const route = (value?: string) => {
    const shop = ingress('shop').host('shop.test').prefix('/', 'shop')
    return value === undefined ? shop : shop.annotation(KEY, value)
  }

  /** How many of eight requests one after the other are answered while the slow endpoint keeps some: all, by least connections. */
  async function answeredAtOnce(): Promise<number> {
    held = []
    let answered = 0
    const waiting: Promise<unknown>[] = []
    for (let index = 0; index < 8; index++) {
      const before = held.length
      let isDone = false
      const request = site.get('shop.test', '/').then(({ body }) => {
        isDone = true
        if (body === 'quick') answered++
      })
      waiting.push(request)
      await eventually(async () => expect(isDone || held.length > before).toBe(true))
    }
    for (const release of held) release()
    await Promise.all(waiting)
    return answered
  }

  test('round_robin takes turns, ewma and least_conn go where the fewest requests are', async () => {
    await site.serve(route(), ...objects)
    expect(await answeredAtOnce()).toBe(4)
    for (const value of ['ewma', 'least_conn']) {
      await site.serve(route(value), ...objects)
      expect(await answeredAtOnce()).toBeGreaterThanOrEqual(7)
    }
  })

  test("an Ingress' word counts more than the ConfigMap's", async () => {
    await site.serve(route('round_robin'), ...objects, options({ 'load-balance': 'ewma' }))
    expect(await answeredAtOnce()).toBe(4)
  })

  test('a value that is none leaves the default, and is told', async () => {
    const { issues, result } = await site.serve(route('ip_hash'), ...objects)
    expect(result.kind).toBe('applied')
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: KEY }])
    expect(await answeredAtOnce()).toBe(4)
  })

  test('two Ingresses that ask otherwise for one Service each have their way', async () => {
    const other = ingress('other').host('other.test').prefix('/', 'shop').annotation(KEY, 'round_robin')
    await site.serve(route('ewma'), other, ...objects)
    expect(await answeredAtOnce()).toBeGreaterThanOrEqual(7)
    await site.serve(route(), other.annotation(KEY, 'ewma'), ...objects)
    expect(await answeredAtOnce()).toBe(4)
  })
})
