import { describe, expect, test } from '@jest/globals'
import { type Ingress, type IngressBackend, objectKinds } from '../cluster/objects.ts'
import { createStore } from '../cluster/state.ts'
import { parseOptions } from '../options.ts'
import { type BackendOptions, type ResolvedBackend, resolveBackend } from './backends.ts'
import type { BackendRules } from './endpoints.ts'
import { recordReads } from './lookup.ts'

type Endpoint = { readonly addresses: readonly string[]; readonly conditions?: object }
type Cluster = { readonly port?: object; readonly endpoints?: readonly Endpoint[]; readonly slicePorts?: readonly object[] }

const CLUSTER: BackendRules = { allowLoopback: false, echoSocket: undefined, canResolveNames: true }
const WITH_ECHO: BackendRules = { allowLoopback: false, echoSocket: '/run/echo.sock', canResolveNames: true }
const SHOP: IngressBackend = { kind: 'service', name: 'shop', port: 80 }

/** Resolves a backend in a namespace `store` that holds a Service `shop` with one slice. */
function resolve(cluster: Cluster, rules = CLUSTER, backend = SHOP, options: BackendOptions = parseOptions({})): ResolvedBackend {
  const store = createStore()
  store.set(
    objectKinds.Service.schema.parse({
      metadata: { namespace: 'store', name: 'shop' },
      spec: { ports: [{ port: 80, ...cluster.port }] },
    }),
  )
  store.set(
    objectKinds.EndpointSlice.schema.parse({
      metadata: { namespace: 'store', name: 'shop-1', labels: { 'kubernetes.io/service-name': 'shop' } },
      endpoints: cluster.endpoints ?? [],
      ports: cluster.slicePorts ?? [{ port: 8080 }],
    }),
  )
  const asker = objectKinds.Ingress.schema.parse({ metadata: { namespace: 'store', name: 'shop' } }) as Ingress
  return resolveBackend(
    backend,
    { namespace: 'store', ingress: asker, field: 'spec', patch: {} },
    recordReads(store.snapshot()).lookup,
    options,
    rules,
  )
}

function endpointsOf({ upstream }: ResolvedBackend): readonly string[] {
  return (upstream?.endpoints ?? []).map((endpoint) => (endpoint.kind === 'tcp' ? `${endpoint.address} ${endpoint.port}` : endpoint.kind))
}

describe('endpoints', () => {
  test.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('loopback is refused unless the source may name it: %s', (address) => {
    const cluster = { endpoints: [{ addresses: [address] }, { addresses: ['10.1.1.1'] }] }
    const refused = resolve(cluster)
    expect(endpointsOf(refused)).toEqual(['10.1.1.1 8080'])
    expect(refused.issues.map(({ message }) => message)).toEqual([
      `EndpointSlice store/shop-1: address ${address} is loopback, which is not allowed; the endpoint is left out`,
    ])
    const allowed = resolve(cluster, { ...CLUSTER, allowLoopback: true })
    expect(endpointsOf(allowed)).toContain(`${address} 8080`)
    expect(allowed.issues).toEqual([])
  })

  test('a Service whose only endpoint is refused gets 503 and both reasons', () => {
    const { action, upstream, issues } = resolve({ endpoints: [{ addresses: ['127.0.0.1'] }] })
    expect(action).toMatchObject({ kind: 'respond', status: 503 })
    expect(upstream).toBeUndefined()
    expect(issues.map(({ code }) => code)).toEqual(['invalid-endpoint', 'no-endpoints'])
  })

  test('however many endpoints of a slice are refused, one Issue tells of them', () => {
    const endpoints = ['127.0.0.1', '127.0.0.2', '10.1.1.1', '127.0.0.3'].map((address) => ({ addresses: [address] }))
    expect(resolve({ endpoints }).issues.map(({ message }) => message)).toEqual([
      'EndpointSlice store/shop-1: address 127.0.0.1 is loopback, which is not allowed; it and 2 more endpoints are left out',
    ])
  })

  test('an address that is refused is told only where it would be used', () => {
    expect(resolve({ endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: false } }] }).issues.map(({ code }) => code)).toEqual([
      'no-endpoints',
    ])
  })

  test.each([
    ['no conditions', undefined],
    ['conditions that say nothing', {}],
    ['conditions that are unknown', { ready: null, serving: null, terminating: null }],
    ['an unknown readiness while serving', { serving: true }],
  ])('%s mean ready', (_which, conditions) => {
    expect(endpointsOf(resolve({ endpoints: [{ addresses: ['10.1.1.1'], ...(conditions && { conditions }) }] }))).toEqual(['10.1.1.1 8080'])
  })

  test('of several addresses of one endpoint the first is used', () => {
    expect(endpointsOf(resolve({ endpoints: [{ addresses: ['10.1.1.1', '10.1.1.2'] }] }))).toEqual(['10.1.1.1 8080'])
  })

  test('the order of slices and endpoints changes nothing', () => {
    const addresses = ['10.1.1.9', '10.1.1.10', '10.1.1.1']
    const inOrder = (order: readonly string[]) => resolve({ endpoints: order.map((address) => ({ addresses: [address] })) })
    expect(inOrder(addresses).upstream).toEqual(inOrder(addresses.toReversed()).upstream)
  })

  test('ports of a slice that are not of the Service port, or not TCP, are passed over', () => {
    const slicePorts = [
      { name: 'metrics', port: 9090 },
      { name: 'web', port: 5353, protocol: 'UDP' },
      { name: 'web', port: 8081 },
    ]
    expect(endpointsOf(resolve({ port: { name: 'web' }, slicePorts, endpoints: [{ addresses: ['10.1.1.1'] }] }))).toEqual(['10.1.1.1 8081'])
  })
})

