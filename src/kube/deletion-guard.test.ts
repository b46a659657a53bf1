import { expect, test } from '@jest/globals'
import type { ObjectKey } from '../cluster/objects.ts'
import { createDeletionGuard } from './deletion-guard.ts'

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index): ObjectKey => `default/${from + index}`)

function guardAt(time: { now: number }) {
  return createDeletionGuard(30_000, () => time.now)
}

test.each([
  [10, 10],
  [5, 6],
  [10, 20],
  [50, 100],
])('%d missing of %d are believed at once', (missing, known) => {
  const guard = guardAt({ now: 0 })
  expect(guard.judge(keys(missing), known)).toEqual(keys(missing))
  expect([guard.inDoubt().size, guard.confirmInMs()]).toEqual([0, undefined])
})

test.each([
  [11, 11],
  [6, 11],
  [51, 100],
])('%d missing of %d are believed when they are missing 30 s later too', (missing, known) => {
  const time = { now: 1_000 }
  const guard = guardAt(time)
  expect(guard.judge(keys(missing), known)).toEqual([])
  expect([guard.inDoubt().size, guard.confirmInMs()]).toEqual([missing, 30_000])
  time.now += 29_999
  expect(guard.judge(keys(missing), known)).toEqual([])
  expect(guard.confirmInMs()).toBe(1)
  time.now += 1
  expect(guard.judge(keys(missing), known)).toEqual(keys(missing))
  expect([guard.inDoubt().size, guard.confirmInMs()]).toEqual([0, undefined])
})

test('what is there again is in doubt no longer', () => {
  const time = { now: 0 }
  const guard = guardAt(time)
  guard.judge(keys(20), 20)
  time.now = 10_000
  expect(guard.judge(keys(4), 20)).toEqual([])
  expect([...guard.inDoubt()]).toEqual(keys(4))
  expect(guard.judge([], 20)).toEqual([])
  expect(guard.confirmInMs()).toBeUndefined()
})

test('what only the second list lacks has a doubt of its own', () => {
  const time = { now: 0 }
  const guard = guardAt(time)
  guard.judge(keys(15), 40 - 15)
  time.now = 30_000
  expect(guard.judge(keys(40), 40)).toEqual(keys(15))
  expect([...guard.inDoubt()]).toEqual(keys(25, 15))
  expect(guard.confirmInMs()).toBe(30_000)
})
