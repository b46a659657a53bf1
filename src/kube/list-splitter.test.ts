import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createListSplitter } from './list-splitter.ts'

function split(chunks: readonly string[]) {
  const splitter = createListSplitter()
  const items = chunks.flatMap((chunk) => splitter.push(chunk))
  return { items: items.map((item) => JSON.parse(item)), rest: JSON.parse(splitter.rest()) }
}

const items = fc.array(
  fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'a') })),
)

test('whatever the items hold and wherever the text is cut, they are what JSON.parse reads', () => {
  fc.assert(
    fc.property(items, fc.jsonValue(), fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 2), (given, metadata, size, space) => {
      const list = JSON.stringify({ kind: 'List', metadata: { nested: { items: [metadata] } }, items: given, more: [1, 2] }, null, space)
      const chunks = list.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      const { items, rest } = split(chunks)
      expect(items).toEqual(JSON.parse(list).items)
      expect(rest).toEqual({ ...JSON.parse(list), items: [] })
    }),
  )
})

test.each(['', '<html>[{"a":1}]</html>', '{"metadata":{},"items":[{"a":1},{"b'])('%j has a rest that cannot be parsed', (text) => {
  expect(() => split([text])).toThrow(SyntaxError)
})

test('a list without items is all rest', () => {
  expect(split(['{"metadata":{},', '"items":null}'])).toEqual({ items: [], rest: { metadata: {}, items: null } })
})
