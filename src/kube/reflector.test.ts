/** Every fault by itself: what the reflector says in the end is what the server has. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { eventually } from '../../test/support/eventually.ts'
import { type FakeApiServer, type Fault, startFakeApiServer } from '../../test/support/fake-api-server.ts'
import { configMap, service } from '../../test/support/objects.ts'
import { type Reflecting, reflecting } from '../../test/support/reflecting.ts'
import { REFLECTOR_DEFAULTS } from './reflector.ts'
import { type Resource, watchedResources } from './resources.ts'

const { Service: SERVICES, IngressClass: INGRESS_CLASSES, ConfigMap: CONFIG_MAPS } = watchedResources(undefined, false)
const GUARDED: Resource = { ...SERVICES, guardsDeletions: true }

let server: FakeApiServer
beforeEach(async () => {
  server = await startFakeApiServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

const named = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => service(`${prefix}-${index}`))

async function agrees(reflected: Reflecting, resource = 'services') {
  await eventually(() => expect([...reflected.objects.keys()].sort()).toEqual(server.keys(resource)))
}

async function isWatched(resource = 'services') {
  await eventually(() => expect(server.watches(resource)).toHaveLength(1))
}

/** The fault for the first so many requests of a kind. */
function faultFor(kind: 'list' | 'watch', times: number, fault: Fault) {
  let left = times
  server.faults = (request) => (request.kind === kind && left-- > 0 ? fault : undefined)
}

test('lists page by page, then follows what is made, changed and deleted', async () => {
  server.apply(...named('old', 12))
  await using reflected = reflecting(server.url, SERVICES)
  await agrees(reflected)
  expect(server.requests.filter(({ kind }) => kind === 'list').map(({ query }) => query.get('limit'))).toEqual(['5', '5', '5'])
  await isWatched()
  server.apply(service('new'), service('old-1', [{ port: 81 }]))
  server.remove('services', 'default', 'old-0')
  await agrees(reflected)
  expect(reflected.objects.get('default/old-1')).toMatchObject({ kind: 'Service', ports: [{ port: 81 }] })
  expect(reflected.lists()).toBe(1)
})

test('asks for bookmarks and for watches of different lengths, from the newest version', async () => {
  server.apply(service('a'))
  await using reflected = reflecting(server.url, SERVICES, { watchSeconds: REFLECTOR_DEFAULTS.watchSeconds })
  await isWatched()
  for (let turn = 0; turn < 5; turn += 1) {
    await eventually(() => expect(server.watches().length).toBe(1))
    server.watches()[0]?.end()
    await eventually(() => expect(server.requests.filter(({ kind }) => kind === 'watch').length).toBeGreaterThan(turn + 1))
  }
  const watches = server.requests.filter(({ kind }) => kind === 'watch').map(({ query }) => Object.fromEntries(query))
  expect(watches).toEqual(
    watches.map(() => expect.objectContaining({ allowWatchBookmarks: 'true', resourceVersion: String(server.version()) })),
  )
  const seconds = watches.map(({ timeoutSeconds }) => Number(timeoutSeconds))
  expect(new Set(seconds).size).toBeGreaterThan(1)
  expect(seconds.every((each) => each >= 300 && each <= 600)).toBe(true)
  expect(server.requests.find(({ kind }) => kind === 'list')?.query.has('resourceVersion')).toBe(false)
  expect(reflected.lists()).toBe(1)
})

