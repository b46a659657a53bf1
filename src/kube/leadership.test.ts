/** On a real socket: what counts is which bytes leave, and when. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { KubeConfig } from '@kubernetes/client-node'
import { createKubeClient } from './client.ts'
import { alwaysLeader, leaderRequests, NotLeaderError } from './leadership.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}'

let received: string
let isAnswering: boolean
let connected: () => void
let disposables: DisposableStack
let url: string

beforeEach(async () => {
  received = ''
  isAnswering = true
  connected = () => {}
  disposables = new DisposableStack()
  const server = createServer((socket) => {
    disposables.defer(() => socket.destroy())
    connected()
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      received += bytes
      if (isAnswering) socket.end(ANSWER)
    })
  })
  disposables.defer(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => disposables.dispose())

/** `authenticate` stands for a token that must be fetched first. */
function clientOf(authenticate: () => Promise<void> = async () => {}) {
  return createKubeClient({
    getCurrentCluster: () => ({ name: 'test', server: url, skipTLSVerify: false }),
    applyToHTTPSOptions: authenticate,
  } as unknown as KubeConfig)
}

test('a leader writes', async () => {
  await expect(leaderRequests(clientOf(), alwaysLeader)({ method: 'PATCH', path: '/a', body: {} })).resolves.toEqual({})
  expect(received).toMatch(/^PATCH \/a HTTP/)
})

test('one that is not leader does not even connect', async () => {
  let connections = 0
  connected = () => {
    connections += 1
  }
  const request = leaderRequests(clientOf(), { remainingMs: () => 0 })
  await expect(request({ method: 'PATCH', path: '/a', body: {} })).rejects.toThrow(NotLeaderError)
  expect(connections).toBe(0)
})

test('a lease that runs out while a token is fetched or a connection is made lets nothing leave', async () => {
  let remainingMs = 1000
  const request = leaderRequests(
    clientOf(async () => {
      remainingMs = 0
    }),
    { remainingMs: () => remainingMs },
  )
  const closed = new Promise<void>((resolve) => {
    connected = resolve
  })
  await expect(request({ method: 'PATCH', path: '/a', body: {} })).rejects.toThrow(NotLeaderError)
  await closed
  expect(received).toBe('')
})

test('what has begun is given up when the lease runs out', async () => {
  isAnswering = false
  const request = leaderRequests(clientOf(), { remainingMs: () => 2_000.5 })
  await expect(request({ method: 'PATCH', path: '/a', body: {} })).rejects.toThrow('aborted')
  expect(received).toMatch(/^PATCH/)
})
