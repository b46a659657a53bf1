/** The cluster under measurement, and how it is asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '../../../src/kube/client.ts'
import type { AgentProcess } from '../../support/agent.ts'
import { send } from '../../support/client.ts'
import type { ControllerProcess } from '../../support/controller.ts'
import { hasTls, shopHost } from '../cluster.ts'
import type { Settings } from './settings.ts'

export type Measured = {
  readonly settings: Settings
  readonly client: KubeClient
  readonly controller: ControllerProcess
  readonly agent: AgentProcess
  /** From 0 to below 1. */
  readonly random: () => number
}

const BETWEEN_PROBES_MS = 5
const TIMEOUT_MS = 180_000
const PROBED_SHOPS = 10

/** Asks until there is something to give; a failure gives nothing. */
export async function until<Given>(ask: () => Promise<Given | undefined>): Promise<Given> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const given = await ask().catch(() => undefined)
    if (given !== undefined) return given
    if (performance.now() > deadline) throw new Error(`what is waited for has not come within ${TIMEOUT_MS / 1000} s`)
    await sleep(BETWEEN_PROBES_MS)
  }
}

/** The address of the endpoint that answers a host, on a fresh connection; undefined for an answer of NGINX's own. */
export async function endpointAnswering({ agent }: Measured, host: string): Promise<string | undefined> {
  const { status, body } = await send(agent.httpPort, host, '/cart')
  return status === 200 ? body : undefined
}

/** Whether a shop is served: one with TLS over https, where its http redirects. */
async function isShopServed({ agent }: Measured, shop: number): Promise<boolean> {
  const host = shopHost(shop)
  const isTls = hasTls(shop)
  const answer = await send(isTls ? agent.httpsPort : agent.httpPort, host, '/cart', isTls ? { sni: host } : {})
  return answer.status === 200
}

/** Waits until shops from all over the list are served. */
export async function untilServed(measured: Measured): Promise<void> {
  const { ingresses } = measured.settings
  for (let probe = 0; probe < PROBED_SHOPS; probe += 1) {
    const shop = Math.floor(((ingresses - 1) * probe) / (PROBED_SHOPS - 1))
    await until(async () => (await isShopServed(measured, shop)) || undefined)
  }
}

/** Throws when a single shop is not served. */
export async function checkAllShops(measured: Measured): Promise<void> {
  for (let shop = 0; shop < measured.settings.ingresses; shop += 1) {
    if (!(await isShopServed(measured, shop))) throw new Error(`${shopHost(shop)} is not served`)
  }
}

/** Reloads so far: every one takes the next number. */
export async function reloadsOf({ agent }: Measured): Promise<number> {
  return (await agent.remote.status()).generation?.number ?? 0
}
