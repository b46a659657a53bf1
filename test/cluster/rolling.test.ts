/** What rolls loses nothing: the Pods behind an Ingress, and our own. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { deploy } from '../support/deployments.ts'
import { eventually } from '../support/eventually.ts'
import { type Load, type LoadCounts, STEADY_BODY, startLoad } from '../support/load.ts'
import { ingress } from '../support/objects.ts'
import { installRelease, type RealCluster, type Release, realCluster } from '../support/real-cluster.ts'

const REQUESTS_PER_SECOND = 100
const PODS = 10
const NAMESPACE = 'nginx-ts-rolling'
const HOST = 'rolling.test'
const PATH = `/?text=${encodeURIComponent(STEADY_BODY)}`

const started = new AsyncDisposableStack()
let cluster: RealCluster
let release: Release

const roll = (version: string) => deploy(cluster, 'rolling', { namespace: NAMESPACE, replicas: PODS, version })

beforeAll(async () => {
  cluster = realCluster()
  started.use(await cluster.namespace(NAMESPACE))
  release = started.use(await installRelease(cluster, 'rolling', NAMESPACE, { controller: { replicaCount: 2 } }))
  await cluster.apply(ingress('rolling').namespace(NAMESPACE).host(HOST).prefix('/', 'rolling'))
  await roll('1')
  await release.eventually(HOST, PATH, (answer) => expect(answer.body).toBe(STEADY_BODY))
}, 300_000)
afterAll(() => started.disposeAsync(), 300_000)

test('a Deployment of ten Pods rolls twice and loses no request', async () => {
  const counts = await underLoad(async () => {
    await roll('2')
    await roll('3')
  })
  expectNothingLost('ten Pods, rolled twice', counts)
  await release.eventually(HOST, '/', (answer) => expect(versionOf(answer)).toBe('3'))
}, 300_000)

test('our own Deployment of two replicas is upgraded and rolled back, and loses no request', async () => {
  const before = await podNames()
  const counts = await underLoad(async () => {
    await release.upgrade({ controller: { podAnnotations: { 'test.example/rolled': 'yes' } } })
    const upgraded = await podNames()
    expect(upgraded.filter((name) => before.includes(name))).toEqual([])
    await release.rollback()
    expect((await podNames()).filter((name) => upgraded.includes(name))).toEqual([])
    // Those that were replaced are still to finish.
    await eventually(async () => expect(await allPodNames()).toHaveLength(2), { timeoutMs: 120_000 })
  })
  expectNothingLost('our own two Pods, upgraded and rolled back', counts)
}, 600_000)

async function underLoad(change: () => Promise<void>): Promise<LoadCounts> {
  await using load: Load = await startLoad()
  load.begin(80, HOST, REQUESTS_PER_SECOND, { address: release.address, path: PATH })
  await change()
  return await load.finish()
}

function expectNothingLost(what: string, { sent, answered, keepAliveClosed, ...lost }: LoadCounts) {
  process.stderr.write(
    `${what}: ${sent} requests, ${answered} answered; keep-alive connections closed under a request: ${keepAliveClosed}\n`,
  )
  expect(lost).toEqual({ refused: 0, cut: 0, wrong: 0, examples: [] })
  expect(answered + keepAliveClosed).toBe(sent)
  expect(sent).toBeGreaterThan(500)
}

const versionOf = ({ body }: { readonly body: string }): string => JSON.parse(body).version

async function podNames(): Promise<readonly string[]> {
  return (await release.pods()).map(({ metadata }) => metadata.name)
}

/** With those that are being deleted. */
async function allPodNames(): Promise<readonly string[]> {
  const selector = `app.kubernetes.io/instance=${release.name}`
  return (await cluster.kubectl('get', 'pods', '--namespace', NAMESPACE, '--selector', selector, '--output=name'))
    .split('\n')
    .filter(Boolean)
}
