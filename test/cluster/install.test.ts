/** One installation, as its users see it: it serves, it is shut in, it is small, and it leaves no object behind. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createAuthority } from '../support/certificates.ts'
import { publishedAddresses, type StoredObject } from '../support/cluster-objects.ts'
import { deploy } from '../support/deployments.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { ingress, tlsSecret } from '../support/objects.ts'
import { installRelease, leftovers, type RealCluster, type Release, realCluster } from '../support/real-cluster.ts'

const NAMESPACE = 'nginx-ts-install'
const SHOP = 'nginx-ts-shop'
const HOST = 'shop.test'
const STATE = '/var/lib/nginx-ts'
const ELECTION_TTL = '10s'
/** Longer than the Job takes that runs before the Pods are told to end: it waits for as long as a Lease lasts. */
const IN_FLIGHT_SECONDS = 45

const started = new AsyncDisposableStack()
let cluster: RealCluster
let release: Release

const shop = () => ingress('shop').namespace(SHOP)

beforeAll(async () => {
  cluster = realCluster()
  started.use(await cluster.namespace(NAMESPACE))
  started.use(await cluster.namespace(SHOP))
  await deploy(cluster, 'shop', { namespace: SHOP })
  release = started.use(await installRelease(cluster, 'nginx-ts', NAMESPACE, { controller: { electionTTL: ELECTION_TTL } }))
}, 300_000)
afterAll(() => started.disposeAsync(), 300_000)

describe('an Ingress with timeouts and a rewrite', () => {
  beforeAll(async () => {
    const { chain, key } = await (await createAuthority()).issue([HOST])
    await cluster.apply(
      tlsSecret('shop', chain, key, SHOP),
      shop()
        .annotation('nginx.ingress.kubernetes.io/proxy-read-timeout', '1')
        .annotation('nginx.ingress.kubernetes.io/proxy-next-upstream', 'off')
        .annotation('nginx.ingress.kubernetes.io/rewrite-target', '/$1')
        .annotation('nginx.ingress.kubernetes.io/use-regex', 'true')
        .annotation('nginx.ingress.kubernetes.io/ssl-redirect', 'false')
        .host(HOST)
        .implementationSpecific('/shop/(.*)', 'shop')
        .tls('shop', HOST),
    )
    await release.eventually(HOST, '/shop/cart', (answer) => expect(answer).toComeFrom('shop'))
  })

  test('gets the address of our Service in its status', async () => {
    const published = await eventually(
      async () => {
        const found = await publishedAddresses(cluster.client, shop())
        if (found.length === 0) throw new Error('it has no address yet')
        return found
      },
      { timeoutMs: 60_000 },
    )
    expect(published).toEqual([{ ip: release.address }])
  })

  test('answers from outside over HTTP and HTTPS, rewritten', async () => {
    for (const answer of [await release.get(HOST, '/shop/cart?a=b'), await release.getTls(HOST, '/shop/cart?a=b')]) {
      expect(answer).toComeFrom('shop')
      expect(answer.seen?.url).toBe('/cart?a=b')
    }
    const { certificate } = await shakeHands(443, HOST, { host: release.address })
    expect(certificate.subjectAltName).toContain(HOST)
  })

  test('gives a backend no more time than its timeout', async () => {
    expect(await release.get(HOST, '/shop/quick?seconds=0.5')).toComeFrom('shop')
    expect(await release.get(HOST, '/shop/slow?seconds=5')).toHaveStatus(504)
  })
})

