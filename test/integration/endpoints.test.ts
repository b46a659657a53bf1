import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { probeMachine } from '../../src/nginx/machine.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { type EndpointManifest, endpointSlice, ingress, type Manifest, service, serviceFor } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { type RawBackend, startRawBackend } from '../support/raw-backend.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const { ipv6 } = await probeMachine()
const testOnIpv6 = ipv6 ? test : test.skip

const WORKERS = 4

const route = () => ingress('shop').host('shop.test').prefix('/', 'shop')

/** Each backend in a slice of its own, for their ports differ. */
function slicesOf(...backends: readonly { readonly name: string; readonly address: string; readonly port: number }[]): readonly Manifest[] {
  return backends.map(({ name, address, port }) => endpointSlice('shop', [{ address }], { port }, { suffix: name }))
}

async function endpointsOf(count: number) {
  await using started = new AsyncDisposableStack()
  const backends = await Promise.all(Array.from({ length: count }, (_, index) => startBackend(`number-${index}`)))
  for (const backend of backends) started.use(backend)
  const kept = started.move()
  return { names: backends.map(({ name }) => name), slices: slicesOf(...backends), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

describe.each(await testedNginx())('endpoints, NGINX %s', (_version, nginx) => {
  let site: Site
  let one: Backend
  let two: Backend
  let three: Backend

  beforeAll(async () => {
    site = await startSite(nginx, { machine: { cpus: WORKERS } })
    one = await startBackend('one')
    two = await startBackend('two')
    three = await startBackend('three')
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    for (const backend of [one, two, three]) await backend?.[Symbol.asyncDispose]()
  })

  /** How often each backend answered. */
  async function answersOf(requests: number): Promise<Record<string, number>> {
    const answers: Record<string, number> = {}
    for (let request = 0; request < requests; request++) {
      const { status, seen } = await site.get('shop.test', '/')
      const who = seen?.backend ?? `status ${status}`
      answers[who] = (answers[who] ?? 0) + 1
    }
    return answers
  }

  describe('which take part', () => {
    test('those of every slice of the Service take turns', async () => {
      await site.serve(route(), service('shop'), slicesOf(one, two, three))
      expect(await answersOf(12)).toEqual({ one: 4, two: 4, three: 4 })
    })

    test('they take turns whichever worker serves', async () => {
      await using many = await endpointsOf(WORKERS * 3)
      await site.serve(route(), service('shop'), many.slices)
      // Many at once and often, for a worker that has nothing to do takes them all.
      for (let round = 0; round < 20; round++) {
        const answers = await Promise.all(many.names.map(() => site.get('shop.test', '/')))
        expect(answers.map(({ seen }) => seen?.backend).sort()).toEqual([...many.names].sort())
      }
    })

    test('there may be thousands', async () => {
      const addresses = Array.from({ length: 3000 }, (_, index) => ({ address: `10.244.${index >> 8}.${index & 255}` }))
      const crowd = [
        ingress('crowd').host('crowd.test').prefix('/', 'crowd'),
        service('crowd'),
        endpointSlice('crowd', addresses, { port: 3000 }),
      ]
      await site.serve(...crowd, route(), service('shop'), slicesOf(one))
      expect(await answersOf(1)).toEqual({ one: 1 })
      expect(await site.get('crowd.test', '/')).not.toHaveStatus(404)
    })

    test('one that stands in two slices gets no double share', async () => {
      const again = endpointSlice('shop', [{ address: one.address }, { address: one.address }], { port: one.port }, { suffix: 'again' })
      await site.serve(route(), service('shop'), slicesOf(one, two), again)
      expect(await answersOf(8)).toEqual({ one: 4, two: 4 })
    })

    test('slices of other Services, and of a Service of that name elsewhere, do not', async () => {
      const elsewhere = endpointSlice('shop', [{ address: two.address }], { port: two.port }, { namespace: 'other' })
      const prefixed = endpointSlice('shop-2', [{ address: three.address }], { port: three.port })
      await site.serve(route(), service('shop'), slicesOf(one), elsewhere, prefixed)
      expect(await answersOf(4)).toEqual({ one: 4 })
    })

    testOnIpv6('IPv6 addresses do, beside IPv4 ones', async () => {
      await using six = await startBackend('six', { address: '::1' })
      const slice = endpointSlice('shop', [{ address: '::1' }], { port: six.port }, { suffix: 'six', addressType: 'IPv6' })
      const { issues } = await site.serve(route(), service('shop'), slicesOf(one), slice)
      expect(issues).toEqual([])
      expect(await answersOf(4)).toEqual({ one: 2, six: 2 })
    })

    const states: readonly (readonly [string, Omit<EndpointManifest, 'address'>])[] = [
      ['not ready', { ready: false }],
      ['not ready but serving', { ready: false, serving: true }],
      ['terminating', { ready: false, serving: true, terminating: true }],
      ['terminating and no longer serving', { ready: false, serving: false, terminating: true }],
    ]
    test.each(states)('while another is ready, one that is %s does not', async (_state, conditions) => {
      const slice = endpointSlice('shop', [{ address: two.address, ...conditions }], { port: two.port }, { suffix: 'two' })
      await site.serve(route(), service('shop'), slicesOf(one), slice)
      expect(await answersOf(4)).toEqual({ one: 4 })
    })

    test('when none is ready, those that still serve while terminating do, and only those', async () => {
      const slices = [
        endpointSlice('shop', [{ address: one.address, ...states[2]![1] }], { port: one.port }, { suffix: 'one' }),
        endpointSlice('shop', [{ address: two.address, ...states[1]![1] }], { port: two.port }, { suffix: 'two' }),
        endpointSlice('shop', [{ address: three.address, ...states[3]![1] }], { port: three.port }, { suffix: 'three' }),
      ]
      const { issues } = await site.serve(route(), service('shop'), slices)
      expect(issues).toEqual([])
      expect(await answersOf(4)).toEqual({ one: 4 })
    })

    test('a slice whose port has no number gives none', async () => {
      const slice = { ...endpointSlice('shop', [{ address: two.address }], { port: 1 }), ports: [{ name: '', port: null }] }
      const { issues } = await site.serve(route(), service('shop'), slice)
      expect(await site.get('shop.test', '/')).toHaveStatus(503)
      expect(issues.map(({ code }) => code)).toEqual(['no-endpoints'])
    })
  })

  describe('addresses that no Pod has are refused and told, while good ones serve', () => {
    const forbidden = [
      '169.254.169.254',
      '0.0.0.0',
      '255.255.255.255',
      '224.0.0.1',
      'fe80::1',
      'fe80::1%eth0',
      '::',
      '::ffff:169.254.169.254',
      'ff02::1',
      'backend.shop.test',
      '10.0.0.1:80',
      '127.1',
      '10.0.0.1;}',
      '',
    ]
    test.each(forbidden)('%j', async (address) => {
      const slice = endpointSlice('shop', [{ address }, { address: one.address }], { port: one.port })
      const { issues, result } = await site.serve(route(), service('shop'), slice)
      expect(result.kind).not.toBe('refused')
      expect(issues.map(({ code }) => code)).toEqual(['invalid-endpoint'])
      expect(issues[0]?.message).toContain('EndpointSlice default/shop-1: address ')
      expect(await answersOf(2)).toEqual({ one: 2 })
    })

    test('the names of an FQDN slice', async () => {
      const names = endpointSlice('shop', [{ address: 'localhost' }], { port: two.port }, { suffix: 'names', addressType: 'FQDN' })
      const { issues } = await site.serve(route(), service('shop'), slicesOf(one), names)
      expect(issues.map(({ code }) => code)).toEqual(['invalid-endpoint'])
      expect(await answersOf(4)).toEqual({ one: 4 })
    })

    test('ports that are none', async () => {
      const wrong = [0, -1, 65536, 80.5].map((port, index) =>
        endpointSlice('shop', [{ address: '127.0.0.1' }], { port }, { suffix: `wrong-${index}` }),
      )
      const { issues } = await site.serve(route(), service('shop'), slicesOf(one), wrong)
      expect(issues.map(({ code }) => code)).toEqual(wrong.map(() => 'invalid-endpoint'))
      expect(await answersOf(4)).toEqual({ one: 4 })
    })
  })

  describe('that fail', () => {
    /** Takes a whole request head and dies without a word. */
    const startDying = (name: string): Promise<RawBackend> => startRawBackend(name, (_head, socket) => void socket.destroy())

    test('when one refuses connections, the next gets the request, whatever its method', async () => {
      const dead = { name: 'dead', address: '127.0.0.1', port: await freePort() }
      await site.serve(route(), service('shop'), slicesOf(dead, one))
      expect(await answersOf(6)).toEqual({ one: 6 })
      for (let request = 0; request < 4; request++)
        expect(await site.get('shop.test', '/', { method: 'POST', body: 'order' })).toComeFrom('one')
    })

    test('one that refused is asked again at once: nothing is held against it', async () => {
      const dead = { name: 'late', address: '127.0.0.1', port: await freePort() }
      await site.serve(route(), service('shop'), slicesOf(dead, one))
      expect(await answersOf(4)).toEqual({ one: 4 })
      await using _late = await startBackend('late', { port: dead.port })
      expect(await answersOf(4)).toEqual({ late: 2, one: 2 })
    })

    test('a GET that one took and died of goes to the next', async () => {
      await using dying = await startDying('dying')
      await site.serve(route(), service('shop'), slicesOf(dying, one))
      expect(await answersOf(4)).toEqual({ one: 4 })
      expect(dying.heads.length).toBeGreaterThan(0)
    })

    test.each(['POST', 'PATCH'])('a %s that one took and died of is not sent a second time', async (method) => {
      await using first = await startDying('first')
      await using second = await startDying('second')
      await site.serve(route(), service('shop'), slicesOf(first, second))
      expect(await site.get('shop.test', '/', { method, body: 'order' })).toHaveStatus(502)
      expect([...first.heads, ...second.heads]).toHaveLength(1)
    })

    test('when all refuse, the answer is 502 and other hosts go on', async () => {
      const dead = { name: 'dead', address: '127.0.0.1', port: await freePort() }
      await site.serve(route(), ingress('other').host('other.test').prefix('/', 'one'), service('shop'), slicesOf(dead), serviceFor(one))
      expect(await site.get('shop.test', '/')).toHaveStatus(502)
      expect(await site.get('other.test', '/')).toComeFrom('one')
    })
  })

  test('connections to a backend are kept and used again', async () => {
    await site.serve(route(), service('shop'), slicesOf(one))
    const connections = new Set<number | undefined>()
    for (let request = 0; request < 5; request++) connections.add((await site.get('shop.test', '/')).seen?.connection)
    expect(connections.size).toBe(1)
    expect([...connections]).not.toContain(undefined)
  })
})
