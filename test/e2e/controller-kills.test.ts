/**
 * The controller is killed over and over under load, while the cluster changes: at any moment of a change, and at chosen
 * ones: when it has written a configuration, and when it has renamed it into place.
 */
import { watch } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { activeGeneration } from '../../src/nginx/generations.ts'
import { STEADY, startChurn } from '../support/churn.ts'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { describeLoad, describeTimes, reportFigures } from '../support/figures.ts'
import { startLoad } from '../support/load.ts'
import { waitedForProcessor } from '../support/processes.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'

const KILLS = Number(process.env['NGINX_TS_KILLS'] ?? 20)
const REQUESTS_PER_SECOND = 500
/** A change takes some 300 ms from its cause to its confirmation: kills fall into every part of it, and behind it. */
const LONGEST_BEFORE_KILL_MS = 600
const LONGEST_BETWEEN_MS = 500
const MOST_CHANGES = 3
/** Without the time that the new controller was ready to run and others had the processors: that is the machine's. */
const LONGEST_TO_RIGHT_MS = 5_000
const LONGEST_ROUND_MS = 60_000
const START_TIMEOUT_MS = 200_000

type Moment = 'any' | 'written' | 'renamed'
const MOMENTS: readonly Moment[] = ['any', 'written', 'any', 'renamed']

test(
  `${KILLS} kills of the controller lose no request, and the newest change is served within ${LONGEST_TO_RIGHT_MS / 1000} s`,
  async () => {
    const seed = chooseSeed()
    const random = randomNumbers(seed)
    process.stderr.write(`controller kills: seed ${seed} (NGINX_TS_SEED)\n`)
    await using started = new AsyncDisposableStack()
    const load = started.use(await startLoad({ address: '0.0.0.0' }))
    const cluster = started.use(await startCluster())
    const { apply, remove, controller, agent } = cluster
    const churn = started.use(await startChurn({ random, steadyPort: load.backendPort, apply, remove }))
    await apply(...churn.initial)
    await eventually(() => churn.check(cluster.get), { timeoutMs: LONGEST_ROUND_MS })
    const master = await agent.masterPid()

    load.begin(agent.httpPort, STEADY, REQUESTS_PER_SECOND)
    const times: number[] = []
    const ownTimes: number[] = []
    const found = { 'written, not renamed': 0, 'renamed, not served': 0 }
    for (let kill = 0; kill < KILLS; kill++) {
      const changesBefore = 1 + Math.floor(random() * MOST_CHANGES)
      const moment = MOMENTS[kill % MOMENTS.length] ?? 'any'
      const reached = moment === 'any' ? sleep(random() * LONGEST_BEFORE_KILL_MS) : written(cluster, moment, random)
      for (let change = 0; change < changesBefore; change++) await churn.step()
      await reached
      controller.signal('SIGKILL')
      const killed = performance.now()
      await controller.ended()
      const left = await whereItFell(cluster)
      if (left !== undefined) found[left]++
      controller.start()
      for (let change = Math.floor(random() * MOST_CHANGES); change > 0; change--) await churn.step()
      // Whatever the dead one had finished: this takes the next.
      await churn.add()
      await eventually(() => churn.check(cluster.get), { timeoutMs: LONGEST_ROUND_MS })
      const time = performance.now() - killed
      times.push(time)
      ownTimes.push(time - (await waitedForProcessor(controller.pid())))
      await eventually(async () => expect(await controller.isReady()).toBe(true), { timeoutMs: LONGEST_ROUND_MS })
      await sleep(random() * LONGEST_BETWEEN_MS)
    }
    const { examples, ...counts } = await load.finish()

    reportFigures({
      row: 6,
      what: 'kill -9 of the controller',
      seed,
      figures: {
        kills: KILLS,
        ...found,
        changes: churn.changes(),
        ...describeLoad(counts),
        'kill to right configuration': describeTimes(times),
        'less its wait for a processor': describeTimes(ownTimes),
      },
    })
    expect(examples).toEqual([])
    expect(counts.answered + counts.keepAliveClosed).toBe(counts.sent)
    // There was something to lose, and all went past the same NGINX.
    expect(counts.sent).toBeGreaterThan(1000)
    expect(await agent.masterPid()).toBe(master)
    expect(Math.max(...ownTimes)).toBeLessThanOrEqual(LONGEST_TO_RIGHT_MS)
  },
  START_TIMEOUT_MS + KILLS * LONGEST_ROUND_MS,
)

/** Resolves a few milliseconds after a configuration was written to be tested, or was renamed into place; or when none is. */
async function written({ agent: { layout } }: Cluster, moment: 'written' | 'renamed', random: () => number): Promise<void> {
  const wanted = basename(moment === 'written' ? layout.stagedRoot : layout.activeRoot)
  const seen = Promise.withResolvers<void>()
  const watcher = watch(layout.conf, (_event, name) => {
    if (name === wanted) seen.resolve()
  })
  try {
    await Promise.race([seen.promise, sleep(2 * LONGEST_BEFORE_KILL_MS)])
    // nginx -t takes some 30 ms, a reload a little more.
    await sleep(random() * (moment === 'written' ? 30 : 3))
  } finally {
    watcher.close()
  }
}

/** What the dead left: a generation that is only written, or one that is in place while workers serve another. */
async function whereItFell({ agent }: Cluster): Promise<'written, not renamed' | 'renamed, not served' | undefined> {
  const [active, staged, { generation }] = await Promise.all([
    activeGeneration(agent.layout),
    activeGeneration({ ...agent.layout, activeRoot: agent.layout.stagedRoot }),
    agent.remote.status(),
  ])
  if (active?.number !== generation?.number) return 'renamed, not served'
  return staged === undefined ? undefined : 'written, not renamed'
}
