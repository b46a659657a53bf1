/**
 * A rollout as Argo Rollouts makes one: it writes `ROLLOUT-INGRESS-canary`, a copy of the stable Ingress' rules with the
 * canary's Service, and sets weights by merge patches, while the Services' endpoints change. Its nginx traffic router at
 * https://argoproj.github.io/argo-rollouts/features/traffic-management/nginx/ says so.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { collectionPathOf, pathOf } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, type Manifest, service } from '../support/objects.ts'
import { requestSteadily, type SteadyRequests } from '../support/steady-requests.ts'

const KEY = 'nginx.ingress.kubernetes.io/'
const PORT = 8080
const [OLD, NEW] = [podAddress(1), podAddress(2)]
const started = new AsyncDisposableStack()
let cluster: Cluster

beforeAll(async () => {
  cluster = started.use(await startCluster())
  started.use(await startBackend('old', { address: OLD, port: PORT }))
  started.use(await startBackend('new', { address: NEW, port: PORT }))
}, 180_000)
afterAll(() => started.disposeAsync())

/** The Pods that a Service selects. */
const selects = (name: string, ...addresses: string[]) =>
  cluster.apply(
    endpointSlice(
      name,
      addresses.map((address) => ({ address })),
      { port: PORT },
    ),
  )
const send = (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) =>
  cluster.api.client.request({
    method,
    path,
    ...(body === undefined ? {} : { body }),
    ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
  })

const stable = ingress('shop').host('shop.test').prefix('/', 'shop-stable').tls('shop-tls', 'other.test')
/** As the traffic router builds it: only its own annotations, TLS and class copied, owned by the Rollout. */
const canary: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: {
    namespace: 'default',
    name: 'shop-shop-canary',
    annotations: { [`${KEY}canary`]: 'true', [`${KEY}canary-weight`]: '0' },
    ownerReferences: [
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'shop', uid: randomUUID(), controller: true, blockOwnerDeletion: true },
    ],
  },
  spec: ingress('copy').host('shop.test').prefix('/', 'shop-canary').tls('shop-tls', 'other.test').toManifest()['spec'],
}

const setWeight = (weight: number, others: Readonly<Record<string, string>> = {}) =>
  send('PATCH', pathOf(canary), { metadata: { annotations: { [`${KEY}canary-weight`]: String(weight), ...others } } })

/** Waits until the new version has that share of the requests. */
async function newHas(requests: SteadyRequests, least: number, most: number) {
  await eventually(
    async () => {
      const share = (await requests.next(100)).filter((backend) => backend === 'new').length
      expect(share).toBeGreaterThanOrEqual(least)
      expect(share).toBeLessThanOrEqual(most)
    },
    { timeoutMs: 60_000 },
  )
}

test('a rollout by weights, 0, 20, 100 and 0, loses no request', async () => {
  await cluster.apply(stable, service('shop-stable'), service('shop-canary'))
  await selects('shop-stable', OLD)
  await selects('shop-canary', OLD)
  await cluster.eventually('shop.test', '/', (answer) => expect(answer).toComeFrom('old'))
  const requests = requestSteadily(() => cluster.get('shop.test', '/'))

  await send('POST', collectionPathOf(canary), canary)
  await selects('shop-canary', NEW)
  await newHas(requests, 0, 0)
  await setWeight(20)
  // Six standard deviations around 20 of 100, and not none.
  await newHas(requests, 1, 44)
  expect(await cluster.get('shop.test', '/', { headers: { 'X-Canary': 'always' } })).toHaveStatus(200)
  await setWeight(100)
  await newHas(requests, 100, 100)
  // Promoted: the stable Service selects the new Pods, the canary gets nothing, and the old Pods go.
  await selects('shop-stable', NEW)
  await setWeight(0)
  await eventually(async () => expect(await cluster.get('shop.test', '/', { headers: { 'X-Canary': 'never' } })).toComeFrom('new'), {
    timeoutMs: 20_000,
  })
  await newHas(requests, 100, 100)
  await selects('shop-canary')
  await newHas(requests, 100, 100)

  const { answered, failed } = await requests.finish()
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(500)
}, 240_000)

test('a rollout that is given up goes back, by additional annotations only who asks gets the canary', async () => {
  await selects('shop-stable', OLD)
  await selects('shop-canary', NEW)
  await setWeight(0, { [`${KEY}canary-by-header`]: 'X-Canary', [`${KEY}canary-by-header-value`]: 'iwantsit' })
  const wanting = { headers: { 'X-Canary': 'iwantsit' } }
  await eventually(
    async () => {
      expect(await cluster.get('shop.test', '/', wanting)).toComeFrom('new')
      expect(await cluster.get('shop.test', '/')).toComeFrom('old')
    },
    { timeoutMs: 20_000 },
  )
  const requests = requestSteadily(() => cluster.get('shop.test', '/'))
  await setWeight(50)
  await newHas(requests, 20, 80)
  await setWeight(0)
  await newHas(requests, 0, 0)
  // The Rollout is deleted, and its Ingress with it.
  await send('DELETE', pathOf(canary))
  await eventually(async () => expect(await cluster.get('shop.test', '/', wanting)).toComeFrom('old'), { timeoutMs: 20_000 })
  expect((await requests.finish()).failed).toEqual([])
}, 240_000)
