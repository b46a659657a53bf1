/** The status of Ingresses as a real API server keeps it, written with the rights that the controller will have. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type AddressSource, createAddressReader } from '../../src/kube/address-source.ts'
import { parseAddresses } from '../../src/kube/addresses.ts'
import { createKubeClient, type KubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { systemClock } from '../../src/kube/clock.ts'
import { fieldManagerOf } from '../../src/kube/ingress-status.ts'
import { alwaysLeader } from '../../src/kube/leadership.ts'
import { createStatusPublisher, type StatusPublisher } from '../../src/kube/status.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { apply, pathOf, publishedAddresses, read } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, type Manifest } from '../support/objects.ts'
import { storeOf } from '../support/state.ts'

const START_TIMEOUT_MS = 200_000
const NAMESPACE = 'ingress'
const ACCOUNT = { namespace: NAMESPACE, name: 'nginx-ts' }
const POD = { namespace: NAMESPACE, name: 'nginx-ts-1' }
const PUBLISHED: AddressSource = { kind: 'service', service: { namespace: NAMESPACE, name: 'public' } }

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await startApiServer({ audit: true })
  await apply(server.client, ...rights())
  client = createKubeClient(loadKubeConfig({ kubeconfig: await server.kubeconfigFor(ACCOUNT) }))
}, START_TIMEOUT_MS)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

function rights(): readonly Manifest[] {
  const rbac = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ACCOUNT },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'nginx-ts' },
      rules: [
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list'] },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
        { apiGroups: [''], resources: ['services'], verbs: ['get'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
        // For the addresses of nodes only.
        { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'nginx-ts' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'nginx-ts' },
      subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
    },
  ]
}

type Publishing = AsyncDisposable & Pick<StatusPublisher, 'recheck' | 'withdraw'> & { publish(...ingresses: readonly Manifest[]): void }

/** A publisher that runs; `lease` tells installations apart. */
function publishing(source: AddressSource, lease = 'nginx-ts-leader'): Publishing {
  const publisher = createStatusPublisher(
    client,
    alwaysLeader,
    {
      addresses: createAddressReader(client, source, POD),
      namespace: undefined,
      fieldManager: fieldManagerOf({ namespace: NAMESPACE, name: lease }),
    },
    systemClock,
    { wrote() {}, failed: (error) => console.log(error) },
  )
  const ended = new AbortController()
  const running = publisher.run(ended.signal)
  return {
    ...publisher,
    publish: (...ingresses) =>
      publisher.publish(
        storeOf(...ingresses)
          .snapshot()
          .ingresses.values(),
      ),
    async withdraw(signal) {
      ended.abort()
      await running
      await publisher.withdraw(signal)
    },
    async [Symbol.asyncDispose]() {
      ended.abort()
      await running
    },
  }
}

const addressesOf = (manifest: Manifest) => publishedAddresses(server.client, manifest)
const toHaveAddresses = (manifest: Manifest, ...expected: readonly object[]) =>
  eventually(async () => expect(await addressesOf(manifest)).toEqual(expected))

/** Somebody else's write: another controller, or a component of the cluster. */
async function writeStatus(manifest: Manifest, status: object, fieldManager = 'somebody') {
  await server.client.request({
    method: 'PATCH',
    path: `${pathOf(manifest)}/status`,
    query: { fieldManager },
    contentType: 'application/merge-patch+json',
    body: { status },
  })
}
const writeAddresses = (manifest: Manifest, ...addresses: readonly object[]) =>
  writeStatus(manifest, { loadBalancer: { ingress: addresses } })

/** New with each test, so that none sees the Ingresses of another. */
let names = 0
async function newIngress(): Promise<Manifest> {
  names += 1
  const made = ingress(`web-${names}`).host(`web-${names}.test`).prefix('/', 'web').toManifest()
  await apply(server.client, made)
  return made
}

const FIXED: AddressSource = { kind: 'addresses', addresses: parseAddresses('192.0.2.1,lb.example.com') }
const FIXED_ADDRESSES = [{ ip: '192.0.2.1' }, { hostname: 'lb.example.com' }]

describe('what is published', () => {
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { namespace: NAMESPACE, name: 'public' } }
  const spec = { type: 'LoadBalancer', selector: { app: 'nginx-ts' }, ports: [{ port: 80 }] }

  test('are the addresses that a LoadBalancer is given, when it is given them', async () => {
    await apply(server.client, { ...service, spec })
    const web = await newIngress()
    await using publisher = publishing(PUBLISHED)
    publisher.publish(web)
    await writeStatus(service, { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } })
    // Not to wait for the next look at the Service.
    publisher.recheck()
    await toHaveAddresses(web, { ip: '203.0.113.7' })
    await writeStatus(service, { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } })
    publisher.recheck()
    await toHaveAddresses(web, { hostname: 'lb.example.com' })
  })

  test('is the name that an ExternalName stands for', async () => {
    const external = { ...service, metadata: { ...service.metadata, name: 'external' } }
    await apply(server.client, { ...external, spec: { type: 'ExternalName', externalName: 'edge.example.com' } })
    const web = await newIngress()
    await using publisher = publishing({ kind: 'service', service: { namespace: NAMESPACE, name: 'external' } })
    publisher.publish(web)
    await toHaveAddresses(web, { hostname: 'edge.example.com' })
  })

  test('are the addresses of the nodes with ready Pods of ours', async () => {
    const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })
    const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: NAMESPACE, name } })
    for (const [number, isReady] of [
      [1, 'True'],
      [2, 'True'],
      [3, 'False'],
    ] as const) {
      const labels = { app: 'nginx-ts', 'pod-template-hash': `revision-${number}` }
      await apply(server.client, node(`node-${number}`), {
        ...pod(`nginx-ts-${number}`),
        metadata: { ...pod(`nginx-ts-${number}`).metadata, labels },
        spec: { nodeName: `node-${number}`, containers: [{ name: 'nginx', image: 'nginx' }] },
      })
      await writeStatus(node(`node-${number}`), { addresses: [{ type: 'ExternalIP', address: `203.0.113.${number}` }] })
      await writeStatus(pod(`nginx-ts-${number}`), { phase: 'Running', conditions: [{ type: 'Ready', status: isReady }] })
    }
    const web = await newIngress()
    await using publisher = publishing({ kind: 'nodes', useInternalIp: false })
    publisher.publish(web)
    await toHaveAddresses(web, { ip: '203.0.113.1' }, { ip: '203.0.113.2' })
  })
})