describe('a list', () => {
  const faults: readonly (readonly [string, Fault])[] = [
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['401', { kind: 'status', status: 401 }],
    ['403', { kind: 'status', status: 403 }],
    ['410 on its first page', { kind: 'status', status: 410, reason: 'Expired' }],
    ['a reset connection', { kind: 'reset' }],
    ['no answer at all', { kind: 'hang' }],
    ['malformed JSON', { kind: 'body', text: '{"kind":"ServiceList","items":[{"metadata":' }],
    ['HTML from a proxy', { kind: 'body', text: '<html>Sign in</html>', type: 'text/html' }],
    ['JSON that is no list', { kind: 'body', text: '{}' }],
    ['a list without items', { kind: 'body', text: '{"metadata":{"resourceVersion":"1"}}' }],
    ['an answer cut in the middle', { kind: 'cut', bytes: 300 }],
    ['an answer that drips', { kind: 'drip', bytesPerSecond: 100 }],
  ]
  test.each(faults)('outlives %s', async (_, fault) => {
    server.apply(...named('one', 12))
    faultFor('list', 2, fault)
    await using reflected = reflecting(server.url, SERVICES)
    await agrees(reflected)
    expect(reflected.deleted).toEqual([])
    expect(reflected.notices.filter(({ kind }) => kind === 'failed').length).toBeGreaterThanOrEqual(2)
    await eventually(() => expect([...reflected.troubles.keys()]).toEqual([]))
  })

  test('is begun once the server can be reached', async () => {
    server.apply(...named('one', 3))
    await server.stop()
    await using reflected = reflecting(server.url, SERVICES)
    await eventually(() => expect(reflected.notices.length).toBeGreaterThan(2))
    expect(reflected.lists()).toBe(0)
    await server.start()
    await agrees(reflected)
  })

  test('of many pages comes to its end though one answer in three fails', async () => {
    server.apply(...named('one', 60))
    let count = 0
    server.faults = ({ kind }) => (kind === 'list' && ++count % 3 === 0 ? { kind: 'reset' } : undefined)
    await using reflected = reflecting(server.url, SERVICES)
    await agrees(reflected)
    expect(reflected.notices.filter(({ kind }) => kind === 'relisting')).toEqual([])
  })

  test('whose token expires starts over, and takes what has happened meanwhile', async () => {
    server.apply(...named('one', 12))
    let pages = 0
    server.faults = ({ kind }) => {
      pages += kind === 'list' ? 1 : 0
      if (pages === 2) {
        pages += 1
        server.remove('services', 'default', 'one-0')
        server.compact()
      }
      return undefined
    }
    await using reflected = reflecting(server.url, SERVICES)
    await agrees(reflected)
    expect(reflected.notices.some((notice) => notice.kind === 'relisting')).toBe(true)
  })

  test('whose tokens always expire is read in one answer', async () => {
    server.apply(...named('one', 12))
    server.faults = ({ query }) => (query.has('continue') ? { kind: 'status', status: 410, reason: 'Expired' } : undefined)
    await using reflected = reflecting(server.url, SERVICES, { relistBackoff: { firstMs: 10, longestMs: 10 } })
    await agrees(reflected)
  })

  test('too slow for its pages is asked for in smaller ones', async () => {
    server.apply(...named('one', 40))
    server.faults = ({ kind, query }) => (kind === 'list' && Number(query.get('limit')) > 10 ? { kind: 'hang' } : undefined)
    await using reflected = reflecting(server.url, SERVICES, { pageSize: 40, pageTimeoutMs: 200 })
    await agrees(reflected)
  })

  test('that is asked to wait waits', async () => {
    server.apply(service('a'))
    faultFor('list', 1, { kind: 'status', status: 429, headers: { 'retry-after': '1' } })
    await using reflected = reflecting(server.url, SERVICES)
    await agrees(reflected)
    expect(reflected.notices[0]).toMatchObject({ kind: 'failed', error: { status: 429 } })
    expect((reflected.notices[0] as { retryInMs: number }).retryInMs).toBeGreaterThanOrEqual(1000)
  })

  test('is whole but for an object that cannot be read, which is named', async () => {
    server.apply(service('good'), { ...service('bad'), spec: { ports: [{ port: 'eighty' }] } }, service('other'))
    await using reflected = reflecting(server.url, SERVICES)
    await eventually(() => expect([...reflected.objects.keys()]).toEqual(['default/good', 'default/other']))
    expect([...reflected.troubles.values()]).toEqual([
      expect.objectContaining({
        code: 'invalid-object',
        object: { kind: 'Service', namespace: 'default', name: 'bad' },
        field: 'spec.ports[0].port',
      }),
    ])
    await isWatched()
    server.apply(service('bad'))
    await agrees(reflected)
    expect([...reflected.troubles]).toEqual([])
  })
})

