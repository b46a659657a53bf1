import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createAuthority, type IssuedCertificate } from '../../test/support/certificates.ts'
import { endpointSlice, type IngressBuilder, ingress, ingressClass, service, tlsSecret } from '../../test/support/objects.ts'
import { put, type StateObject, storeOf } from '../../test/support/state.ts'
import type { ObjectStore } from '../cluster/state.ts'
import { hostKey, type Model } from '../model/model.ts'
import { mustParse, parseGeneratedName } from '../model/values.ts'
import { type OptionsInput, parseOptions } from '../options.ts'
import { createTranslationMemo, type Translation, translate } from './translate.ts'

const CREATED = '2026-01-01T00:00:00Z'
const CONTEXT = {
  source: 'files' as const,
  canResolveNames: true,
  hasStreamModule: true,
  allowLoopback: false,
  echoSocket: undefined,
  selfSignedKeyPair: { name: mustParse(parseGeneratedName('self-signed')), pem: 'self-signed' },
}

/** An Ingress that does not age when it is made anew. */
const shop = (name: string) => ingress(name).created(CREATED)
/** A Service, and one slice with one endpoint. */
const serviceWith = (name: string, address = '10.0.0.1') => [service(name), endpointSlice(name, [{ address }], { port: 8080 })]

/** Translates what the store holds, again and again, with one memo. */
function translator(store: ObjectStore, options: OptionsInput = {}) {
  const memo = createTranslationMemo()
  const parsed = parseOptions(options)
  return (): Translation => translate(store.snapshot(), parsed, CONTEXT, memo)
}

/** Hosts whose Server is not the very same object as before; '' for the catch-all. */
function changedServers(before: Model, after: Model): readonly string[] {
  const known = new Set(before.servers)
  return after.servers.filter((server) => !known.has(server)).map(({ host }) => hostKey(host))
}

/** Services whose Upstream is not the very same object as before: a translation makes its own, so these were made anew. */
function changedUpstreams(before: Model, after: Model): readonly string[] {
  const known = new Set(before.upstreams)
  return after.upstreams
    .filter((upstream) => !known.has(upstream))
    .map(({ name }) => name.split('_')[1] ?? '')
    .sort()
}

function addressesOf(model: Model, serviceName: string) {
  const upstream = model.upstreams.find(({ name }) => name.includes(`_${serviceName}_`))
  return upstream?.endpoints.map((endpoint) => (endpoint.kind === 'tcp' ? endpoint.address : endpoint.kind))
}