describe('an Ingress', () => {
  let web: Manifest
  beforeEach(async () => {
    web = await newIngress()
  })

  test('is written through its status alone, and once', async () => {
    const { metadata } = await read(server.client, web)
    await using publisher = publishing(FIXED)
    publisher.publish(web)
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
    expect((await read(server.client, web)).metadata).toMatchObject({ uid: metadata.uid, generation: 1 })
    publisher.recheck()
    const another = await newIngress()
    publisher.publish(web, another)
    await toHaveAddresses(another, ...FIXED_ADDRESSES)
    const events = await server.auditEvents()
    const writes = events.filter(({ stage, user, objectRef }) => {
      const isOurs = user.username === `system:serviceaccount:${NAMESPACE}:${ACCOUNT.name}`
      return stage === 'ResponseComplete' && isOurs && objectRef?.name === (web['metadata'] as { name: string }).name
    })
    expect(writes.filter(({ verb }) => verb !== 'get').map(({ verb, objectRef }) => `${verb} ${objectRef?.subresource}`)).toEqual([
      'patch status',
    ])
  })

  test('that somebody else overwrites is put right', async () => {
    await using publisher = publishing(FIXED)
    publisher.publish(web)
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
    await writeAddresses(web, { ip: '198.51.100.9' })
    publisher.recheck()
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
  })

  test('that leaves our class loses our addresses', async () => {
    await using publisher = publishing(FIXED)
    publisher.publish(web)
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
    publisher.publish()
    await toHaveAddresses(web)
  })

  test('that left while nobody led loses them from the next leader', async () => {
    {
      await using before = publishing(FIXED)
      before.publish(web)
      await toHaveAddresses(web, ...FIXED_ADDRESSES)
    }
    await using publisher = publishing({ kind: 'addresses', addresses: parseAddresses('192.0.2.200') })
    publisher.publish()
    await toHaveAddresses(web)
  })

  test.each([
    ['other addresses', [{ ip: '198.51.100.9' }]],
    ['ours and one more', [...FIXED_ADDRESSES, { ip: '198.51.100.9' }]],
  ])('that leaves our class keeps what its next controller has written: %s', async (_what, theirs) => {
    await using publisher = publishing(FIXED)
    publisher.publish(web)
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
    await writeAddresses(web, ...theirs)
    const witness = await newIngress()
    publisher.publish(witness)
    await toHaveAddresses(witness, ...FIXED_ADDRESSES)
    expect(await addressesOf(web)).toEqual(theirs)
  })

  test('of another installation is left alone, even where both publish the same', async () => {
    await using other = publishing(FIXED, 'internal-leader')
    other.publish(web)
    await toHaveAddresses(web, ...FIXED_ADDRESSES)
    const witness = await newIngress()
    await using publisher = publishing(FIXED)
    publisher.publish(witness)
    await toHaveAddresses(witness, ...FIXED_ADDRESSES)
    expect(await addressesOf(web)).toEqual(FIXED_ADDRESSES)
  })
})

describe('at shutdown', () => {
  const slice = (...pods: readonly string[]) => {
    const made = endpointSlice(
      'public',
      pods.map((_, index) => ({ address: `10.244.0.${index + 1}`, ready: true })),
      { port: 8080 },
      { namespace: NAMESPACE },
    )
    const endpoints = pods.map((name, index) => ({
      addresses: [`10.244.0.${index + 1}`],
      conditions: { ready: true },
      targetRef: { kind: 'Pod', namespace: NAMESPACE, name },
    }))
    return { ...made, endpoints }
  }
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: 'public' },
    spec: { type: 'ClusterIP', externalIPs: ['192.0.2.1'], selector: { app: 'nginx-ts' }, ports: [{ port: 80 }] },
  }

  test('the last replica takes our addresses away, and one among several leaves them', async () => {
    await apply(server.client, service, slice('nginx-ts-1', 'nginx-ts-2'))
    const web = await newIngress()
    {
      await using publisher = publishing(PUBLISHED)
      publisher.publish(web)
      await toHaveAddresses(web, { ip: '192.0.2.1' })
      await publisher.withdraw(AbortSignal.timeout(30_000))
      expect(await addressesOf(web)).toEqual([{ ip: '192.0.2.1' }])
    }
    await apply(server.client, slice('nginx-ts-1'))
    await using publisher = publishing(PUBLISHED)
    publisher.publish(web)
    await publisher.withdraw(AbortSignal.timeout(30_000))
    expect(await addressesOf(web)).toEqual([])
  })
})