describe('the protocol is that of appProtocol', () => {
  const protocolFor = (appProtocol: string) => {
    const { action, issues } = resolve({ port: { appProtocol }, endpoints: [{ addresses: ['10.1.1.1'] }] })
    return { protocol: action.kind === 'proxy' ? action.backend.protocol : undefined, codes: issues.map(({ code }) => code) }
  }

  test.each([
    ['http', 'http'],
    ['HTTP', 'http'],
    ['kubernetes.io/ws', 'http'],
    ['https', 'https'],
    ['HTTPS', 'https'],
    ['kubernetes.io/wss', 'https'],
    ['grpc', 'grpc'],
    ['GRPC', 'grpc'],
    ['kubernetes.io/h2c', 'grpc'],
    ['grpcs', 'grpcs'],
  ])('%s', (appProtocol, protocol) => {
    expect(protocolFor(appProtocol)).toEqual({ protocol, codes: [] })
  })

  test.each(['mysql', 'toString', '', 'grpc;'])('%j is unknown: HTTP, and an Issue', (appProtocol) => {
    expect(protocolFor(appProtocol)).toEqual({ protocol: 'http', codes: ['unknown-app-protocol'] })
  })
})

describe('an Issue says what happens meanwhile', () => {
  const saidOf = (rules: BackendRules, backend: IngressBackend) => resolve({}, rules, backend).issues.map(({ message }) => message)
  const missing: IngressBackend = { kind: 'service', name: 'gone', port: 80 }

  test('503 without the echo', () => {
    expect(saidOf(CLUSTER, SHOP)).toEqual(['Service store/shop has no ready endpoint for port 80; requests get 503 until it has'])
    expect(saidOf(CLUSTER, missing)).toEqual(['Service store/gone does not exist; requests get 503 until it does'])
  })

  test('the echo where it answers', () => {
    expect(saidOf(WITH_ECHO, SHOP)).toEqual([
      'Service store/shop has no ready endpoint for port 80; the echo answers requests until it has',
    ])
    expect(saidOf(WITH_ECHO, missing)).toEqual(['Service store/gone does not exist; the echo answers requests until it does'])
    expect(saidOf(WITH_ECHO, { ...SHOP, port: 81 })).toEqual([
      'Service store/shop has no TCP port 81; the echo answers requests until it has',
    ])
  })

  test('503 also with the echo, for what the echo cannot be told', () => {
    const resource = resolve({}, WITH_ECHO, { kind: 'resource', resource: 'Bucket' })
    const hostile = resolve({}, WITH_ECHO, { ...missing, port: '"; return 200' })
    for (const { action, issues } of [resource, hostile]) {
      expect(action).toMatchObject({ kind: 'respond', status: 503 })
      expect(issues[0]?.message).toContain('requests get 503')
    }
  })
})

test('every Service port has an upstream of its own, named the same each time', () => {
  const endpoints = [{ addresses: ['10.1.1.1'] }]
  const nameOf = (cluster: Cluster, backend = SHOP) => resolve({ endpoints, ...cluster }, CLUSTER, backend).upstream?.name
  expect(nameOf({})).toBe(nameOf({ endpoints: [{ addresses: ['10.1.1.2'] }] }))
  expect(nameOf({})).not.toBe(nameOf({ port: { port: 81 } }, { ...SHOP, port: 81 }))
})