describe('a watch', () => {
  test('that ends as it should is taken up where it was: nothing is missed, nothing listed', async () => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    for (let turn = 0; turn < 5; turn += 1) {
      await isWatched()
      server.watches()[0]?.end()
      server.apply(service(`made-${turn}`))
      await agrees(reflected)
    }
    expect(reflected.lists()).toBe(1)
  })

  test('that is cut in the middle of a line goes on', async () => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    for (const how of ['reset', 'end'] as const) {
      await isWatched()
      server.watches()[0]?.send('{"type":"ADDED","object":{"metadata":{"na')
      server.watches()[0]?.[how]()
      server.apply(service(`after-${how}`))
      await agrees(reflected)
    }
    expect(reflected.lists()).toBe(1)
  })

  test.each([
    ['410', { code: 410, reason: 'Expired' }],
    ['500', { code: 500, reason: 'InternalError' }],
    ['504', { code: 504, reason: 'Timeout' }],
    ['429', { code: 429, reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } }],
    ['an error of no code', {}],
  ])('that reports %s goes on', async (_, status) => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.watches()[0]?.send(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
    await eventually(() => expect(reflected.notices.length).toBeGreaterThan(1))
    server.apply(service('b'))
    await agrees(reflected)
  })

  const faults: readonly (readonly [string, Fault])[] = [
    ['410', { kind: 'status', status: 410, reason: 'Expired' }],
    ['400', { kind: 'status', status: 400 }],
    ['403', { kind: 'status', status: 403 }],
    ['500', { kind: 'status', status: 500 }],
    ['a reset connection', { kind: 'reset' }],
    ['silence', { kind: 'hang' }],
    ['HTML', { kind: 'body', text: '<html></html>' }],
    ['an end at once', { kind: 'body', text: '' }],
  ]
  test.each(faults)('answered by %s is tried again', async (_, fault) => {
    server.apply(service('a'))
    faultFor('watch', 2, fault)
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.apply(service('b'))
    await agrees(reflected)
  })

  test('from a version that is forgotten lists anew, and deletes what has vanished', async () => {
    server.apply(...named('one', 8))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.faults = ({ kind }) => (kind === 'watch' ? { kind: 'hang' } : undefined)
    server.watches()[0]?.end()
    await eventually(() => expect(server.requests.filter(({ kind }) => kind === 'watch')).toHaveLength(2))
    server.remove('services', 'default', 'one-3')
    server.compact()
    server.faults = () => undefined
    await agrees(reflected)
    expect(reflected.deleted).toEqual(['default/one-3'])
    expect(reflected.lists()).toBe(2)
  })

  test('over a connection that is dead though open is given up', async () => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.watches()[0]?.freeze()
    server.apply(service('b'))
    await agrees(reflected)
    expect(reflected.lists()).toBe(1)
  })

  test('is kept for as long as bookmarks come, and goes on from the last of them', async () => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    const [watch] = server.watches()
    const end = performance.now() + 1_500
    await eventually(() => {
      server.bookmark()
      expect(performance.now()).toBeGreaterThan(end)
    })
    expect(server.watches()).toEqual([watch])
    server.apply({ ...configMap('unrelated', {}) })
    server.bookmark()
    server.compact()
    watch?.end()
    await isWatched()
    expect(reflected.lists()).toBeLessThanOrEqual(2)
  })

  test('that ends at once again and again is not asked for without pause', async () => {
    server.apply(service('a'))
    faultFor('watch', 8, { kind: 'body', text: '' })
    // However long a busy machine takes to end one.
    await using reflected = reflecting(server.url, SERVICES, { shortWatchMs: 10_000 })
    await isWatched()
    expect(reflected.notices.filter(({ kind }) => kind === 'failed')).toHaveLength(8)
  })

  test('whose next event can never be read is got past by a list', async () => {
    server.apply(service('a'))
    server.faults = ({ kind, query }) =>
      kind === 'watch' && query.get('resourceVersion') === '1001' ? { kind: 'body', text: '{"type":"MODIF\n' } : undefined
    await using reflected = reflecting(server.url, SERVICES)
    await eventually(() => expect(reflected.lists()).toBe(1))
    server.apply(service('b'))
    await agrees(reflected)
    await isWatched()
  })

  test('may repeat, swap and bring back events, and delete what nobody knows', async () => {
    server.apply(service('a'), service('b'))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    let previous: readonly string[] = []
    server.mangle = (lines) => {
      const mangled = [...lines, ...lines, ...previous]
      previous = lines
      return mangled
    }
    server.apply(service('a', [{ port: 81 }]), service('a', [{ port: 82 }]))
    server.remove('services', 'default', 'b')
    server
      .watches()[0]
      ?.send(
        `${JSON.stringify({ type: 'DELETED', object: { metadata: { namespace: 'default', name: 'nobody', resourceVersion: '1' } } })}\n`,
      )
    server
      .watches()[0]
      ?.send(
        `${JSON.stringify({ type: 'DELETED', object: { ...service('a'), metadata: { namespace: 'default', name: 'a', resourceVersion: '1002' } } })}\n`,
      )
    server.apply(service('last'))
    await agrees(reflected)
    expect(reflected.objects.get('default/a')).toMatchObject({ ports: [{ port: 82 }] })
    expect(reflected.lists()).toBe(1)
  })
})

