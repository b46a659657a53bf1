/** Faults and rates, in virtual time; that the API server takes our Events is tested in test/e2e/events.test.ts. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createFakeApi, type FakeApi } from '../../test/support/fake-api.ts'
import { createVirtualTime, type VirtualTime, virtualClock } from '../../test/support/virtual-time.ts'
import { issue } from '../model/issue.ts'
import { ApiError } from './client.ts'
import { createEventRecorder, type EventNote, type EventRecorder, noteOf, reasonOf, syncNote } from './events.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const web = { kind: 'Ingress', namespace: 'shop', name: 'web' }
const note = (message: string, object = web): EventNote => ({ object, type: 'Warning', reason: 'NoEndpoints', message })

let time: VirtualTime
let api: FakeApi
let remainingMs: number
let recorder: EventRecorder
let told: string[]
let standing: readonly EventNote[]
let ended: AbortController

function startRecorder(): EventRecorder {
  const started = createEventRecorder(
    api.client,
    { remainingMs: () => remainingMs },
    { instance: 'nginx-ts-0', uidOf: ({ name }) => `uid-of-${name}`, standing: () => standing },
    virtualClock(time),
    { dropped: (count, reason) => told.push(`${count} ${reason}`), failed: () => told.push('failed') },
  )
  started.run(ended.signal)
  return started
}

beforeEach(() => {
  time = createVirtualTime()
  api = createFakeApi()
  remainingMs = Number.POSITIVE_INFINITY
  told = []
  standing = []
  ended = new AbortController()
  recorder = startRecorder()
})
afterEach(() => ended.abort(new Error('the test is over')))

type Written = { message: string; count: number; lastTimestamp: string; metadata: { name: string; namespace: string } }
const events = () => [...api.objects.values()] as unknown as readonly Written[]

test('an Issue becomes an Event whose reason can be alerted on', () => {
  expect(reasonOf('no-endpoints')).toBe('NoEndpoints')
  expect(noteOf(issue('invalid-host', web, { field: 'spec.rules[0].host', message: 'host "_" is no name' }))).toEqual({
    object: web,
    type: 'Warning',
    reason: 'InvalidHost',
    message: 'spec.rules[0].host: host "_" is no name',
  })
  expect(noteOf(issue('foreign-annotation', web, { annotation: 'a/b', message: 'no effect' }))).toMatchObject({ type: 'Normal' })
  expect(noteOf(issue('unreadable-file', undefined, { message: 'gone' }))).toBeUndefined()
})

test('what happens again is counted on the Event that is there', async () => {
  for (let times = 0; times < 3; times += 1) {
    recorder.record([note('nobody')])
    await time.pass(10 * SECOND)
  }
  expect(events()).toMatchObject([{ count: 3, message: 'nobody', lastTimestamp: '2026-01-01T00:00:20.000Z' }])
  expect(api.requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'PATCH'])
})

test('what is another text, reason or object is an Event of its own', async () => {
  recorder.record([note('one'), note('two'), { ...note('one'), reason: 'Other' }, note('one', { ...web, name: 'api' })])
  await time.pass(0)
  expect(new Set(events().map(({ metadata }) => metadata.name)).size).toBe(4)
})

test('one that the API server has forgotten is made anew', async () => {
  recorder.record([note('nobody')])
  await time.pass(0)
  for (const path of api.objects.keys()) api.remove(path)
  recorder.record([note('nobody')])
  await time.pass(0)
  expect(events()).toMatchObject([{ count: 1 }])
})

test('what still is the case is said again before the API server forgets it, by the leader', async () => {
  recorder.record([note('nobody'), note('mended')])
  await time.pass(0)
  standing = [note('nobody')]
  await time.pass(29 * MINUTE)
  expect(events()).toMatchObject([{ count: 1 }, { count: 1 }])
  await time.pass(MINUTE)
  expect(events()).toMatchObject([
    { message: 'nobody', count: 2, lastTimestamp: '2026-01-01T00:30:00.000Z' },
    { message: 'mended', count: 1 },
  ])
  remainingMs = 0
  await time.pass(30 * MINUTE)
  expect(events()).toMatchObject([{ count: 2 }, { count: 1 }])
  remainingMs = Number.POSITIVE_INFINITY
  await time.pass(30 * MINUTE)
  expect(events()).toMatchObject([{ count: 3 }, { count: 1 }])
})

test('what is new need not wait for all that is said again', async () => {
  standing = Array.from({ length: 500 }, (_, index) => note('nobody', { ...web, name: `web-${index}` }))
  await time.pass(30 * MINUTE + 10 * SECOND)
  recorder.record([note('new')])
  await time.pass(SECOND)
  expect(events().length).toBeLessThan(standing.length / 2)
  expect(events().map(({ message }) => message)).toContain('new')
})

test('another replica that becomes leader and says the same doubles nothing, and counts on', async () => {
  recorder.record([note('nobody'), note('nobody')])
  await time.pass(0)
  const next = startRecorder()
  next.record([note('nobody')])
  await time.pass(0)
  expect(events()).toMatchObject([{ count: 2 }])
  next.record([note('nobody')])
  await time.pass(0)
  expect(events()).toMatchObject([{ count: 3 }])
})

test('about an object without namespace it stands in the namespace default', async () => {
  recorder.record([syncNote({ kind: 'IngressClass', namespace: '', name: 'nginx-ts' })])
  await time.pass(0)
  expect(events()).toMatchObject([
    {
      metadata: { namespace: 'default' },
      involvedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', name: 'nginx-ts', uid: 'uid-of-nginx-ts' },
      reason: 'Sync',
      type: 'Normal',
    },
  ])
})

test('text and names keep to the limits of the API server, and text to one line', async () => {
  recorder.record([note(`line\n${'x'.repeat(5000)}`, { ...web, name: `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61) })])
  await time.pass(0)
  const [event] = events()
  expect(event?.message).toHaveLength(1024)
  expect(event?.message).toMatch(/^line\\u000ax+…x+$/)
  expect(event?.metadata.name).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
  expect(event?.metadata.name.length).toBeLessThanOrEqual(253)
})

describe('too much', () => {
  test('of one object: 25 at once, then one in five minutes, and nobody else suffers', async () => {
    recorder.record(Array.from({ length: 40 }, (_, index) => note(`n ${index}`)))
    recorder.record([note('quiet', { ...web, name: 'quiet' })])
    await time.pass(10 * SECOND)
    expect(events()).toHaveLength(26)
    expect(told).toEqual(Array(15).fill('1 rate-limited'))
    await time.pass(300 * SECOND)
    recorder.record([note('later'), note('too soon')])
    await time.pass(0)
    expect(events()).toHaveLength(27)
  })

  test('at once: the oldest are dropped, and counted', async () => {
    api.before = () => time.after(SECOND)
    recorder.record(Array.from({ length: 1500 }, (_, index) => note(`n ${index}`, { ...web, name: `n-${index}` })))
    expect(told).toEqual(['500 queue-full'])
    await time.pass(SECOND)
    expect(events()).toMatchObject([{ message: 'n 500' }])
  })
})

describe('faults', () => {
  test('a refusal costs that Event, is told once, and what comes after is written', async () => {
    api.before = () => {
      throw new ApiError('forbidden', 403, 'Forbidden', undefined)
    }
    recorder.record([note('one'), note('two')])
    await time.pass(0)
    api.before = () => {}
    recorder.record([note('three')])
    await time.pass(0)
    expect(events()).toMatchObject([{ message: 'three' }])
    expect(told).toEqual(['1 refused', 'failed', '1 refused'])
  })

  test('one that is not leader writes nothing and keeps nothing for later', async () => {
    remainingMs = 0
    recorder.record([note('one')])
    await time.pass(0)
    remainingMs = SECOND
    recorder.record([note('two')])
    await time.pass(0)
    expect(events()).toMatchObject([{ message: 'two' }])
  })
})
