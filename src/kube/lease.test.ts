import { describe, expect, test } from '@jest/globals'
import { createFakeApi, type FakeApi } from '../../test/support/fake-api.ts'
import { randomNumbers } from '../../test/support/random.ts'
import { createVirtualTime, type VirtualClockOptions, type VirtualTime, virtualClock } from '../../test/support/virtual-time.ts'
import type { ApiRequest, KubeClient } from './client.ts'
import { createElection, leaseIdentity, leaseTimesOf } from './lease.ts'

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/ingress/leases/nginx-ts-leader'
const SECOND = 1000
const TIMES = leaseTimesOf(15 * SECOND)
const SEEDS = 100

type Spec = { holderIdentity: string; leaseTransitions: number; acquireTime: string; renewTime: string }
const specOf = (api: FakeApi) => api.objects.get(LEASE)?.['spec'] as Spec | undefined

function startReplica(identity: string, client: KubeClient, time: VirtualTime, options: VirtualClockOptions = {}) {
  const told: string[] = []
  const ended = new AbortController()
  const election = createElection(
    client,
    { namespace: 'ingress', name: 'nginx-ts-leader', identity, times: TIMES },
    virtualClock(time, options),
    { gained: () => told.push('gained'), lost: () => told.push('lost'), failed: () => told.push('failed') },
  )
  const running = election.run(ended.signal)
  return {
    told,
    isLeader: () => election.remainingMs() > 0,
    remainingMs: election.remainingMs,
    stop: () => {
      ended.abort()
      return running
    },
  }
}

test('the times are those of client-go, in their proportions', () => {
  expect(leaseTimesOf(15_000)).toEqual({ durationMs: 15_000, trustMs: 10_000, retryMs: 2_000 })
  expect(leaseTimesOf(29_500)).toEqual({ durationMs: 30_000, trustMs: 20_000, retryMs: 4_000 })
})

test('a replica that starts again under the same name is another one', () => {
  const random = randomNumbers(1)
  expect(leaseIdentity('nginx-ts-0', random)).toMatch(/^nginx-ts-0_[0-9a-f]{12}$/)
  expect(leaseIdentity('nginx-ts-0', random)).not.toBe(leaseIdentity('nginx-ts-0', random))
})

describe('the election', () => {
  test('makes the Lease when there is none, and keeps it', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    await time.pass(0)
    expect(specOf(api)).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
    })
    await time.pass(60 * SECOND)
    expect(a.isLeader()).toBe(true)
    expect(specOf(api)).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0, acquireTime: '2026-01-01T00:00:00.000000Z' })
    expect(specOf(api)?.renewTime).toMatch(/^2026-01-01T00:01:00/)
    expect(a.told).toEqual(['gained'])
  })

  test('another takes over once the record has stayed the same for its whole duration by its own clock, however old it says it is', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    api.put(LEASE, {
      metadata: { name: 'nginx-ts-leader' },
      spec: { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z', leaseTransitions: 4 },
    })
    const b = startReplica('b', api.client, time)
    await time.pass(14.9 * SECOND)
    expect(b.isLeader()).toBe(false)
    await time.pass(TIMES.retryMs * 2.2)
    expect(b.isLeader()).toBe(true)
    expect(specOf(api)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 5 })
  })

  test('wall clocks that jump by hours and years change nothing', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const random = randomNumbers(13)
    const jumps = () => Date.UTC(2026, 0, 1) + (random() - 0.5) * 20 * 365 * 24 * 3600 * SECOND
    const a = startReplica('a', api.client, time, { wallTime: jumps })
    await time.pass(SECOND)
    const b = startReplica('b', api.client, time, { wallTime: jumps })
    await time.pass(600 * SECOND)
    expect([a.told, b.told]).toEqual([['gained'], []])
  })

  test('a leader given back is followed at the next try', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    await time.pass(SECOND)
    const b = startReplica('b', api.client, time)
    await time.pass(5 * SECOND)
    await a.stop()
    expect(a.isLeader()).toBe(false)
    expect(specOf(api)?.holderIdentity).toBe('')
    await time.pass(TIMES.retryMs * 2.2)
    expect(b.isLeader()).toBe(true)
    expect(a.told).toEqual(['gained', 'lost'])
  })

  test("one that is not leader gives nothing back: the record is the other's", async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    startReplica('a', api.client, time)
    await time.pass(SECOND)
    const b = startReplica('b', api.client, time)
    await time.pass(SECOND)
    await b.stop()
    expect(specOf(api)?.holderIdentity).toBe('a')
  })

  test('a leader whose renewals fail is none once its trust has run out, by the clock and not by a timer', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    await time.pass(SECOND)
    const { renewTime } = specOf(api) as Spec
    api.before = () => {
      throw new Error('connection refused')
    }
    await time.pass(8.9 * SECOND)
    expect(specOf(api)?.renewTime).toBe(renewTime)
    expect(a.remainingMs()).toBeCloseTo(0.1 * SECOND)
    await time.pass(0.1 * SECOND)
    expect(a.remainingMs()).toBe(0)
    api.before = () => {}
    await time.pass(10 * SECOND)
    expect(a.told).toEqual(['gained', 'failed', 'lost', 'gained'])
  })

  test('trust is counted from when the renewal was sent, not from when it was answered', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    api.before = () => time.after(4 * SECOND)
    const a = startReplica('a', api.client, time)
    // 4 s to read that there is none, 4 s to make it.
    await time.pass(8 * SECOND)
    expect(a.remainingMs()).toBeCloseTo(6 * SECOND)
  })

  test('somebody who edits the Lease does not depose the leader', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    for (let edits = 0; edits < 5; edits += 1) {
      await time.pass(3 * SECOND)
      api.put(LEASE, { ...api.objects.get(LEASE), metadata: { name: 'nginx-ts-leader', annotations: { edit: String(edits) } } })
    }
    await time.pass(3 * SECOND)
    expect([a.isLeader(), a.told]).toEqual([true, ['gained']])
  })

  test('a leader whose Lease is taken away leads no more at its next renewal, and waits as long as the new record says', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    await time.pass(SECOND)
    api.put(LEASE, { ...api.objects.get(LEASE), spec: { ...specOf(api), holderIdentity: 'withdrawal', leaseDurationSeconds: 60 } })
    await time.pass(TIMES.retryMs)
    expect([a.isLeader(), a.told]).toEqual([false, ['gained', 'lost']])
    await time.pass(55 * SECOND)
    expect(a.isLeader()).toBe(false)
    await time.pass(5 * SECOND + TIMES.retryMs * 2.2)
    expect(a.isLeader()).toBe(true)
  })

  test('a Lease that is deleted is made anew', async () => {
    const [time, api] = [createVirtualTime(), createFakeApi()]
    const a = startReplica('a', api.client, time)
    await time.pass(SECOND)
    api.remove(LEASE)
    await time.pass(3 * SECOND)
    expect([a.told, specOf(api)?.holderIdentity]).toEqual([['gained'], 'a'])
  })
})

