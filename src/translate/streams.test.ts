import { describe, expect, test } from '@jest/globals'
import { configMap, endpointSlice, type Manifest, service } from '../../test/support/objects.ts'
import { storeOf } from '../../test/support/state.ts'
import type { StreamService } from '../model/streams.ts'
import { type OptionsInput, parseOptions } from '../options.ts'
import { MOST_STREAM_SERVICES, type StreamRules, streamsOf } from './streams.ts'

const RULES: StreamRules = { hasStreamModule: true, canResolveNames: true, allowLoopback: false, echoSocket: undefined }
const FLAGS = { tcpServicesConfigmap: 'ingress/tcp', udpServicesConfigmap: 'ingress/udp' }

const dns: readonly Manifest[] = [
  servedBy('dns', [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ]),
  slice('dns', '10.0.0.1', [
    { name: 'dns', port: 5301, protocol: 'UDP' },
    { name: 'dns-tcp', port: 5302, protocol: 'TCP' },
  ]),
]

function servedBy(name: string, ports: readonly object[], spec: object = {}): Manifest {
  return { ...service(name), spec: { type: 'ClusterIP', ports, ...spec } }
}

function slice(name: string, address: string, ports: readonly object[]): Manifest {
  return { ...endpointSlice(name, [{ address }], { port: 1 }), ports }
}

type Given = { readonly tcp?: Readonly<Record<string, string>>; readonly udp?: Readonly<Record<string, string>> }

function translated(
  { tcp = {}, udp = {} }: Given,
  objects: readonly Manifest[],
  options: OptionsInput = {},
  rules: Partial<StreamRules> = {},
) {
  const store = storeOf(configMap('tcp', tcp, 'ingress'), configMap('udp', udp, 'ingress'), ...objects)
  const { streams, issues } = streamsOf(store.snapshot(), parseOptions({ ...FLAGS, ...options }), { ...RULES, ...rules })
  return {
    ports: streams.services.map(({ protocol, port, upstream }) => [`${protocol} ${port}`, ...upstream.endpoints.map(describeEndpoint)]),
    services: streams.services,
    told: issues.map(
      ({ code, object, field, message }) => `${code} ${object?.kind} ${object?.namespace}/${object?.name} ${field}: ${message}`,
    ),
  }
}

function describeEndpoint(endpoint: StreamService['upstream']['endpoints'][number]): string {
  if (endpoint.kind === 'unix') return endpoint.path
  return endpoint.kind === 'name' ? `${endpoint.name}:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`
}

test('each entry leads to the endpoints of its Service, by its protocol; one port may be both', () => {
  const { ports, told } = translated({ tcp: { '53': 'default/dns:53' }, udp: { '53': 'default/dns:53', '5353': 'default/dns:dns' } }, dns)
  expect(ports).toEqual([
    ['tcp 53', '10.0.0.1:5302'],
    ['udp 53', '10.0.0.1:5301'],
    ['udp 5353', '10.0.0.1:5301'],
  ])
  expect(told).toEqual([])
})

test('ports are in the order of their numbers, however the ConfigMap has them', () => {
  const { ports } = translated({ tcp: { '10000': 'default/dns:53', '9': 'default/dns:53', '200': 'default/dns:53' } }, dns)
  expect(ports.map(([port]) => port)).toEqual(['tcp 9', 'tcp 200', 'tcp 10000'])
})

test('a bad entry costs itself alone, and says which it is', () => {
  const { ports, told } = translated(
    {
      tcp: {
        '9000': 'default/dns:53',
        '8080': 'default/dns:53',
        '8443': 'default/dns:53',
        port: 'default/dns:53',
        '9001': 'dns:53',
        '9002': 'default/missing:53',
        '9003': 'default/dns:dns',
        '9004': 'default/empty:80',
        '9005': 'default/local:80',
      },
      udp: { '8080': 'default/dns:53:PROXY' },
    },
    [...dns, service('empty'), service('local'), endpointSlice('local', [{ address: '127.0.0.1' }], { port: 80 })],
  )
  expect(ports).toEqual([
    ['tcp 9000', '10.0.0.1:5302'],
    ['udp 8080', '10.0.0.1:5301'],
  ])
  const until = 'the port is not listened on until it does'
  expect(told).toEqual([
    'invalid-stream-service ConfigMap ingress/tcp data.port: "port" is not a port (1 to 65535); the service is left out',
    'invalid-stream-service ConfigMap ingress/tcp data.8080: port 8080 is where http is served; the service is left out',
    'invalid-stream-service ConfigMap ingress/tcp data.8443: port 8443 is where https is served; the service is left out',
    expect.stringContaining('invalid-stream-service ConfigMap ingress/tcp data.9001: "dns:53" names no Service'),
    `backend-not-found ConfigMap ingress/tcp data.9002: Service default/missing does not exist; ${until}`,
    `backend-port-not-found ConfigMap ingress/tcp data.9003: Service default/dns has no TCP port dns; ${until}`,
    `no-endpoints ConfigMap ingress/tcp data.9004: Service default/empty has no ready endpoint for TCP port 80; ${until}`,
    'invalid-endpoint ConfigMap ingress/tcp data.9005: EndpointSlice default/local-1: address 127.0.0.1 is loopback, which is not allowed; the endpoint is left out',
    `no-endpoints ConfigMap ingress/tcp data.9005: Service default/local has no ready endpoint for TCP port 80; ${until}`,
    'stream-proxy-protocol ConfigMap ingress/udp data.8080: the PROXY protocol is for TCP only; datagrams are passed on without it',
  ])
})