describe('what is translated anew', () => {
  const count = 40
  const numbers = Array.from({ length: count }, (_, index) => index)
  const shopNumber = (number: number) => shop(`shop-${number}`).host(`shop-${number}.test`).prefix('/', `shop-${number}`)
  const shops = () => numbers.flatMap((number): StateObject[] => [shopNumber(number), serviceWith(`shop-${number}`)])

  /** Translates the shops, changes something, and says what that did. */
  function change(store: ObjectStore, alter: (store: ObjectStore) => void) {
    const translateAgain = translator(store)
    const before = translateAgain().model
    alter(store)
    const after = translateAgain()
    return { after, servers: changedServers(before, after.model), upstreams: changedUpstreams(before, after.model), before }
  }

  test('nothing, where nothing changed', () => {
    const { before, after, servers, upstreams } = change(storeOf(...shops()), (store) => put(store, ...shops()))
    expect(before.servers).toHaveLength(count + 1)
    expect([servers, upstreams]).toEqual([[], []])
    expect(after.model).toEqual(before)
  })

  test('one server, for one changed Ingress', () => {
    const { after, servers, upstreams } = change(storeOf(...shops()), (store) => put(store, shopNumber(7).exact('/new', 'shop-7')))
    expect(servers).toEqual(['shop-7.test'])
    expect(upstreams).toEqual(['shop-7'])
    expect(after.model.servers.find(({ host }) => hostKey(host) === 'shop-7.test')?.locations).toHaveLength(2)
  })

  test('one server, for an Ingress that comes or goes', () => {
    const store = storeOf(...shops())
    const come = change(store, () => put(store, shop('new').host('new.test').prefix('/', 'shop-3')))
    expect(come.servers).toEqual(['new.test'])
    const gone = change(store, () => store.delete('Ingress', 'default/new'))
    expect([gone.servers, gone.upstreams]).toEqual([[], []])
    expect(gone.after.model.servers).toHaveLength(count + 1)
  })

  test('the server of every host that the Ingress is about, and the very same object where it comes out equal', () => {
    const two = (name: string) => shop('two').host('a.test').prefix('/', 'one').host('b.test').prefix('/', name)
    const store = storeOf(...shops(), two('two'), serviceWith('one'), serviceWith('two'), serviceWith('three'))
    const { servers, upstreams } = change(store, () => put(store, two('three')))
    expect(servers).toEqual(['b.test'])
    expect(upstreams).toEqual(['one', 'three'])
  })

  test('the server that an Ingress shares with others', () => {
    const store = storeOf(...shops(), shop('extra').host('shop-5.test').prefix('/extra', 'extra'), serviceWith('extra'))
    const { servers, upstreams } = change(store, () => store.delete('Ingress', 'default/extra'))
    expect(servers).toEqual(['shop-5.test'])
    expect(upstreams).toEqual(['shop-5'])
  })

  test('of a changed Service, the servers that lead there', () => {
    const store = storeOf(...shops(), shop('other').host('other.test').prefix('/', 'shop-9'))
    const { servers, upstreams } = change(store, () => put(store, service('shop-9', [{ port: 80, appProtocol: 'https' }])))
    expect(servers).toEqual(['other.test', 'shop-9.test'])
    expect(upstreams).toEqual(['shop-9'])
  })

  test('of a Service that comes to be or ceases, the servers that wait for it or miss it', () => {
    const store = storeOf(...shops(), shop('early').host('early.test').prefix('/', 'late'))
    const come = change(store, () => put(store, serviceWith('late')))
    expect([come.servers, come.upstreams]).toEqual([['early.test'], ['late']])
    const gone = change(store, () => store.delete('Service', 'default/late'))
    expect([gone.servers, gone.upstreams]).toEqual([['early.test'], []])
    expect(gone.after.issues).toMatchObject([{ code: 'backend-not-found', object: { name: 'early' } }])
  })

  test('of a changed EndpointSlice, the upstream; no server says anything else than before', () => {
    const store = storeOf(...shops())
    const { after, servers, upstreams } = change(store, () =>
      put(store, endpointSlice('shop-4', [{ address: '10.0.0.2' }, { address: '10.0.0.3' }], { port: 8080 })),
    )
    expect([servers, upstreams]).toEqual([[], ['shop-4']])
    expect(addressesOf(after.model, 'shop-4')).toEqual(['10.0.0.2', '10.0.0.3'])
    expect(addressesOf(after.model, 'shop-5')).toEqual(['10.0.0.1'])
  })

  test('of a second EndpointSlice, and of its end, the upstream', () => {
    const store = storeOf(...shops())
    const second = endpointSlice('shop-4', [{ address: '10.0.0.2' }], { port: 8080 }, { suffix: '2' })
    const come = change(store, () => put(store, second))
    expect(come.upstreams).toEqual(['shop-4'])
    expect(addressesOf(come.after.model, 'shop-4')).toEqual(['10.0.0.1', '10.0.0.2'])
    const gone = change(store, () => store.delete('EndpointSlice', 'default/shop-4-2'))
    expect(gone.upstreams).toEqual(['shop-4'])
    expect(addressesOf(gone.after.model, 'shop-4')).toEqual(['10.0.0.1'])
  })

  test('nothing, for objects that nobody reads', () => {
    const store = storeOf(...shops())
    const { servers, upstreams } = change(store, () =>
      put(store, serviceWith('nobodys'), service('shop-1', [{ port: 80 }], 'elsewhere'), tlsSecret('nobodys', 'cert', 'key'), {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'elsewhere' },
      }),
    )
    expect([servers, upstreams]).toEqual([[], []])
  })

  test('everything, for other options; what comes out equal is the very same object', () => {
    const store = storeOf(...shops(), serviceWith('fallback'))
    const memo = createTranslationMemo()
    const before = translate(store.snapshot(), parseOptions({}), CONTEXT, memo).model
    const after = translate(store.snapshot(), parseOptions({ defaultBackendService: 'default/fallback' }), CONTEXT, memo).model
    expect(changedServers(before, after)).toEqual([''])
    expect(changedUpstreams(before, after)).toHaveLength(count + 1)
  })

  test('what an IngressClass makes ours, or no longer', () => {
    const store = storeOf(...shops(), shop('classed').class('internal').host('classed.test').prefix('/', 'shop-1'))
    const come = change(store, () => put(store, ingressClass('internal', 'nginx-ts.io/ingress-controller')))
    expect(come.servers).toEqual(['classed.test'])
    const gone = change(store, () => put(store, ingressClass('internal', 'example.com/another')))
    expect(gone.servers).toEqual([])
    expect(gone.after.model.servers).toHaveLength(count + 1)
  })
})

