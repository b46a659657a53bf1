/** What the tests against a real API server stand on. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ApiError, createKubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { apply, collectionPathOf, read, remove, type StoredObject } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, service } from '../support/objects.ts'

/** Two processes of Go may start beside other tests. */
const START_TIMEOUT_MS = 200_000

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer({ audit: true })
}, START_TIMEOUT_MS)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

type WatchEvent = { readonly type: string; readonly object: StoredObject }

test('objects are applied and read back, in namespaces made for them', async () => {
  const shop = ingress('shop').namespace('store').host('shop.test').prefix('/', 'cart')
  const slice = endpointSlice('cart', [{ address: '10.244.0.11', ready: true }], { port: 8080 }, { namespace: 'store' })
  const [stored] = await apply(server.client, shop, slice, service('cart', [{ port: 80 }], 'store'))
  expect(stored?.metadata.uid).toBeTruthy()
  expect((await read(server.client, shop))['spec'].rules[0].host).toBe('shop.test')
  expect((await read(server.client, slice))['endpoints'][0].addresses).toEqual(['10.244.0.11'])
})

test('applying again updates, and takes back what is no longer said', async () => {
  const [first] = await apply(server.client, ingress('again').host('a.test').prefix('/', 'web').annotation('example.test/a', '1'))
  const [second] = await apply(server.client, ingress('again').host('b.test').prefix('/', 'web'))
  expect(second?.metadata.uid).toBe(first?.metadata.uid)
  expect(second?.metadata.annotations).toBeUndefined()
  expect(second?.['spec'].rules).toEqual([expect.objectContaining({ host: 'b.test' })])
  await remove(server.client, ingress('again'), ingress('never'))
  await expect(read(server.client, ingress('again'))).rejects.toThrow(expect.objectContaining({ status: 404 }))
})

test('a watch tells what changes', async () => {
  const seen = ingress('seen').host('seen.test').prefix('/', 'web')
  const path = collectionPathOf(seen.toManifest())
  const { metadata } = await server.client.request<{ readonly metadata: { readonly resourceVersion: string } }>({ path })
  const query = { watch: true, resourceVersion: metadata.resourceVersion }
  const watch = server.client.stream<WatchEvent>({ path, query, timeoutMs: 30_000 })[Symbol.asyncIterator]()
  const next = watch.next()
  await apply(server.client, seen)
  expect((await next).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'seen' } } })
  await watch.return?.()
})

test('a loopback address is refused as an endpoint, hence the addresses that tests run on', async () => {
  const loopback = endpointSlice('loop', [{ address: '127.0.0.1' }], { port: 8080 })
  await expect(apply(server.client, loopback)).rejects.toThrow(/loopback/)
})

test('a service account may do what RBAC gives it', async () => {
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'accounts', name: 'reader' } }
  await apply(server.client, account)
  const kubeconfig = await server.kubeconfigFor(account.metadata)
  const reader = createKubeClient(loadKubeConfig({ kubeconfig }))
  const path = '/api/v1/namespaces/accounts/secrets'
  await expect(reader.request({ path })).rejects.toThrow(/system:serviceaccount:accounts:reader/)
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { namespace: 'accounts', name: 'reader' } }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
  const role = { ...rbac, kind: 'Role', rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }] }
  await apply(server.client, role, { ...rbac, kind: 'RoleBinding', roleRef, subjects: [{ kind: 'ServiceAccount', name: 'reader' }] })
  // The authorizer learns of roles by a watch of its own.
  await eventually(() => reader.request({ path }))
})

test('the audit log shows a write', async () => {
  await apply(server.client, ingress('audited').host('audited.test').prefix('/', 'web'))
  await eventually(async () => {
    const events = await server.auditEvents()
    const written = events.filter(({ objectRef }) => objectRef?.resource === 'ingresses' && objectRef.name === 'audited')
    expect(written.map(({ stage, verb }) => `${stage} ${verb}`)).toEqual(['RequestReceived patch', 'ResponseComplete patch'])
    expect(written[1]).toMatchObject({ user: { username: 'admin' }, responseStatus: { code: 201 }, userAgent: 'nginx-ts' })
    expect(Date.parse(written[1]?.stageTimestamp ?? '')).toBeGreaterThan(0)
  })
})

test(
  'what was written outlives a crash and a shutdown, and only erasing forgets it',
  async () => {
    const kept = ingress('kept').host('kept.test').prefix('/', 'web')
    const [before] = await apply(server.client, kept)
    await server.kill()
    await expect(read(server.client, kept)).rejects.not.toBeInstanceOf(ApiError)
    await server.start()
    expect((await read(server.client, kept)).metadata).toEqual(before?.metadata)
    await server.stop()
    await server.start()
    expect((await read(server.client, kept)).metadata).toEqual(before?.metadata)
    await server.stop()
    await server.eraseData()
    await server.start()
    await expect(read(server.client, kept)).rejects.toThrow(expect.objectContaining({ status: 404 }))
  },
  START_TIMEOUT_MS,
)

test('one that cannot start says why', async () => {
  await expect(startApiServer({ flags: ['--no-such-flag'] })).rejects.toThrow(/unknown flag: --no-such-flag/)
})
