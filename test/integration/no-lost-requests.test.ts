import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { startLoad } from '../support/load.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { manifestText, prepareServe, type Serving } from '../support/serve.ts'
import { testedNginx } from '../support/site.ts'

const REQUESTS_PER_SECOND = 500
/** Often enough that reloads follow on one another, seldom enough that most changes get one of their own. */
const BETWEEN_CHANGES_MS = 300
/** The whole promise on the version that is shipped, a shorter form on the others. */
const CHANGES: Readonly<Record<string, number>> = { '1.30': 100 }
const FEWER_CHANGES = 30

describe.each(await testedNginx())('no lost requests, NGINX %s', (version, nginx) => {
  const changes = CHANGES[version.slice(0, 4)] ?? FEWER_CHANGES

  test(`${changes} changes under ${REQUESTS_PER_SECOND} requests a second on another host lose none`, async () => {
    await using load = await startLoad()
    await using serving = await prepareServe(nginx)
    const backend = serviceFor({ name: 'steady', address: '127.0.0.1', port: load.backendPort })
    await serving.write('steady.yaml', manifestText(...backend, ingress('steady').host('steady.test').prefix('/', 'steady')))
    await serving.startReady()
    const reloads = Number(await serving.metric('nginx_ingress_controller_success'))

    load.begin(serving.httpPort, 'steady.test', REQUESTS_PER_SECOND)
    for (let change = 0; change < changes; change++) {
      await makeChange(serving, change)
      await sleep(BETWEEN_CHANGES_MS)
    }
    await serving.write('last.yaml', manifestText(ingress('last').host('last.test').prefix('/', 'steady')))
    await eventually(async () => expect(await serving.get('last.test', '/')).toHaveStatus(200))
    const { sent, answered, keepAliveClosed, ...lost } = await load.finish()

    const reloaded = Number(await serving.metric('nginx_ingress_controller_success')) - reloads
    process.stderr.write(
      `NGINX ${version}: ${sent} requests, ${answered} answered; ${changes} changes, ${reloaded} reloads; keep-alive connections closed under a request: ${keepAliveClosed}\n`,
    )
    expect(lost).toEqual({ refused: 0, cut: 0, wrong: 0, examples: [] })
    expect(answered + keepAliveClosed).toBe(sent)
    // There was something to lose, and something that could have lost it.
    expect(sent).toBeGreaterThan(1000)
    expect(reloaded).toBeGreaterThan(5)
  }, 180_000)
})

/** By turns: a file of a new host, the same file changed, and the file removed. */
async function makeChange(serving: Serving, change: number) {
  const round = Math.floor(change / 3)
  const name = `changing${round}.yaml`
  const route = (path: string) => manifestText(ingress(`changing${round}`).host(`changing${round}.test`).prefix(path, 'steady'))
  if (change % 3 === 0) await serving.write(name, route('/first'))
  else if (change % 3 === 1) await serving.write(name, route('/second'))
  else await serving.remove(name)
}