describe('the PROXY protocol', () => {
  test('is accepted, sent, or both', () => {
    const { services } = translated(
      { tcp: { '1': 'default/dns:53', '2': 'default/dns:53:PROXY', '3': 'default/dns:53::PROXY', '4': 'default/dns:53:PROXY:PROXY' } },
      dns,
    )
    expect(services.map(({ proxyProtocol: { accepted, sent } }) => [accepted, sent])).toEqual([
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ])
  })
})

describe('an ExternalName', () => {
  const external = servedBy('db', [], { type: 'ExternalName', externalName: 'db.example.com' })

  test('is followed, at the number that the entry says', () => {
    expect(translated({ tcp: { '9000': 'default/db:5432' } }, [external]).ports).toEqual([['tcp 9000', 'db.example.com:5432']])
  })

  test('is refused where NGINX cannot follow it, where a flag forbids it, and where it leads to ourselves', () => {
    const entry = { tcp: { '9000': 'default/db:5432' } }
    const local = servedBy('db', [], { type: 'ExternalName', externalName: 'localhost' })
    for (const { ports, told } of [
      translated(entry, [external], {}, { canResolveNames: false }),
      translated(entry, [external], { disableSvcExternalName: true }),
      translated(entry, [local]),
    ]) {
      expect(ports).toEqual([])
      expect(told).toEqual([
        expect.stringMatching(/^backend-not-supported ConfigMap ingress\/tcp data\.9000: .*; the port is not listened on$/),
      ])
    }
  })
})

test('without the module nothing is served of it, and each entry says so', () => {
  const { ports, told } = translated(
    { tcp: { '9000': 'default/dns:53' }, udp: { '53': 'default/dns:53' } },
    dns,
    {},
    { hasStreamModule: false },
  )
  expect(ports).toEqual([])
  expect(told).toEqual([
    expect.stringMatching(/^stream-not-supported ConfigMap ingress\/tcp data\.9000: port 9000 is not served: .*no stream module/),
    expect.stringMatching(/^stream-not-supported ConfigMap ingress\/udp data\.53: /),
  ])
})

test('a ConfigMap that is not there is said once, with its flag', () => {
  const { streams, issues } = streamsOf(storeOf().snapshot(), parseOptions({ tcpServicesConfigmap: 'ingress/tcp' }), RULES)
  expect(streams.services).toEqual([])
  expect(issues.map(({ code, field, object }) => [code, field, object])).toEqual([
    ['configmap-not-found', '--tcp-services-configmap', { kind: 'ConfigMap', namespace: 'ingress', name: 'tcp' }],
  ])
})

test('there is an end to how many', () => {
  const tcp = Object.fromEntries(Array.from({ length: MOST_STREAM_SERVICES + 2 }, (_, index) => [String(20_000 + index), 'default/dns:53']))
  const { ports, told } = translated({ tcp: { ...tcp, '1': 'bad' } }, dns)
  expect(ports).toHaveLength(MOST_STREAM_SERVICES)
  expect(told.map((line) => line.split(':')[0])).toEqual([
    'invalid-stream-service ConfigMap ingress/tcp data.1',
    'invalid-stream-service ConfigMap ingress/tcp data.20500',
    'invalid-stream-service ConfigMap ingress/tcp data.20501',
  ])
})

test.each(['ingress', 'a/b/c', '/tcp', 'ingress/', 'Ingress/tcp', 'ingress/tcp-', 'ingress/tcp;'])(
  '--tcp-services-configmap %s is misuse',
  (name) => {
    expect(() => parseOptions({ tcpServicesConfigmap: name })).toThrow()
  },
)