describe('a server that has gone back in time', () => {
  test('is noticed when the watch is taken up, and listed', async () => {
    server.apply(...named('one', 8))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.restoreEmpty()
    server.apply(service('after'))
    await eventually(async () => {
      for (const watch of server.watches()) watch.end()
      expect([...reflected.objects.keys()]).toEqual(['default/after'])
    })
  })

  test('is noticed just after a list, too, where a watch has ended since', async () => {
    server.apply(...named('one', 8))
    await using reflected = reflecting(server.url, SERVICES, { shortWatchMs: 60_000 })
    await isWatched()
    server.restoreEmpty()
    server.apply(service('after'))
    for (const watch of server.watches()) watch.end()
    await eventually(() => expect([...reflected.objects.keys()]).toEqual(['default/after']))
  })

  test('is noticed though the first question about it is not answered', async () => {
    server.apply(...named('one', 8))
    await using reflected = reflecting(server.url, SERVICES, { shortWatchMs: 60_000, idleMs: 60_000 })
    await isWatched()
    server.restoreEmpty()
    server.apply(service('after'))
    let questions = 0
    server.faults = ({ kind }) => (kind === 'list' && ++questions === 1 ? { kind: 'reset' } : undefined)
    for (const watch of server.watches()) watch.end()
    await eventually(() => expect([...reflected.objects.keys()]).toEqual(['default/after']))
  })
})

describe('deletions that are hard to believe', () => {
  test('of a server that has gone back in time: however few, and of whatever kind, they wait for a second list', async () => {
    server.apply(...named('one', 2))
    await using reflected = reflecting(server.url, SERVICES, { confirmAfterMs: 1_500 })
    await agrees(reflected)
    server.apply(service('one-0', [{ port: 81 }]))
    await eventually(() => expect(reflected.objects.get('default/one-0')).toMatchObject({ ports: [{ port: 81 }] }))
    server.restoreEmpty()
    await eventually(() => {
      for (const watch of server.watches()) watch.end()
      expect(reflected.lists()).toBe(2)
    })
    expect([...reflected.objects.keys()].sort()).toEqual(['default/one-0', 'default/one-1'])
    expect(reflected.troubles.get('deletions')).toMatchObject({ code: 'deletions-not-confirmed' })
    await agrees(reflected)
    expect([...reflected.troubles]).toEqual([])
  })

  test('wait for a second list, while additions are taken', async () => {
    server.apply(...named('one', 12))
    await using reflected = reflecting(server.url, GUARDED, { confirmAfterMs: 1_500 })
    await agrees(reflected)
    server.restoreEmpty()
    server.apply(service('after'))
    await eventually(() => {
      for (const watch of server.watches()) watch.end()
      expect(reflected.lists()).toBe(2)
    })
    expect(reflected.objects.size).toBe(13)
    expect(reflected.troubles.get('deletions')).toMatchObject({ code: 'deletions-not-confirmed', severity: 'warning' })
    server.apply(service('one-1'), service('meanwhile'))
    await eventually(() => expect(reflected.objects.size).toBe(14))
    await agrees(reflected)
    expect([...reflected.objects.keys()].sort()).toEqual(['default/after', 'default/meanwhile', 'default/one-1'])
    expect([...reflected.troubles]).toEqual([])
  })

  test('are not made when the second list has everything again', async () => {
    server.apply(...named('one', 12))
    await using reflected = reflecting(server.url, GUARDED)
    await agrees(reflected)
    await isWatched()
    let hiding = 1
    server.faults = ({ kind, query }) => {
      if (kind === 'watch' && hiding > 0) return { kind: 'status', status: 410, reason: 'Expired' }
      const isHidden = kind === 'list' && query.get('limit') !== '1' && hiding-- > 0
      return isHidden ? { kind: 'body', text: '{"metadata":{"resourceVersion":"1012"},"items":[]}' } : undefined
    }
    server.watches()[0]?.end()
    await eventually(() => expect(reflected.troubles.has('deletions')).toBe(true))
    await eventually(() => expect(reflected.troubles.has('deletions')).toBe(false))
    expect(reflected.deleted).toEqual([])
    expect(reflected.lists()).toBe(3)
  })

  test('are believed when a watch reports them', async () => {
    server.apply(...named('one', 12))
    await using reflected = reflecting(server.url, GUARDED)
    await agrees(reflected)
    await isWatched()
    for (const key of server.keys('services')) server.remove('services', 'default', key.slice('default/'.length))
    await agrees(reflected)
    expect(reflected.lists()).toBe(1)
  })
})

