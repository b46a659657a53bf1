/** Ingresses of another controller's class that change all the time, and what that costs us, to whom they are nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { pathOf } from '../../support/cluster-objects.ts'
import { type Measured, reloadsOf } from './measured.ts'
import { createAll, foreignManifest } from './shops.ts'
import { type CpuSeconds, cpuBetween, cpuOf } from './usage.ts'

export type ForeignFigures = {
  readonly changes: number
  readonly seconds: number
  readonly reloads: number
  /** While they change, and for as long with nobody changing anything. */
  readonly cpu: CpuSeconds
  readonly idleCpu: CpuSeconds
}

const SETTLE_MS = 5000

/** Half of the changes are of annotations, half of the status. */
export async function churnForeign(measured: Measured): Promise<ForeignFigures> {
  const { settings, client, controller, agent, random } = measured
  const manifests = Array.from({ length: settings.foreign }, (_, index) => foreignManifest(index))
  await createAll(client, manifests)
  await sleep(SETTLE_MS)
  const idleFrom = await cpuOf(controller, agent)
  await sleep(settings.foreignSeconds * 1000)
  const from = await cpuOf(controller, agent)
  const reloads = await reloadsOf(measured)

  const start = performance.now()
  const due = () => ((performance.now() - start) / 1000) * settings.foreignChangesPerSecond
  const [fieldsOfStatus, fieldsOfMetadata] = [
    (change: number) => ({ status: { loadBalancer: { ingress: [{ ip: `203.0.113.${change % 250}` }] } } }),
    (change: number) => ({ metadata: { annotations: { 'example.test/revision': `${change}` } } }),
  ]
  let changes = 0
  while (performance.now() - start < settings.foreignSeconds * 1000) {
    for (; changes < due(); changes += 1) {
      const path = pathOf(manifests[Math.floor(random() * manifests.length)] ?? {})
      const isStatus = changes % 2 === 0
      await client.request({
        method: 'PATCH',
        path: isStatus ? `${path}/status` : path,
        contentType: 'application/merge-patch+json',
        body: isStatus ? fieldsOfStatus(changes) : fieldsOfMetadata(changes),
      })
    }
    await sleep(10)
  }
  const seconds = (performance.now() - start) / 1000
  return {
    changes,
    seconds,
    reloads: (await reloadsOf(measured)) - reloads,
    cpu: cpuBetween(from, await cpuOf(controller, agent)),
    idleCpu: cpuBetween(idleFrom, from),
  }
}
