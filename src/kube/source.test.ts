/** The state of a whole cluster, from an API server that can be made to misbehave. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../test/support/eventually.ts'
import { type FakeApiServer, startFakeApiServer } from '../../test/support/fake-api-server.ts'
import { configMap, ingress, ingressClass, namespace, service, tlsSecret } from '../../test/support/objects.ts'
import { clientOf, type Following, following } from '../../test/support/reflecting.ts'
import { parseLabelSelector } from './selector.ts'
import { createClusterSource } from './source.ts'

let server: FakeApiServer
beforeEach(async () => {
  server = await startFakeApiServer()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

const secured = (name: string, secret: string, within = 'default') =>
  ingress(name).namespace(within).host(`${name}.test`).prefix('/', 'web').tls(secret, `${name}.test`)

function selectorOf(text: string) {
  const parsed = parseLabelSelector(text)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.value
}

async function isFollowed(...resources: readonly string[]) {
  await eventually(() => expect(resources.every((resource) => server.watches(resource).length === 1)).toBe(true))
}

const changesOf = (source: Following) => source.changes(AbortSignal.timeout(5_000))

test('is synced once every kind has been listed, and then says what changes', async () => {
  server.apply(
    ingress('web').host('web.test').prefix('/', 'web'),
    service('web'),
    ingressClass('nginx-ts', 'nginx-ts.io/ingress-controller'),
  )
  await using source = following(clientOf(server.url))
  expect(source.isSynced()).toBe(false)
  await source.synced
  expect(source.isSynced()).toBe(true)
  const { state, issues } = source.snapshot()
  expect([...state.ingresses.keys(), ...state.services.keys(), ...state.ingressClasses.keys()]).toEqual([
    'default/web',
    'default/web',
    '/nginx-ts',
  ])
  expect(issues).toEqual([])
  await isFollowed('services', 'ingresses')
  server.apply(service('api'))
  await expect(changesOf(source)).resolves.toEqual(['Service default/api'])
  server.apply(...Array.from({ length: 9 }, (_, index) => service(`many-${index}`)))
  const changes = await changesOf(source)
  expect(changes).toHaveLength(6)
  expect(changes.at(-1)).toBe('4 others')
  expect(source.snapshot().state.ingresses).toBe(state.ingresses)
})

test('is not synced while one kind cannot be read, and says which', async () => {
  server.faults = ({ resource }) => (resource === 'endpointslices' ? { kind: 'status', status: 403, reason: 'Forbidden' } : undefined)
  await using source = following(clientOf(server.url))
  await eventually(() => expect(source.snapshot().issues).toEqual([expect.objectContaining({ code: 'access-denied' })]))
  expect(source.snapshot().issues[0]?.message).toContain('EndpointSlice')
  await eventually(() => expect(server.watches().length).toBe(6))
  expect(source.isSynced()).toBe(false)
  server.faults = () => undefined
  await source.synced
  expect(source.snapshot().issues).toEqual([])
})

test('does without IngressClasses where they may not be read', async () => {
  server.faults = ({ resource }) => (resource === 'ingressclasses' ? { kind: 'status', status: 403, reason: 'Forbidden' } : undefined)
  await using source = following(clientOf(server.url))
  await source.synced
  expect(source.snapshot().issues).toEqual([])
})

describe('of one namespace', () => {
  test('only its objects are asked for, and cluster-wide kinds', async () => {
    server.apply(
      secured('ours', 'tls', 'shop'),
      secured('theirs', 'tls'),
      ingressClass('nginx-ts', 'a/b'),
      namespace('shop'),
      namespace('default'),
    )
    await using source = following(clientOf(server.url), { watchNamespace: 'shop' })
    await source.synced
    const { state } = source.snapshot()
    expect([...state.ingresses.keys()]).toEqual(['shop/ours'])
    expect([state.ingressClasses.size, state.namespaces.size]).toEqual([1, 2])
    expect(new Set(server.requests.map(({ path }) => path))).toEqual(
      new Set([
        '/apis/networking.k8s.io/v1/namespaces/shop/ingresses',
        '/apis/networking.k8s.io/v1/ingressclasses',
        '/api/v1/namespaces/shop/services',
        '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices',
        '/api/v1/namespaces/shop/secrets',
        '/api/v1/namespaces/shop/configmaps',
        '/api/v1/namespaces',
      ]),
    )
  })

  test('and a selector of namespaces exclude each other', () => {
    const { client, referencesOf, alwaysNeeded, holdOff, notice, now, random } = unusedParts()
    const parts = { client, referencesOf, alwaysNeeded, holdOff, notice, now, random, watchNamespace: 'shop', namespaceSelector: [] }
    expect(() => createClusterSource(parts)).toThrow('exclude each other')
  })
})

test('of selected namespaces, objects come and go with the label of their namespace', async () => {
  server.apply(namespace('shop', { team: 'web' }), namespace('other'))
  server.apply(
    secured('ours', 'tls', 'shop'),
    secured('theirs', 'tls', 'other'),
    service('web', [{ port: 80 }], 'shop'),
    tlsSecret('default', 'c', 'k', 'other'),
  )
  const alwaysNeeded = { secrets: ['other/default' as const], configMaps: [] }
  await using source = following(clientOf(server.url), { namespaceSelector: selectorOf('team=web'), alwaysNeeded })
  await source.synced
  const before = source.snapshot().state
  expect([...before.ingresses.keys()]).toEqual(['shop/ours'])
  // What the controller itself needs is seen wherever it is.
  expect([...before.secrets.keys()]).toEqual(['other/default'])
  await isFollowed('namespaces', 'services')
  server.apply(namespace('other', { team: 'web' }))
  await expect(changesOf(source)).resolves.toEqual(['Namespace other'])
  expect([...source.snapshot().state.ingresses.keys()].sort()).toEqual(['other/theirs', 'shop/ours'])
  expect(source.snapshot().state.services).toBe(before.services)
  server.apply(namespace('shop'))
  await changesOf(source)
  expect([...source.snapshot().state.ingresses.keys()]).toEqual(['other/theirs'])
  server.remove('namespaces', '', 'other')
  await changesOf(source)
  expect(source.snapshot().state.ingresses.size).toBe(0)
})

describe('data of Secrets and ConfigMaps', () => {
  test('is in memory only while something refers to it', async () => {
    const secrets = Array.from({ length: 30 }, (_, index) => tlsSecret(`secret-${index}`, `certificate ${index}`, 'key'))
    server.apply(...secrets, configMap('settings', { a: '1' }), configMap('unrelated', { b: '2' }), secured('web', 'secret-7'))
    const alwaysNeeded = { secrets: ['default/secret-3' as const], configMaps: ['default/settings' as const] }
    await using source = following(clientOf(server.url), { alwaysNeeded })
    await source.synced
    const held = () => [...source.snapshot().state.secrets.values()].map(({ name, data }) => `${name}: ${data['tls.crt']}`).sort()
    expect(held()).toEqual(['secret-3: certificate 3', 'secret-7: certificate 7'])
    expect([...source.snapshot().state.configMaps.keys()]).toEqual(['default/settings'])
    expect(server.requests.filter(({ kind }) => kind === 'get')).toEqual([])
    await isFollowed('secrets', 'ingresses')

    server.apply(tlsSecret('secret-9', 'a renewed one nobody refers to', 'key'), tlsSecret('secret-7', 'certificate 7, renewed', 'key'))
    await expect(changesOf(source)).resolves.toEqual(['Secret default/secret-7'])
    server.apply(secured('web', 'secret-9'))
    await changesOf(source)
    expect(held()).toEqual(['secret-3: certificate 3', 'secret-9: a renewed one nobody refers to'])
    server.remove('ingresses', 'default', 'web')
    await changesOf(source)
    expect(held()).toEqual(['secret-3: certificate 3'])
  })

  test('is there as soon as the Ingress that refers to it: until then the one before stays, and others go on', async () => {
    server.apply(secured('web', 'old'), tlsSecret('old', 'old', 'key'), tlsSecret('new', 'new', 'key'))
    await using source = following(clientOf(server.url))
    await source.synced
    await isFollowed('secrets', 'ingresses')
    const secretOf = (name: string) => source.snapshot().state.ingresses.get(`default/${name}`)?.tls[0]?.secretName
    server.faults = ({ kind }) => (kind === 'get' ? { kind: 'status', status: 503 } : undefined)
    server.apply(secured('web', 'new'), secured('other', 'old'))
    await expect(changesOf(source)).resolves.toContain('Ingress default/other')
    expect([secretOf('web'), secretOf('other')]).toEqual(['old', 'old'])
    await eventually(() =>
      expect(source.snapshot().issues).toEqual([
        expect.objectContaining({ code: 'reference-not-read', object: { kind: 'Secret', namespace: 'default', name: 'new' } }),
      ]),
    )
    server.faults = () => undefined
    await eventually(() => expect(secretOf('web')).toBe('new'))
    const { state, issues } = source.snapshot()
    expect(state.secrets.get('default/new')?.data['tls.crt']).toBe('new')
    expect(issues).toEqual([])
  })

  test('that does not exist keeps no Ingress waiting', async () => {
    await using source = following(clientOf(server.url))
    await source.synced
    await isFollowed('secrets', 'ingresses')
    server.apply(secured('web', 'missing'))
    await expect(changesOf(source)).resolves.toEqual(['Ingress default/web'])
    server.apply(tlsSecret('missing', 'found', 'key'))
    await expect(changesOf(source)).resolves.toEqual(['Secret default/missing'])
    expect(source.snapshot().state.secrets.get('default/missing')?.data['tls.crt']).toBe('found')
    server.remove('secrets', 'default', 'missing')
    await changesOf(source)
    expect(source.snapshot().state.secrets.size).toBe(0)
  })

  test('is not kept in the annotation that kubectl apply writes', async () => {
    const secret = tlsSecret('tls', 'c', 'k') as { metadata: object }
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{}}', kept: 'yes' }
    server.apply({ ...secret, metadata: { ...secret.metadata, annotations } }, secured('web', 'tls'))
    await using source = following(clientOf(server.url))
    await source.synced
    expect(source.snapshot().state.secrets.get('default/tls')?.annotations).toEqual({ kept: 'yes' })
  })
})

test('what vanishes from the lists of a server that went back in time stays until second ones confirm it, and Issues say so', async () => {
  server.apply(...Array.from({ length: 12 }, (_, index) => ingress(`web-${index}`).host(`web-${index}.test`).prefix('/', 'web')))
  server.apply(...Array.from({ length: 12 }, (_, index) => service(`web-${index}`)))
  await using source = following(clientOf(server.url), { settings: { ...unhurried, confirmAfterMs: 1_500 } })
  await source.synced
  await isFollowed('ingresses', 'services')
  server.restoreEmpty()
  await eventually(() => {
    for (const watch of server.watches()) watch.end()
    const codes = source.snapshot().issues.map(({ code }) => code)
    expect(codes).toEqual(['deletions-not-confirmed', 'deletions-not-confirmed'])
  })
  expect(source.snapshot().state).toMatchObject({ ingresses: { size: 12 }, services: { size: 12 } })
  await eventually(() => expect(source.snapshot().state).toMatchObject({ ingresses: { size: 0 }, services: { size: 0 } }))
  expect(source.snapshot().issues).toEqual([])
})

const unhurried = {
  shortWatchMs: 10,
  backoff: { firstMs: 20, longestMs: 100 },
  relistBackoff: { firstMs: 20, longestMs: 100 },
  pageSize: 5,
}

function unusedParts() {
  return {
    client: clientOf(server.url),
    referencesOf: () => ({ secrets: [], configMaps: [] }),
    alwaysNeeded: { secrets: [], configMaps: [] },
    holdOff: { add: () => {}, settled: async () => [] },
    notice: () => {},
    now: () => 0,
    random: () => 0,
  }
}
