/** The source on a real API server: what it lists and watches, and what it does while the server is away. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createKubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { apply, remove } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, ingressClass, namespace, service, tlsSecret } from '../support/objects.ts'
import { following, HASTY } from '../support/reflecting.ts'

/** Two processes of Go may start beside other tests. */
const START_TIMEOUT_MS = 200_000
const RESTART_TEST_MS = 300_000
const PATIENTLY = { timeoutMs: 60_000 }
/** A real server takes its time to answer. */
const SETTINGS = { ...HASTY, pageTimeoutMs: 30_000, idleMs: 150_000, confirmAfterMs: 5_000 }

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, START_TIMEOUT_MS)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

const clientOf = () => createKubeClient(loadKubeConfig({ kubeconfig: server.kubeconfig }))
const web = (index: number) => ingress(`web-${index}`).namespace('shop').host(`web-${index}.test`).prefix('/', 'web')
const secured = (secret: string) => ingress('secured').namespace('shop').host('secured.test').prefix('/', 'web').tls(secret, 'secured.test')

test('lists in pages, and follows what is made, changed and deleted', async () => {
  await apply(server.client, ...Array.from({ length: 12 }, (_, index) => web(index)))
  await apply(
    server.client,
    service('web', [{ port: 80 }], 'shop'),
    endpointSlice('web', [{ address: '10.1.2.3' }], { port: 80 }, { namespace: 'shop' }),
    ingressClass('nginx-ts', 'nginx-ts.io/ingress-controller'),
    tlsSecret('one', 'one', 'key', 'shop'),
    tlsSecret('two', 'two', 'key', 'shop'),
    secured('one'),
  )
  await using source = following(clientOf(), { settings: SETTINGS })
  await source.synced
  const { state, issues } = source.snapshot()
  expect(issues).toEqual([])
  expect(state.ingresses.size).toBe(13)
  expect(state.endpointSlices.get('shop/web')).toHaveLength(1)
  expect([...state.secrets.keys()]).toEqual(['shop/one'])
  expect(state.namespaces.get('/shop')).toBeDefined()

  await apply(server.client, secured('two'))
  await remove(server.client, web(0))
  await eventually(() => {
    const { ingresses, secrets } = source.snapshot().state
    expect(ingresses.has('shop/web-0')).toBe(false)
    expect([...secrets.values()].map(({ data }) => data['tls.crt'])).toEqual(['two'])
  }, PATIENTLY)
  expect(source.notices.filter(({ kind }) => kind === 'failed')).toEqual([])
  await apply(server.client, web(0))
})

test('asks for Secrets without those of Helm, and finds objects of namespaces by label', async () => {
  await apply(server.client, namespace('team', { team: 'web' }), ingress('theirs').namespace('team').host('theirs.test').prefix('/', 'web'))
  const namespaceSelector = [{ kind: 'in' as const, key: 'team', values: new Set(['web']) }]
  await using source = following(clientOf(), { settings: SETTINGS, namespaceSelector })
  await source.synced
  expect([...source.snapshot().state.ingresses.keys()]).toEqual(['team/theirs'])
  await apply(server.client, namespace('team', { team: 'ops' }))
  await eventually(() => expect(source.snapshot().state.ingresses.size).toBe(0), PATIENTLY)
})

test(
  'goes on when the server was killed and is back',
  async () => {
    await using source = following(clientOf(), { settings: SETTINGS })
    await source.synced
    await server.kill()
    await eventually(() => expect(source.notices.some(({ kind }) => kind === 'failed')).toBe(true), PATIENTLY)
    const known = source.snapshot().state.ingresses.size
    await server.start()
    expect(source.snapshot().state.ingresses.size).toBe(known)
    await apply(server.client, service('after', [{ port: 80 }], 'shop'))
    await eventually(() => expect(source.snapshot().state.services.has('shop/after')).toBe(true), PATIENTLY)
  },
  RESTART_TEST_MS,
)

test(
  'keeps Ingresses when the server comes back with nothing, takes new ones, and lets go what a second list confirms',
  async () => {
    await apply(server.client, ...Array.from({ length: 12 }, (_, index) => web(index)))
    await using source = following(clientOf(), { settings: { ...SETTINGS, confirmAfterMs: 20_000 } })
    await source.synced
    const known = source.snapshot().state.ingresses.size
    expect(known).toBeGreaterThan(10)
    await server.kill()
    await server.eraseData()
    await server.start()
    const messages = () => source.snapshot().issues.map(({ message }) => message)
    await eventually(() => expect(messages()).toContainEqual(expect.stringContaining('every Ingress lacks')), PATIENTLY)
    expect(source.snapshot().state.ingresses.size).toBe(known)
    await apply(server.client, ingress('new').namespace('shop').host('new.test').prefix('/', 'web'))
    await eventually(() => expect(source.snapshot().state.ingresses.size).toBe(known + 1), PATIENTLY)
    await eventually(() => expect([...source.snapshot().state.ingresses.keys()]).toEqual(['shop/new']), PATIENTLY)
    await eventually(() => expect(source.snapshot().issues).toEqual([]), PATIENTLY)
  },
  RESTART_TEST_MS,
)
