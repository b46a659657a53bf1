/** Changes one at a time, each timed from before its request to the API server until NGINX answers rightly. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pathOf } from '../../support/cluster-objects.ts'
import { endpointSlice, ingress } from '../../support/objects.ts'
import { hasTls, shopHost, shopName } from '../cluster.ts'
import { endpointAnswering, type Measured, reloadsOf, until } from './measured.ts'
import { createAll, ENDPOINT_PORT, spareAddress } from './shops.ts'
import { type CpuSeconds, cpuBetween, cpuOf } from './usage.ts'

export type TimedChanges<Time> = {
  readonly times: readonly Time[]
  readonly reloads: number
  /** Of all of them, the pauses in between included. */
  readonly cpu: CpuSeconds
}

/** Milliseconds until the first answer of a new endpoint, and until the last one of an old endpoint. */
export type EndpointTimes = { readonly firstMs: number; readonly lastMs: number }

/** Longer than a turn takes to end, and never in step with anything. */
const PAUSE_MS = { least: 1000, most: 2500 }
/** For so long after the first new answer, old ones are looked for; 46 ms was the latest seen. */
const LOOK_FOR_OLD_MS = 600

export async function timeChanges<Time>(measured: Measured, change: (sample: number) => Promise<Time>): Promise<TimedChanges<Time>> {
  const { settings, controller, agent, random } = measured
  const [cpu, reloads] = [await cpuOf(controller, agent), await reloadsOf(measured)]
  const times: Time[] = []
  for (let sample = 0; sample < settings.samples; sample += 1) {
    await sleep(PAUSE_MS.least + random() * (PAUSE_MS.most - PAUSE_MS.least))
    times.push(await change(sample))
  }
  await sleep(PAUSE_MS.least)
  return { times, reloads: (await reloadsOf(measured)) - reloads, cpu: cpuBetween(cpu, await cpuOf(controller, agent)) }
}

/** A new Ingress with a new host, for the Service of a shop. Gives milliseconds until its host answers. */
export async function newIngress(measured: Measured, sample: number): Promise<number> {
  const name = `new-${sample}`
  const host = `${name}.bench.test`
  const manifest = ingress(name)
    .host(host)
    .prefix('/', shopName(anyShop(measured)))
    .toManifest()
  const start = performance.now()
  await createAll(measured.client, [manifest])
  await until(() => endpointAnswering(measured, host))
  return performance.now() - start
}

/** All endpoints of a shop without TLS give way to another one. */
export async function newEndpoint(measured: Measured, sample: number): Promise<EndpointTimes> {
  const shop = anyShop(measured)
  const host = shopHost(shop)
  const address = spareAddress(sample)
  const slice = endpointSlice(shopName(shop), [{ address }], { port: ENDPOINT_PORT })
  const start = performance.now()
  const asked = measured.client.request({
    method: 'PATCH',
    path: pathOf(slice),
    contentType: 'application/merge-patch+json',
    body: { endpoints: slice['endpoints'] },
  })
  let lastMs = 0
  async function answeredByNew(): Promise<true | undefined> {
    const answering = await endpointAnswering(measured, host)
    if (answering === address) return true
    lastMs = performance.now() - start
    return undefined
  }
  await until(answeredByNew)
  const firstMs = performance.now() - start
  await asked
  while (performance.now() - start < firstMs + LOOK_FOR_OLD_MS) await answeredByNew()
  return { firstMs, lastMs }
}

function anyShop({ settings, random }: Measured): number {
  const shop = Math.floor(random() * (settings.ingresses - 1))
  return hasTls(shop) ? shop + 1 : shop
}
