/**
 * API server and etcd are killed under load, for a while and for good: what was served is served on, nobody takes an
 * empty etcd at its word, and a replica that has never seen the cluster does not pretend to have.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { prepareAgent } from '../support/agent.ts'
import type { ApiServer } from '../support/api-server.ts'
import { type Churn, STEADY, startChurn } from '../support/churn.ts'
import { type Cluster, newestNginx, OUR_CLASS, startCluster } from '../support/cluster.ts'
import { apply } from '../support/cluster-objects.ts'
import { prepareController } from '../support/controller.ts'
import { eventually } from '../support/eventually.ts'
import { describeLoad, describeTimes, reportFigures } from '../support/figures.ts'
import { type Load, startLoad } from '../support/load.ts'
import { configMap } from '../support/objects.ts'
import { chooseSeed, randomNumbers } from '../support/random.ts'

const OUTAGES = Number(process.env['NGINX_TS_OUTAGES'] ?? 2)
const LONGEST_OUTAGE_MS = Number(process.env['NGINX_TS_OUTAGE_SECONDS'] ?? 5) * 1000
/** Whether to wait until an empty list is believed, half a minute later. */
const IS_LONG = OUTAGES >= 20
const REQUESTS_PER_SECOND = 500
const HOSTS = 12
const CHANGES_AFTER = 3
const BETWEEN_LOOKS_MS = 500
/** Of the half minute until an empty list is believed; the kinds are listed some seconds after one another. */
const LOOK_AT_EMPTY_MS = 5_000
/** A server that begins anew writes some 250 objects of its own; the one before is to be further than that. */
const WRITES_OF_A_LIFE = 400
const EMPTIED = ['Ingress', 'IngressClass', 'Service', 'EndpointSlice']
/** An API server starts in some 15 s on a busy machine, and reflectors wait up to 10 s between tries. */
const PATIENCE = { timeoutMs: 90_000 }
const START_TIMEOUT_MS = 240_000
const ROUND_MS = 240_000

const seed = chooseSeed()
const random = randomNumbers(seed)
const started = new AsyncDisposableStack()
let cluster: Cluster
let churn: Churn
let load: Load

beforeAll(async () => {
  process.stderr.write(`API server away: seed ${seed} (NGINX_TS_SEED)\n`)
  load = started.use(await startLoad({ address: '0.0.0.0' }))
  cluster = started.use(await startCluster())
  const { apply, remove } = cluster
  churn = started.use(await startChurn({ random, steadyPort: load.backendPort, hosts: HOSTS, apply, remove }))
  await age(cluster.api)
  await cluster.apply(...churn.initial)
  await eventually(() => churn.check(cluster.get), PATIENCE)
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

/** Looks again and again at every host for so long. */
async function servesOnFor(milliseconds: number): Promise<void> {
  for (const end = performance.now() + milliseconds; performance.now() < end; await sleep(BETWEEN_LOOKS_MS)) {
    await churn.check(cluster.get)
    expect(await cluster.controller.isReady()).toBe(true)
  }
}

test(
  `${OUTAGES} crashes of API server and etcd, and one that comes back empty, lose no request and no route`,
  async () => {
    const { api, agent } = cluster
    const master = await agent.masterPid()
    load.begin(agent.httpPort, STEADY, REQUESTS_PER_SECOND)
    const recoveries: number[] = []
    for (let outage = 0; outage < OUTAGES; outage++) {
      for (let change = 0; change < CHANGES_AFTER; change++) await churn.step()
      await eventually(() => churn.check(cluster.get), PATIENCE)
      await api.kill()
      // Meanwhile an agent may have to start with what there is.
      if (outage % 2 === 0) process.kill(await agent.agentPid(), 'SIGKILL')
      await servesOnFor(random() * LONGEST_OUTAGE_MS)
      await api.start()
      const back = performance.now()
      for (let change = 0; change < CHANGES_AFTER; change++) await churn.step()
      await churn.add()
      await eventually(() => churn.check(cluster.get), PATIENCE)
      recoveries.push(performance.now() - back)
    }

    await restoreEmpty(api)
    await eventually(() => {
      for (const kind of EMPTIED) expect(cluster.controller.standardError()).toContain(`a list of every ${kind} lacks`)
    }, PATIENCE)
    await servesOnFor(LOOK_AT_EMPTY_MS)
    const { examples, ...counts } = await load.finish()

    reportFigures({
      row: 8,
      what: 'kill -9 of API server and etcd; once they came back empty',
      seed,
      figures: {
        outages: OUTAGES,
        'longest outage': `${LONGEST_OUTAGE_MS / 1000} s`,
        ...describeLoad(counts),
        'ready again to changes served': describeTimes(recoveries),
      },
    })
    expect(examples).toEqual([])
    expect(counts.answered + counts.keepAliveClosed).toBe(counts.sent)
    expect(counts.sent).toBeGreaterThan(1000)
    expect(await agent.masterPid()).toBe(master)
    if (IS_LONG) await eventually(async () => expect(await cluster.get(STEADY, '/')).toHaveStatus(404), PATIENCE)
  },
  START_TIMEOUT_MS + OUTAGES * (LONGEST_OUTAGE_MS + ROUND_MS),
)

/** Every later version of it is a higher one than a new server's. */
async function age({ client }: ApiServer): Promise<void> {
  for (let write = 0; write < WRITES_OF_A_LIFE; write++) await apply(client, configMap('written', { write: `${write}` }))
}

async function restoreEmpty(api: ApiServer): Promise<void> {
  await api.kill()
  await api.eraseData()
  await api.start()
}

test(
  'a replica that starts while the API server is away is not ready; one that has served before serves on',
  async () => {
    const { api, agent, controller } = cluster
    await apply(api.client, OUR_CLASS)
    await cluster.apply(...churn.initial)
    await cluster.eventually(STEADY, '/', (answer) => expect(answer).toHaveStatus(200))
    await api.kill()
    controller.signal('SIGKILL')
    await controller.ended()
    controller.start()

    await using others = new AsyncDisposableStack()
    const newAgent = others.use(await prepareAgent(await newestNginx()))
    const ports = { http: newAgent.httpPort, https: newAgent.httpsPort }
    const newController = others.use(await prepareController({ layout: newAgent.layout, kubeconfig: api.kubeconfig, ports }))
    await newAgent.startReady()
    newController.start()
    for (const one of [controller, newController])
      await eventually(async () => expect(await one.status('/healthz')).toHaveStatus(200), PATIENCE)
    for (const end = performance.now() + 3000; performance.now() < end; await sleep(BETWEEN_LOOKS_MS)) {
      for (const one of [controller, newController]) expect(await one.status('/readyz')).toHaveStatus(503)
      expect(await cluster.get(STEADY, '/')).toHaveStatus(200)
    }
    expect((await newAgent.remote.status()).health).toBe('nothing-to-serve')
    await expect(newAgent.get(STEADY, '/')).rejects.toThrow('ECONNREFUSED')

    agent.signal('SIGTERM')
    await agent.ended()
    await agent.startReady()
    await eventually(async () => expect(await cluster.get(STEADY, '/')).toHaveStatus(200))
    expect(await controller.isReady()).toBe(false)

    await api.start()
    for (const one of [controller, newController]) await eventually(async () => expect(await one.isReady()).toBe(true), PATIENCE)
    for (const one of [agent, newAgent]) expect(await one.get(STEADY, '/')).toHaveStatus(200)
  },
  ROUND_MS + START_TIMEOUT_MS,
)
