import { expect, test } from '@jest/globals'
import { idleConnectionsOf } from './views.ts'

test('few upstreams keep as many idle connections as ingress-nginx does, and many share what memory there is', () => {
  expect([0, 1, 100, 204].map((upstreams) => idleConnectionsOf(upstreams, 320))).toEqual([320, 320, 320, 256])
  expect([1000, 5000, 100_000].map((upstreams) => idleConnectionsOf(upstreams, 320))).toEqual([64, 32, 32])
})
