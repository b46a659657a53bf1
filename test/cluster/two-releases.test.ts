/** Two releases in one cluster, each with a class of its own: neither touches what is the other's. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { publishedAddresses } from '../support/cluster-objects.ts'
import { deploy } from '../support/deployments.ts'
import { eventually } from '../support/eventually.ts'
import { ingress } from '../support/objects.ts'
import { installRelease, type RealCluster, type Release, realCluster } from '../support/real-cluster.ts'

const [NAMESPACE, OTHER, SHOP] = ['nginx-ts-first', 'nginx-ts-second', 'nginx-ts-shops']
const [HOST, OTHER_HOST] = ['first.test', 'second.test']
const OTHER_CLASS = 'internal'

const started = new AsyncDisposableStack()
let cluster: RealCluster
let first: Release
let second: Release

const shop = () => ingress('first').namespace(SHOP).host(HOST).prefix('/', 'shop')
const addressesOf = (object: ReturnType<typeof shop>) => publishedAddresses(cluster.client, object)
const otherShop = () => ingress('second').namespace(SHOP).class(OTHER_CLASS).host(OTHER_HOST).prefix('/', 'shop')

beforeAll(async () => {
  cluster = realCluster()
  for (const namespace of [NAMESPACE, OTHER, SHOP]) started.use(await cluster.namespace(namespace))
  await deploy(cluster, 'shop', { namespace: SHOP })
  // Of one name, so that whatever is named after the release alone would clash.
  first = started.use(await installRelease(cluster, 'nginx-ts', NAMESPACE))
  second = started.use(
    await installRelease(cluster, 'nginx-ts', OTHER, {
      controller: { electionTTL: '10s', ingressClassResource: { name: OTHER_CLASS } },
    }),
  )
  await cluster.apply(shop(), otherShop())
}, 300_000)
afterAll(() => started.disposeAsync(), 300_000)

test('each serves the Ingresses of its class, and no others', async () => {
  expect(first.address).not.toBe(second.address)
  await first.eventually(HOST, '/', (answer) => expect(answer).toComeFrom('shop'))
  await second.eventually(OTHER_HOST, '/', (answer) => expect(answer).toComeFrom('shop'))
  expect(await first.get(OTHER_HOST, '/')).toHaveStatus(404)
  expect(await second.get(HOST, '/')).toHaveStatus(404)
})

test('each writes its address into the status of its own', async () => {
  await eventually(async () => expect(await addressesOf(shop())).toEqual([{ ip: first.address }]), { timeoutMs: 60_000 })
  await eventually(async () => expect(await addressesOf(otherShop())).toEqual([{ ip: second.address }]), { timeoutMs: 60_000 })
})

test('one can be uninstalled, and the other goes on', async () => {
  await second.uninstall()
  expect(await addressesOf(otherShop())).toEqual([])
  expect(await first.get(HOST, '/')).toComeFrom('shop')
  expect(await addressesOf(shop())).toEqual([{ ip: first.address }])
  await cluster.apply(otherShop().class('nginx-ts'))
  await first.eventually(OTHER_HOST, '/', (answer) => expect(answer).toComeFrom('shop'))
  await eventually(async () => expect(await addressesOf(otherShop())).toEqual([{ ip: first.address }]), { timeoutMs: 60_000 })
})