describe('inside the Pod', () => {
  const inside = async <Result>(container: string, script: string) => await release.run<Result>(await podName(), container, script)

  test('the namespace enforces pod security "restricted"', async () => {
    const pod = { metadata: { name: 'privileged', namespace: NAMESPACE } }
    const spec = { containers: [{ name: 'any', image: cluster.image, securityContext: { privileged: true } }] }
    await expect(cluster.apply({ apiVersion: 'v1', kind: 'Pod', ...pod, spec })).rejects.toThrow(/violates PodSecurity "restricted/)
  })

  test('the nginx container has no token, and the controller has', async () => {
    const script = `
      import { readFileSync } from 'node:fs'
      const tokens = readFileSync('/proc/self/mounts', 'utf8').split('\\n').filter((line) => line.includes('serviceaccount'))
      console.log(JSON.stringify(tokens.length))`
    expect(await inside('nginx', script)).toBe(0)
    expect(await inside('controller', script)).toBe(1)
  })

  test('the nginx container cannot write its configuration, nor anything of the image', async () => {
    const script = `
      import { writeFileSync, readFileSync } from 'node:fs'
      const attempts = ['${STATE}/conf/nginx.conf', '${STATE}/conf/more.conf', '/etc/nginx/nginx.conf', '/opt/nginx-ts/dist/main.js', '/more']
      const outcomes = attempts.map((path) => { try { writeFileSync(path, ''); return 'written' } catch ({ code }) { return code } })
      console.log(JSON.stringify({ outcomes, generation: readFileSync('${STATE}/conf/nginx.conf', 'utf8').slice(0, 22) }))`
    const { outcomes, generation } = await inside<{ outcomes: readonly string[]; generation: string }>('nginx', script)
    expect(generation).toBe('# nginx-ts generation ')
    expect(outcomes.filter((outcome) => !['EROFS', 'EACCES'].includes(outcome))).toEqual([])
    expect(outcomes[0]).toBe('EROFS')
  })

  test.each(['nginx', 'controller'])('every process of the %s container runs without root and without capabilities', async (container) => {
    const script = `
      import { readdirSync, readFileSync } from 'node:fs'
      const statuses = readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).flatMap((pid) => {
        try { return [readFileSync('/proc/' + pid + '/status', 'utf8')] } catch { return [] }
      })
      const fields = ['Name', 'Uid', 'Gid', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Seccomp']
      const field = (status, name) => new RegExp('^' + name + ':\\\\s*(.*)$', 'm').exec(status)?.[1].split('\\t')[0]
      console.log(JSON.stringify(statuses.map((status) => Object.fromEntries(fields.map((name) => [name, field(status, name)])))))`
    const processes = await inside<readonly Readonly<Record<string, string>>[]>(container, script)
    const none = '0000000000000000'
    for (const { Name, Uid, Gid, ...rights } of processes) {
      expect([Name, Number(Uid) > 0, Number(Gid) > 0]).toEqual([Name, true, true])
      expect(rights).toEqual({ CapInh: none, CapPrm: none, CapEff: none, CapBnd: none, CapAmb: none, NoNewPrivs: '1', Seccomp: '2' })
    }
    if (container === 'nginx') expect(processes.filter(({ Name }) => Name === 'nginx').length).toBeGreaterThan(1)
  })
})

test('how large, how fast, how much: image, cold start, memory at rest', async () => {
  const before = (await release.pods()).map(({ metadata }) => metadata.name)
  await cluster.kubectl('delete', 'pod', await podName(), '--namespace', NAMESPACE, '--wait=false')
  await eventually(async () => newPod(before), { timeoutMs: 60_000 })
  const from = performance.now()
  await eventually(async () => expect(isReady(await newPod(before))).toBe(true), { timeoutMs: 60_000 })
  const coldStartMs = performance.now() - from
  const rested = await eventually(async () => await memoryOf((await release.pods()).map(({ metadata }) => metadata.name)), {
    timeoutMs: 90_000,
  })
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  const memory = rested.map(({ container, bytes }) => `${container} ${mebibytes(bytes)}`).join(', ')
  const size = mebibytes(await eventually(imageSize, { timeoutMs: 90_000 }))
  process.stderr.write(`image ${size}; cold start to ready ${Math.round(coldStartMs)} ms; memory at rest: ${memory}\n`)
  expect(coldStartMs).toBeLessThan(30_000)
})

test('uninstalling lets a request in flight finish, and leaves neither an object nor an address behind', async () => {
  await cluster.apply(shop().annotation('nginx.ingress.kubernetes.io/proxy-read-timeout', '120').host(HOST).prefix('/', 'shop'))
  await release.eventually(HOST, '/', (answer) => expect(answer).toComeFrom('shop'))
  await eventually(async () => expect(await publishedAddresses(cluster.client, shop())).toEqual([{ ip: release.address }]), {
    timeoutMs: 60_000,
  })
  let isAnswered = false
  const inFlight = release.get(HOST, `/last?seconds=${IN_FLIGHT_SECONDS}`).finally(() => {
    isAnswered = true
  })
  const uninstalled = release.uninstall()
  // Told to end, while the addresses are gone already.
  await Promise.race([uninstalled, eventually(async () => expect(await release.pods()).toEqual([]), { timeoutMs: 90_000 })])
  expect(await publishedAddresses(cluster.client, shop())).toEqual([])
  expect(isAnswered).toBe(false)
  expect(await inFlight).toComeFrom('shop')
  await uninstalled
  await eventually(async () => expect(await leftovers(cluster, release.name, NAMESPACE)).toEqual([]), { timeoutMs: 120_000 })
  expect(await publishedAddresses(cluster.client, shop())).toEqual([])
}, 300_000)

async function podName(): Promise<string> {
  const [pod] = await release.pods()
  if (pod === undefined) throw new Error('there is no Pod')
  return pod.metadata.name
}

async function newPod(before: readonly string[]): Promise<StoredObject> {
  const pod = (await release.pods()).find(({ metadata }) => !before.includes(metadata.name))
  if (pod === undefined) throw new Error('there is no new Pod yet')
  return pod
}

function isReady({ status }: StoredObject): boolean {
  return status.conditions?.some(({ type, status: is }: { type: string; status: string }) => type === 'Ready' && is === 'True') ?? false
}

/** The working sets of the containers of the first of these Pods that the kubelet has measured. */
async function memoryOf(pods: readonly string[]): Promise<readonly { readonly container: string; readonly bytes: number }[]> {
  type Summary = {
    readonly pods: readonly {
      readonly podRef: { readonly name: string; readonly namespace: string }
      readonly containers?: readonly { readonly name: string; readonly memory?: { readonly workingSetBytes?: number } }[]
    }[]
  }
  const { items } = await cluster.client.request<{ readonly items: readonly StoredObject[] }>({ path: '/api/v1/nodes' })
  for (const { metadata } of items) {
    const summary = await cluster.client.request<Summary>({ path: `/api/v1/nodes/${metadata.name}/proxy/stats/summary` })
    const measured = summary.pods.find(({ podRef }) => podRef.namespace === NAMESPACE && pods.includes(podRef.name))
    const found = (measured?.containers ?? []).map(({ name, memory }) => ({ container: name, bytes: memory?.workingSetBytes ?? 0 }))
    if (found.length === 2 && found.every(({ bytes }) => bytes > 0)) return found
  }
  throw new Error('no kubelet has measured our containers yet')
}

/** As its node counts it, once it has said which images it has. */
async function imageSize(): Promise<number> {
  type Image = { readonly names?: readonly string[]; readonly sizeBytes: number }
  const { items } = await cluster.client.request<{ readonly items: readonly StoredObject[] }>({ path: '/api/v1/nodes' })
  const images: readonly Image[] = items.flatMap(({ status }) => status.images ?? [])
  const ours = images.find(({ names }) => names?.some((name) => name.includes(cluster.image)))
  if (ours === undefined) throw new Error(`no node says that it has ${cluster.image}`)
  return ours.sizeBytes
}