describe('a Secret', () => {
  let first: IssuedCertificate
  let renewed: IssuedCertificate
  beforeAll(async () => {
    const authority = await createAuthority()
    first = await authority.issue(['a.test', 'b.test'])
    renewed = await authority.issue(['a.test', 'b.test'])
  })

  const withTls = (name: string, secret: string) => shop(name).host(`${name}.test`).prefix('/', 'web').tls(secret, `${name}.test`)
  const pemsOf = (model: Model) => model.keyPairs.map(({ pem }) => pem).filter((pem) => pem !== CONTEXT.selfSignedKeyPair.pem)

  test('that comes to be changes the servers that show it, and no other', () => {
    const store = storeOf(withTls('a', 'a'), withTls('b', 'b'), serviceWith('web'))
    const translateAgain = translator(store)
    const before = translateAgain()
    expect(before.issues.map(({ code }) => code)).toEqual(['certificate-not-found', 'certificate-not-found'])
    put(store, tlsSecret('a', first.chain, first.key))
    const after = translateAgain()
    expect(changedServers(before.model, after.model)).toEqual(['a.test'])
    expect(after.issues).toMatchObject([{ code: 'certificate-not-found', object: { name: 'b' } }])
    expect(pemsOf(after.model)).toHaveLength(1)
  })

  test('that is renewed changes the key pair and no server', () => {
    const store = storeOf(withTls('a', 'a'), withTls('b', 'b'), serviceWith('web'))
    for (const name of ['a', 'b']) put(store, tlsSecret(name, first.chain, first.key))
    const translateAgain = translator(store)
    const before = translateAgain().model
    put(store, tlsSecret('a', renewed.chain, renewed.key))
    const after = translateAgain().model
    expect(changedServers(before, after)).toEqual([])
    expect(after.keyPairs.filter((keyPair) => !before.keyPairs.includes(keyPair)).map(({ pem }) => pem.startsWith(renewed.chain))).toEqual([
      true,
    ])
    expect(after.keyPairs.map(({ name }) => name)).toEqual(before.keyPairs.map(({ name }) => name))
  })
})

test('the memo changes how fast the answer comes, never the answer', () => {
  const names = ['a', 'b', 'c'] as const
  const name = fc.constantFrom(...names)
  const host = fc.constantFrom('x.test', 'y.test', '*.test', 'Bad Host', undefined)
  const path = fc.constantFrom('/', '/one', '/one/', '/two', 'bad')
  const rule = fc.record({ host, path, service: name, kind: fc.constantFrom('exact', 'prefix', 'implementationSpecific') })
  const anIngress = fc
    .record({
      name,
      created: fc.constantFrom(CREATED, '2026-01-02T00:00:00Z', undefined),
      rules: fc.array(rule, { maxLength: 3 }),
      fallback: fc.option(name),
    })
    .map(({ name, created, rules, fallback }) => {
      const made: IngressBuilder = ingress(name).created(created).tls('secret', 'x.test')
      for (const { host, path, service, kind } of rules) made.host(host)[kind](path, service)
      return fallback === null ? made : made.defaultBackend(fallback)
    })
  const aService = fc.record({ name, appProtocol: fc.constantFrom('http', 'https', 'odd') })
  const aSlice = fc.record({ name, address: fc.constantFrom('10.0.0.1', '10.0.0.2', 'nonsense'), ready: fc.boolean() })
  const step = fc.oneof(
    anIngress.map((made) => (store: ObjectStore) => put(store, made)),
    aService.map(
      ({ name, appProtocol }) =>
        (store: ObjectStore) =>
          put(store, service(name, [{ port: 80, appProtocol }])),
    ),
    aSlice.map(
      ({ name, ...endpoint }) =>
        (store: ObjectStore) =>
          put(store, endpointSlice(name, [endpoint], { port: 80 })),
    ),
    fc.constant((store: ObjectStore) => put(store, tlsSecret('secret', 'no certificate', 'no key'))),
    fc.record({ kind: fc.constantFrom('Ingress', 'Service'), name }).map(
      ({ kind, name }) =>
        (store: ObjectStore) =>
          void store.delete(kind, `default/${name}`),
    ),
    name.map((name) => (store: ObjectStore) => void store.delete('EndpointSlice', `default/${name}-1`)),
    fc.constant((store: ObjectStore) => void store.delete('Secret', 'default/secret')),
  )
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
      const store = storeOf()
      const translateAgain = translator(store)
      for (const take of steps) {
        take(store)
        expect(translateAgain()).toEqual(translate(store.snapshot(), parseOptions({}), CONTEXT))
      }
    }),
    { numRuns: 300 },
  )
})

describe('--disable-catch-all', () => {
  const any = (given: Translation) => given.model.servers[0]?.locations.map(({ owner }) => owner?.ingress)
  const disabled = (...objects: readonly StateObject[]) => translator(storeOf(...objects), { disableCatchAll: true })()

  test('leaves out an Ingress that has nothing but a default backend, and says so', () => {
    const found = disabled(shop('all').defaultBackend('web'), serviceWith('web'))
    expect(any(found)).toEqual([undefined])
    expect(found.issues.map(({ code }) => code)).toEqual(['catch-all-disabled'])
  })

  test('keeps a default backend to the hosts of its own rules', () => {
    const found = disabled(shop('own').defaultBackend('web').host('own.test').exact('/x', 'web'), serviceWith('web'))
    expect(any(found)).toEqual([undefined])
    expect(found.model.servers[1]?.locations.map(({ match }) => match)).toMatchObject([{ path: '/x' }, { path: '/' }])
    expect(found.issues).toEqual([])
  })

  test('lets a rule without host be', () => {
    expect(any(disabled(shop('rule').prefix('/', 'web'), serviceWith('web')))).toEqual(['rule'])
  })
})
