/** Faults that a real API server does not have on demand; what it makes of our writes is tested in test/e2e/status.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createFakeApi, type FakeApi } from '../../test/support/fake-api.ts'
import { ingress } from '../../test/support/objects.ts'
import { storeOf } from '../../test/support/state.ts'
import { createVirtualTime, type VirtualTime, virtualClock } from '../../test/support/virtual-time.ts'
import type { LoadBalancerAddress } from './addresses.ts'
import { ApiError, type ApiRequest } from './client.ts'
import { createStatusPublisher, type StatusPublisher } from './status.ts'

const SECOND = 1000
const OURS: readonly LoadBalancerAddress[] = [{ ip: '192.0.2.1' }]
const THEIRS = [{ ip: '198.51.100.9' }]
const MANAGER = 'nginx-ts/ingress/leader'
const managedFields = [{ manager: MANAGER, fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } } }]

let time: VirtualTime
let api: FakeApi
let remainingMs: number
let addresses: readonly LoadBalancerAddress[] | undefined
let hasOtherReplica: boolean
let publisher: StatusPublisher
let failures: [message: string, count: number][]
let ended: AbortController

beforeEach(() => {
  time = createVirtualTime()
  api = createFakeApi()
  remainingMs = Number.POSITIVE_INFINITY
  addresses = OURS
  hasOtherReplica = false
  failures = []
  ended = new AbortController()
  publisher = createStatusPublisher(
    api.client,
    { remainingMs: () => remainingMs },
    {
      addresses: { addresses: async () => addresses, hasOtherReplica: async () => hasOtherReplica },
      namespace: undefined,
      fieldManager: MANAGER,
    },
    virtualClock(time),
    { wrote() {}, failed: (error, count) => failures.push([error instanceof Error ? error.message : '', count]) },
  )
  publisher.run(ended.signal)
})
afterEach(() => ended.abort(new Error('the test is over')))

const pathOf = (name: string) => `/apis/networking.k8s.io/v1/namespaces/default/ingresses/${name}`
const put = (name: string, status: readonly object[] = [], metadata: object = {}) =>
  api.put(pathOf(name), { metadata: { namespace: 'default', name, ...metadata }, status: { loadBalancer: { ingress: status } } })
const statusOf = (name: string) => {
  const status = api.objects.get(pathOf(name))?.['status'] as { loadBalancer: { ingress?: readonly object[] } } | undefined
  return status?.loadBalancer.ingress ?? []
}
const named = (...names: readonly string[]) =>
  storeOf(...names.map((name) => ingress(name).host(`${name}.test`)))
    .snapshot()
    .ingresses.values()
const writes = () => api.requests.filter(({ method }) => method === 'PATCH')
const refuse = (status: number, isMeant: (request: ApiRequest) => boolean, retryAfterMs?: number) => {
  api.before = (request) => {
    if (isMeant(request)) throw new ApiError(`refused with ${status}`, status, undefined, retryAfterMs)
  }
}

test('nothing is written before it is known what is served', async () => {
  put('left', OURS, { managedFields })
  await time.pass(120 * SECOND)
  expect(api.requests).toEqual([])
})

test('what is served gets our addresses, once; what is not is left alone', async () => {
  put('a')
  put('b', THEIRS)
  put('right', OURS)
  put('other', THEIRS)
  publisher.publish(named('a', 'b', 'right'))
  await time.pass(0)
  expect(['a', 'b', 'right', 'other'].map(statusOf)).toEqual([OURS, OURS, OURS, THEIRS])
  publisher.publish(named('a', 'b', 'right'))
  await time.pass(300 * SECOND)
  expect(writes()).toHaveLength(2)
})

test('one that comes later gets them at once, without a list of all', async () => {
  publisher.publish(named())
  await time.pass(0)
  put('late')
  const before = api.requests.length
  publisher.publish(named('late'))
  await time.pass(0)
  expect(statusOf('late')).toEqual(OURS)
  expect(api.requests.slice(before).map(({ method = 'GET', path }) => `${method} ${path}`)).toEqual([
    `GET ${pathOf('late')}`,
    `PATCH ${pathOf('late')}/status`,
  ])
})

test.each([21, 40])('%i that come at once are read by one list', async (length) => {
  publisher.publish(named())
  await time.pass(0)
  const names = Array.from({ length }, (_, index) => `late-${index}`)
  for (const name of names) put(name)
  publisher.publish(named(...names))
  await time.pass(0)
  expect(names.map(statusOf)).toEqual(names.map(() => OURS))
  expect(api.requests.filter(({ method }) => method === undefined)).toHaveLength(2)
})

test('what somebody else overwrites is put right within a minute, and not in a race', async () => {
  put('a')
  publisher.publish(named('a'))
  await time.pass(0)
  put('a', THEIRS)
  await time.pass(70 * SECOND)
  expect(statusOf('a')).toEqual(OURS)
  expect(writes()).toHaveLength(2)
})

test('an Ingress that leaves loses our addresses, and keeps what another has written', async () => {
  put('ours', OURS, { managedFields })
  put('taken', THEIRS)
  put('same', OURS)
  publisher.publish(named('ours', 'taken', 'same'))
  await time.pass(0)
  put('taken', THEIRS)
  publisher.publish(named())
  await time.pass(0)
  expect(['ours', 'taken', 'same'].map(statusOf)).toEqual([[], THEIRS, OURS])
})

test('addresses that are not known change nothing; none at all are published as none', async () => {
  addresses = undefined
  put('a', THEIRS)
  publisher.publish(named('a'))
  await time.pass(100 * SECOND)
  expect(statusOf('a')).toEqual(THEIRS)
  addresses = []
  await time.pass(11 * SECOND)
  expect(statusOf('a')).toEqual([])
})

test('other addresses are published within seconds', async () => {
  put('a')
  publisher.publish(named('a'))
  await time.pass(0)
  addresses = THEIRS
  await time.pass(11 * SECOND)
  expect(statusOf('a')).toEqual(THEIRS)
})

describe('leadership', () => {
  test('one that is not leader reads and writes nothing; when it becomes so it looks at everything', async () => {
    remainingMs = 0
    put('a')
    publisher.publish(named('a'))
    await time.pass(120 * SECOND)
    expect(api.requests).toEqual([])
    remainingMs = 5 * SECOND
    publisher.recheck()
    await time.pass(0)
    expect(statusOf('a')).toEqual(OURS)
    expect(writes()[0]?.timeoutMs).toBe(5 * SECOND)
  })

  test('a lease that runs out between two writes stops the second', async () => {
    put('a')
    put('b')
    api.before = ({ method }) => {
      if (method === 'PATCH') remainingMs = 0
    }
    publisher.publish(named('a', 'b'))
    await time.pass(120 * SECOND)
    expect(writes()).toHaveLength(1)
    expect(failures).toEqual([])
  })
})

describe('faults', () => {
  test('a conflict is decided anew on the newest version', async () => {
    put('a')
    let conflicts = 3
    api.before = ({ method }) => {
      if (method === 'PATCH' && conflicts > 0) {
        conflicts -= 1
        put('a', [], { labels: { edit: String(conflicts) } })
      }
    }
    publisher.publish(named('a'))
    await time.pass(0)
    expect(statusOf('a')).toEqual(OURS)
    expect(writes()).toHaveLength(4)
    expect(failures).toEqual([])
  })

  test('an Ingress deleted meanwhile is no failure', async () => {
    put('a')
    api.before = ({ method }) => {
      if (method === 'PATCH') api.remove(pathOf('a'))
    }
    publisher.publish(named('a'))
    await time.pass(0)
    expect([writes().length, failures]).toEqual([1, []])
  })

  test('what the API server refuses of one costs the others nothing, and is tried again a minute later', async () => {
    for (const name of ['a', 'b', 'c']) put(name)
    refuse(422, ({ method, path }) => method === 'PATCH' && !path.includes('/c/'))
    publisher.publish(named('a', 'b', 'c'))
    await time.pass(0)
    expect(['a', 'b', 'c'].map(statusOf)).toEqual([[], [], OURS])
    expect(failures).toEqual([['refused with 422', 2]])
    api.before = () => {}
    await time.pass(70 * SECOND)
    expect(['a', 'b'].map(statusOf)).toEqual([OURS, OURS])
  })

  test('a server that asks for a pause gets it, and an outage is told once', async () => {
    put('a')
    refuse(429, ({ method }) => method === 'PATCH', 20 * SECOND)
    publisher.publish(named('a'))
    await time.pass(19 * SECOND)
    expect(writes()).toHaveLength(1)
    await time.pass(45 * SECOND)
    expect(writes()).toHaveLength(4)
    api.before = () => {}
    await time.pass(20 * SECOND)
    expect(statusOf('a')).toEqual(OURS)
    expect(failures).toEqual([['refused with 429', 1]])
  })

  test('thousands are written at the rate that leaves room for others', async () => {
    const names = Array.from({ length: 250 }, (_, index) => `n-${index}`)
    for (const name of names) put(name)
    publisher.publish(named(...names))
    await time.pass(0)
    expect(writes()).toHaveLength(50)
    await time.pass(5 * SECOND)
    expect(writes().length).toBeGreaterThan(140)
    expect(writes().length).toBeLessThanOrEqual(150)
    await time.pass(6 * SECOND)
    expect(writes()).toHaveLength(250)
  })
})

test('one that comes while thousands are written does not wait for them', async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `n-${index}`)
  for (const name of names) put(name)
  publisher.publish(named(...names))
  await time.pass(5 * SECOND)
  put('late')
  publisher.publish(named(...names, 'late'))
  await time.pass(2 * SECOND)
  expect(statusOf('late')).toEqual(OURS)
  await time.pass(60 * SECOND)
  expect(writes()).toHaveLength(1001)
})

describe('the shutdown', () => {
  const withdraw = () => {
    ended.abort(new Error('stopping'))
    return publisher.withdraw(new AbortController().signal)
  }
  beforeEach(async () => {
    put('ours', OURS, { managedFields })
    put('other', THEIRS)
    publisher.publish(named('ours'))
    await time.pass(0)
  })

  test('of the last replica takes our addresses away', async () => {
    await withdraw()
    expect(['ours', 'other'].map(statusOf)).toEqual([[], THEIRS])
  })

  test('of one among several leaves them', async () => {
    hasOtherReplica = true
    await withdraw()
    expect(statusOf('ours')).toEqual(OURS)
  })

  test('of one that is not leader writes nothing', async () => {
    remainingMs = 0
    await withdraw()
    expect([statusOf('ours'), failures]).toEqual([OURS, []])
  })
})
