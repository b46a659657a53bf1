/** Workers of NGINX and its master are killed under load: a worker takes along what it was answering, and no more. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { prepareAgent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { describeLoad, describeTimes, reportFigures } from '../support/figures.ts'
import { startLoad } from '../support/load.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { descendantsOf, isAlive } from '../support/processes.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'
import { testedNginx } from '../support/site.ts'

const WORKER_KILLS = Number(process.env['NGINX_TS_WORKER_KILLS'] ?? 10)
const MASTER_KILLS = Number(process.env['NGINX_TS_MASTER_KILLS'] ?? 3)
const REQUESTS_PER_SECOND = 500
const LONGEST_BETWEEN_MS = 500
/** Between the count of what is in flight and the kill, some more are sent. */
const SENT_MEANWHILE = 10
const LONGEST_RESTART_MS = 2_000
const ROUND_MS = 20_000

const [, nginx = ''] = (await testedNginx()).at(-1) ?? []

async function serveUnderLoad(started: AsyncDisposableStack) {
  const load = started.use(await startLoad())
  const agent = started.use(await prepareAgent(nginx))
  await agent.startReady()
  const backend = serviceFor({ name: 'steady', address: '127.0.0.1', port: load.backendPort })
  await agent.serve(...backend, ingress('steady').host('steady.test').prefix('/', 'steady'))
  await eventually(async () => expect(await agent.get('steady.test', '/')).toHaveStatus(200))
  load.begin(agent.httpPort, 'steady.test', REQUESTS_PER_SECOND)
  return { load, agent }
}

test(
  `${WORKER_KILLS} kills of a worker cost what it was answering`,
  async () => {
    const seed = chooseSeed()
    const random = randomNumbers(seed)
    await using started = new AsyncDisposableStack()
    const { load, agent } = await serveUnderLoad(started)
    const master = await agent.masterPid()
    const times: number[] = []
    let inHand = 0
    for (let kill = 0; kill < WORKER_KILLS; kill++) {
      await sleep(random() * LONGEST_BETWEEN_MS)
      const workers = await descendantsOf(master)
      const worker = workers[Math.floor(random() * workers.length)] ?? Number.NaN
      const before = await load.inFlight()
      process.kill(worker, 'SIGKILL')
      const killed = performance.now()
      inHand += Math.max(before, await load.inFlight()) + SENT_MEANWHILE
      await eventually(async () => expect(await isAlive(worker)).toBe(false))
      await eventually(async () => expect((await descendantsOf(master)).length).toBe(workers.length))
      times.push(performance.now() - killed)
    }
    const { examples, ...counts } = await load.finish()
    reportFigures({
      row: 7,
      what: 'kill -9 of NGINX workers',
      seed,
      figures: {
        kills: WORKER_KILLS,
        ...describeLoad(counts),
        'in flight at the kills, at most': inHand,
        'kill to the next worker': describeTimes(times),
      },
    })
    expect(counts.wrong).toBe(0)
    expect(counts.refused).toBe(0)
    if (counts.cut > inHand) throw new Error(`more was lost than was in flight (${inHand}): ${JSON.stringify({ counts, examples, times })}`)
    expect(await agent.masterPid()).toBe(master)
  },
  60_000 + WORKER_KILLS * ROUND_MS,
)

test(
  `${MASTER_KILLS} kills of the master: NGINX is back with the newest good generation`,
  async () => {
    const seed = chooseSeed()
    const random = randomNumbers(seed)
    await using started = new AsyncDisposableStack()
    const { load, agent } = await serveUnderLoad(started)
    const { generation } = await agent.remote.status()
    const times: number[] = []
    for (let kill = 0; kill < MASTER_KILLS; kill++) {
      await sleep(random() * LONGEST_BETWEEN_MS)
      const master = await agent.masterPid()
      process.kill(master, 'SIGKILL')
      const killed = performance.now()
      await eventually(async () => {
        expect(await agent.masterPid()).not.toBe(master)
        expect((await agent.remote.status()).generation).toEqual(generation)
        expect(await agent.get('steady.test', '/')).toHaveStatus(200)
      })
      times.push(performance.now() - killed)
    }
    const { examples: _, ...counts } = await load.finish()
    reportFigures({
      row: 7,
      what: 'kill -9 of the NGINX master',
      seed,
      figures: { kills: MASTER_KILLS, ...describeLoad(counts), 'kill to served by the next': describeTimes(times) },
    })
    expect(counts.wrong).toBe(0)
    expect(times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThanOrEqual(LONGEST_RESTART_MS)
  },
  60_000 + MASTER_KILLS * ROUND_MS,
)
