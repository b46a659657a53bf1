/**
 * The controller's wall clock jumps, by libfaketime, while its monotonic clock goes on as kernels let it: nothing is
 * lost, no timer sticks, and the leader stays it. Without libfaketime (package `faketime`) there is only what the unit
 * tests of lease and reflector do with clocks of their own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { STEADY, startChurn } from '../support/churn.ts'
import { startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { faketimeLibrary } from '../support/faketime.ts'
import { describeLoad, describeTimes, reportFigures } from '../support/figures.ts'
import { startLoad } from '../support/load.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'

const JUMPS = Number(process.env['NGINX_TS_JUMPS'] ?? 4)
const REQUESTS_PER_SECOND = 500
/** As libfaketime takes them: from the machine's own time. */
const OFFSETS = ['+1h', '-1h', '+0', '+20h', '-20h', '+10y']
/** There, the API server's certificate has expired, and its answers are rightly refused: it is only served on. */
const BEYOND_CERTIFICATES = '+10y'
/** Shorter than a lease is trusted without a renewal. */
const LONGEST_BEYOND_MS = 5_000
const LONGEST_BETWEEN_MS = 3_000
const PATIENCE = { timeoutMs: 60_000 }
const START_TIMEOUT_MS = 200_000

const library = await faketimeLibrary()
const testWithFaketime = library === undefined ? test.skip : test

testWithFaketime(
  `${JUMPS} jumps of the wall clock lose no request, stop no timer and depose no leader`,
  async () => {
    const seed = chooseSeed()
    const random = randomNumbers(seed)
    process.stderr.write(`clock jumps: seed ${seed} (NGINX_TS_SEED)\n`)
    await using started = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-clock-'))
    started.defer(() => rm(folder, { recursive: true }))
    const offsetFile = join(folder, 'offset')
    const jump = async (offset: string) => await writeFile(offsetFile, `${offset}\n`)
    await jump('+0')
    const load = started.use(await startLoad({ address: '0.0.0.0' }))
    const cluster = started.use(
      await startCluster({
        environment: {
          LD_PRELOAD: library ?? '',
          FAKETIME_TIMESTAMP_FILE: offsetFile,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
        },
      }),
    )
    const { apply, remove, controller, agent } = cluster
    const churn = started.use(await startChurn({ random, steadyPort: load.backendPort, apply, remove }))
    await apply(...churn.initial)
    await eventually(() => churn.check(cluster.get), PATIENCE)
    const linesOf = (text: string) => controller.log().filter(({ msg }) => msg.includes(text)).length
    await eventually(() => expect(linesOf('this replica leads (')).toBe(1), PATIENCE)

    load.begin(agent.httpPort, STEADY, REQUESTS_PER_SECOND)
    const times: number[] = []
    for (let count = 0; count < JUMPS; count++) {
      const offset = OFFSETS[Math.floor(random() * OFFSETS.length)] ?? '+0'
      await jump(offset)
      if (offset === BEYOND_CERTIFICATES) {
        await sleep(random() * LONGEST_BEYOND_MS)
        await churn.check(cluster.get)
        await jump('+0')
      }
      const jumped = performance.now()
      await churn.step()
      await churn.add()
      await eventually(() => churn.check(cluster.get), PATIENCE)
      times.push(performance.now() - jumped)
      expect(await controller.isReady()).toBe(true)
      await sleep(random() * LONGEST_BETWEEN_MS)
    }
    const { examples, ...counts } = await load.finish()

    const lost = linesOf('this replica leads no more')
    reportFigures({
      row: 13,
      what: 'jumps of the wall clock',
      seed,
      figures: { jumps: JUMPS, ...describeLoad(counts), 'change to served': describeTimes(times), 'leases lost': lost },
    })
    expect(examples).toEqual([])
    expect(counts.answered + counts.keepAliveClosed).toBe(counts.sent)
    expect(counts.sent).toBeGreaterThan(1000)
    expect(lost).toBe(0)
  },
  START_TIMEOUT_MS + JUMPS * PATIENCE.timeoutMs,
)
