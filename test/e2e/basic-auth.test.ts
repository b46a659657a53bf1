/** Users of Basic authentication through an API server, of which only Secrets that are named are kept. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, type Manifest, serviceFor } from '../support/objects.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const HASH = '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='
const started = new AsyncDisposableStack()
let cluster: Cluster

beforeAll(async () => {
  cluster = started.use(await startCluster())
}, 180_000)
afterAll(() => started.disposeAsync())

const users = (name: string, user: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name },
  stringData: { auth: `${user}:${HASH}` },
})

const shop = (secret: string) =>
  ingress('shop').host('shop.test').prefix('/', 'shop').annotation(`${PREFIX}auth-type`, 'basic').annotation(`${PREFIX}auth-secret`, secret)

async function eventuallyAnswers(user: string, status: number) {
  const headers = { Authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}` }
  await eventually(async () => expect((await cluster.get('shop.test', '/', { headers })).status).toBe(status), { timeoutMs: 20_000 })
}

test('users come, change and go with their Secret, and with its name', async () => {
  const backend = started.use(await startBackend('shop', { address: podAddress(1) }))
  // This one is there before anybody names it.
  await cluster.apply(users('others', 'bob'))
  await cluster.apply(...serviceFor(backend), shop('users'))
  await eventuallyAnswers('ann', 503)
  await cluster.apply(users('users', 'ann'))
  await eventuallyAnswers('ann', 200)
  await eventuallyAnswers('bob', 401)
  await cluster.apply(users('users', 'eve'))
  await eventuallyAnswers('ann', 401)
  await eventuallyAnswers('eve', 200)
  await cluster.apply(shop('others'))
  await eventuallyAnswers('bob', 200)
  await eventuallyAnswers('eve', 401)
  await cluster.remove(users('others', 'bob'))
  await eventuallyAnswers('bob', 503)
})
