/** The agent is killed over and over, at any moment of a change, while requests go through NGINX. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { prepareAgent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { describeLoad, describeTimes, reportFigures } from '../support/figures.ts'
import { startLoad } from '../support/load.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'
import { testedNginx } from '../support/site.ts'

const REQUESTS_PER_SECOND = 300
/** A change takes some 250 ms from its cause to its confirmation: kills fall into every part of it, and behind it. */
const LONGEST_BEFORE_KILL_MS = 400
const LONGEST_BETWEEN_MS = 500
const LONGEST_TO_RIGHT_MS = 5_000
/** The whole promise on the version that is shipped, a shorter form on the others. */
const KILLS: Readonly<Record<string, number>> = { '1.30': Number(process.env['NGINX_TS_KILLS'] ?? 20) }
const FEWER_KILLS = 5
const LONGEST_ROUND_MS = 15_000

describe.each(await testedNginx())('the agent killed under load, NGINX %s', (version, nginx) => {
  const kills = KILLS[version.slice(0, 4)] ?? FEWER_KILLS

  test(
    `${kills} kills lose no request, and every change becomes live within ${LONGEST_TO_RIGHT_MS / 1000} s`,
    async () => {
      const seed = chooseSeed()
      const random = randomNumbers(seed)
      await using started = new AsyncDisposableStack()
      const load = started.use(await startLoad())
      const agent = started.use(await prepareAgent(nginx))
      const backend = serviceFor({ name: 'steady', address: '127.0.0.1', port: load.backendPort })
      const cluster = (changing: string) => [
        ...backend,
        ...['steady', changing].map((name) => ingress(name).host(`${name}.test`).prefix('/', 'steady')),
      ]
      await agent.startReady()
      const controlling = started.use(agent.control(...cluster('first')))
      await eventually(async () => expect(await agent.get('steady.test', '/')).toHaveStatus(200))
      const master = await agent.masterPid()

      load.begin(agent.httpPort, 'steady.test', REQUESTS_PER_SECOND)
      const times: number[] = []
      for (let kill = 0; kill < kills; kill++) {
        const pid = await agent.agentPid()
        controlling.change(...cluster(`before${kill}`))
        await sleep(random() * LONGEST_BEFORE_KILL_MS)
        process.kill(pid, 'SIGKILL')
        const killed = performance.now()
        controlling.change(...cluster(`after${kill}`))
        await eventually(async () => expect(await agent.get(`after${kill}.test`, '/')).toHaveStatus(200), { timeoutMs: LONGEST_ROUND_MS })
        times.push(performance.now() - killed)
        await sleep(random() * LONGEST_BETWEEN_MS)
      }
      const { sent, answered, keepAliveClosed, ...lost } = await load.finish()

      const interrupted = controlling.outcomes.filter(({ result }) => result.kind === 'refused').length
      reportFigures({
        row: 6,
        what: `kill -9 of the agent, NGINX ${version}`,
        seed,
        figures: {
          kills,
          'turns cut short': interrupted,
          ...describeLoad({ sent, keepAliveClosed, ...lost }),
          'kill to right configuration': describeTimes(times),
        },
      })
      expect(lost).toEqual({ refused: 0, cut: 0, wrong: 0, examples: [] })
      expect(answered + keepAliveClosed).toBe(sent)
      // There was something to lose, and all went past the same NGINX.
      expect(sent).toBeGreaterThan(1000)
      expect(await agent.masterPid()).toBe(master)
      expect(Math.max(...times)).toBeLessThanOrEqual(LONGEST_TO_RIGHT_MS)
      for (const { result } of controlling.outcomes)
        if (result.kind === 'refused') expect(result).toMatchObject({ retryAfterMs: expect.any(Number) })
    },
    60_000 + kills * LONGEST_ROUND_MS,
  )
})
