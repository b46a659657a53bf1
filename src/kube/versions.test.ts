import { expect, test } from '@jest/globals'
import { createKnownObjects, isOlder } from './versions.ts'

test.each([
  ['9', '10', true],
  ['10', '9', false],
  ['10', '10', false],
  ['18446744073709551615', '18446744073709551616', true],
  ['', '10', false],
  ['abc', '10', false],
  ['10', 'abc', false],
  ['010', '11', false],
])('%s older than %s: %s', (version, other, expected) => {
  expect(isOlder(version, other)).toBe(expected)
})

test('what was deleted is not brought back by what was said of it before', () => {
  const known = createKnownObjects()
  expect(known.see('a/b', '5')).toBe(true)
  expect(known.remove('a/b', '7')).toBe(true)
  expect([known.see('a/b', '6'), known.remove('a/b', '7'), known.size()]).toEqual([false, false, 0])
  expect([known.see('a/b', '8'), known.size()]).toEqual([true, 1])
})

test('a list is believed whatever its versions', () => {
  const known = createKnownObjects()
  known.see('a/b', '50')
  known.list('a/b', '3')
  expect(known.see('a/b', '4')).toBe(true)
  known.doubt('a/b')
  expect(known.see('a/b', '1')).toBe(true)
})