describe('a kind that may not be read', () => {
  test('is an Issue, what was read stays, and access is tried again', async () => {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    await isWatched()
    server.faults = () => ({ kind: 'status', status: 403, reason: 'Forbidden' })
    server.watches()[0]?.end()
    await eventually(() => expect(reflected.troubles.get('access')).toMatchObject({ code: 'access-denied' }))
    expect([...reflected.objects.keys()]).toEqual(['default/a'])
    server.faults = () => undefined
    server.apply(service('b'))
    await agrees(reflected)
    expect([...reflected.troubles]).toEqual([])
  })

  test('counts as empty where it can be done without, until it may', async () => {
    const ours = { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'ours' }, spec: { controller: 'a/b' } }
    server.apply(ours)
    server.faults = () => ({ kind: 'status', status: 403, reason: 'Forbidden' })
    await using reflected = reflecting(server.url, INGRESS_CLASSES)
    await eventually(() => expect(reflected.lists()).toBeGreaterThan(0))
    expect([...reflected.troubles]).toEqual([])
    server.faults = () => undefined
    await agrees(reflected, 'ingressclasses')
    await isWatched('ingressclasses')
    // Once it was known, it is not forgotten for want of permission.
    server.faults = () => ({ kind: 'status', status: 403, reason: 'Forbidden' })
    server.watches()[0]?.end()
    const failures = reflected.notices.length
    await eventually(() => expect(reflected.notices.length).toBeGreaterThan(failures + 3))
    expect(reflected.objects.size).toBe(1)
  })
})

test('a wall clock that jumps changes nothing', async () => {
  const hour = 3_600_000
  const realNow = Date.now
  let offset = 0
  const clock = jest.spyOn(Date, 'now').mockImplementation(() => realNow() + offset)
  try {
    server.apply(service('a'))
    await using reflected = reflecting(server.url, SERVICES)
    for (const [turn, jump] of [hour, -hour, 87_600 * hour, -87_600 * hour, 1000].entries()) {
      await isWatched()
      offset += jump
      if (turn % 2 === 0) server.watches()[0]?.reset()
      server.apply(service(`made-${turn}`))
      await agrees(reflected)
    }
    expect(reflected.lists()).toBe(1)
  } finally {
    clock.mockRestore()
  }
})

test('everything of a server that takes seconds for each answer is read all the same', async () => {
  server.apply(...named('one', 7))
  server.faults = () => ({ kind: 'delay', ms: 500 })
  await using reflected = reflecting(server.url, CONFIG_MAPS)
  await using services = reflecting(server.url, SERVICES)
  await agrees(services)
  await eventually(() => expect(reflected.lists()).toBe(1))
  server.apply(service('late'))
  await agrees(services)
})