/**
 * Three replicas through lost and late requests, lost answers, stops, and clocks that differ by a tenth. A replica that
 * is stopped goes on with what it waits for when it is continued, as a process does after SIGCONT.
 */
test('of three replicas, no two are ever leader at once, and one always comes of it', async () => {
  const first = Number(process.env['NGINX_TS_SEED'] ?? 1)
  let takeovers = 0
  for (let seed = first; seed < first + SEEDS; seed += 1) {
    const random = randomNumbers(seed)
    const [time, api] = [createVirtualTime(), createFakeApi()]
    let isFaulty = true

    const replicas = ['a', 'b', 'c'].map((identity) => {
      let continuesAt = 0
      const whileRunning = async <Result>(result: Promise<Result>): Promise<Result> => {
        await Promise.allSettled([result])
        while (time.now() < continuesAt) await time.after(continuesAt - time.now())
        return await result
      }
      const client: KubeClient = {
        ...api.client,
        request: <Result>(request: ApiRequest) => whileRunning(faulty<Result>(request)),
      }
      async function faulty<Result>(request: ApiRequest): Promise<Result> {
        const fate = isFaulty ? random() : 1
        const timeoutMs = request.timeoutMs ?? 0
        if (fate < 0.15) return await time.after(random() * timeoutMs).then(() => Promise.reject(new Error('lost')))
        const [there, back] = [random() * (fate < 0.3 ? 2 * timeoutMs : 50), random() * 50]
        const answer = time.after(there).then(() => api.client.request<Result>(request))
        answer.catch(() => {})
        if (there + back > timeoutMs || fate < 0.4)
          return await time.after(timeoutMs).then(() => Promise.reject(new Error('the answer came too late')))
        const result = await answer
        await time.after(back)
        return result
      }
      const clock = virtualClock(time, { rate: 0.95 + random() * 0.1, random })
      const election = createElection(
        client,
        { namespace: 'ingress', name: 'nginx-ts-leader', identity, times: TIMES },
        { ...clock, sleep: (milliseconds, signal) => whileRunning(clock.sleep(milliseconds, signal)) },
        { gained() {}, lost() {}, failed() {} },
      )
      const ended = new AbortController()
      election.run(ended.signal)
      return {
        identity,
        isLeader: () => election.remainingMs() > 0,
        stopFor: (milliseconds: number) => {
          continuesAt = time.now() + milliseconds
        },
      }
    })

    let last = ''
    const check = () => {
      const leaders = replicas.filter(({ isLeader }) => isLeader()).map(({ identity }) => identity)
      if (leaders.length > 1) throw new Error(`seed ${seed}: ${leaders.join(' and ')} are leaders at ${time.now()} ms`)
      if (leaders.some((leader) => leader !== last)) takeovers += 1
      last = leaders[0] ?? last
    }
    for (let turn = 0; turn < 40; turn += 1) {
      await time.pass(random() * 20 * SECOND, check)
      replicas[Math.floor(random() * 3)]?.stopFor(random() * 40 * SECOND)
    }
    isFaulty = false
    await time.pass(90 * SECOND, check)
    if (replicas.filter(({ isLeader }) => isLeader()).length !== 1) throw new Error(`seed ${seed}: nobody leads`)
  }
  // Otherwise the faults were too mild to mean anything.
  expect(takeovers).toBeGreaterThan(3 * SEEDS)
})
