import { expect, test } from '@jest/globals'
import { endpointSlice, ingress, service } from '../../test/support/objects.ts'
import { put, storeOf } from '../../test/support/state.ts'
import { keyOf } from './objects.ts'

const slice = (suffix: string, address = '10.0.0.1') => endpointSlice('shop', [{ address }], { port: 80 }, { suffix })
const SHOP = keyOf('default', 'shop')

test('an equal object changes nothing: the one that is there stays the very same', () => {
  const store = storeOf(service('shop'))
  const before = store.snapshot().services.get(SHOP)
  put(store, service('shop'))
  expect(store.snapshot().services.get(SHOP)).toBe(before)
  put(store, service('shop', [{ port: 81 }]))
  expect(store.snapshot().services.get(SHOP)).not.toBe(before)
})

test('set says whether anything changed, delete whether there was anything', () => {
  const [shop, changed] = [service('shop'), service('shop', [{ port: 81 }])].map((manifest) =>
    storeOf(manifest).snapshot().services.get(SHOP),
  )
  const store = storeOf()
  if (shop === undefined || changed === undefined) throw new Error('no objects')
  expect([store.set(shop), store.set(shop), store.set(changed)]).toEqual([true, false, true])
  expect([store.delete('Service', SHOP), store.delete('Service', SHOP)]).toEqual([true, false])
})

test('a snapshot that was given does not change any more', () => {
  const store = storeOf(service('shop'), slice('1'))
  const snapshot = store.snapshot()
  put(store, service('other'), slice('2'))
  store.delete('Service', SHOP)
  expect([...snapshot.services.keys()]).toEqual([SHOP])
  expect(snapshot.endpointSlices.get(SHOP)).toHaveLength(1)
})

test("a Service's slices are found by the Service, by name, in one list that stays the same while they do", () => {
  const store = storeOf(slice('b'), slice('a'), endpointSlice('other', [], { port: 80 }))
  const slices = store.snapshot().endpointSlices.get(SHOP)
  expect(slices?.map(({ name }) => name)).toEqual(['shop-a', 'shop-b'])
  put(store, slice('a'), endpointSlice('other', [{ address: '10.0.0.9' }], { port: 80 }), ingress('unrelated').host('a.test'))
  expect(store.snapshot().endpointSlices.get(SHOP)).toBe(slices)
  put(store, slice('a', '10.0.0.2'))
  expect(
    store
      .snapshot()
      .endpointSlices.get(SHOP)
      ?.map(({ endpoints }) => endpoints[0]?.addresses[0]),
  ).toEqual(['10.0.0.2', '10.0.0.1'])
})

test('a slice that moves to another Service, or goes, leaves the list of the first', () => {
  const store = storeOf(slice('a'), slice('b'))
  const moved = slice('a') as { metadata: object }
  put(store, { ...moved, metadata: { ...moved.metadata, labels: { 'kubernetes.io/service-name': 'other' } } })
  expect(
    store
      .snapshot()
      .endpointSlices.get(SHOP)
      ?.map(({ name }) => name),
  ).toEqual(['shop-b'])
  expect(store.snapshot().endpointSlices.get(keyOf('default', 'other'))).toHaveLength(1)
  store.delete('EndpointSlice', keyOf('default', 'shop-b'))
  expect(store.snapshot().endpointSlices.has(SHOP)).toBe(false)
})

test('objects of one name are apart by namespace and by kind', () => {
  const store = storeOf(service('shop'), service('shop', [{ port: 81 }], 'other'), ingress('shop').host('a.test'))
  const { services, ingresses } = store.snapshot()
  expect([...services.keys()]).toEqual([SHOP, keyOf('other', 'shop')])
  expect([...ingresses.keys()]).toEqual([SHOP])
})
