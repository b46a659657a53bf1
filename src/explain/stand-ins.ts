/**
 * Stand-ins for what Ingresses refer to and the input lacks: people hand over Ingresses without their Services. With
 * them the configuration comes out as it would in the cluster.
 */
import type { ConfigMap, EndpointSlice, Ingress, IngressBackend, ObjectKey, Secret, Service, ServicePortSpec } from '../cluster/objects.ts'
import { keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { referencesOf } from '../translate/references.ts'
import type { Summary } from './schema.ts'

/** Of what kinds something may be there although the input lacks it. */
export type PresumedKind = 'Service' | 'Secret' | 'ConfigMap'
export const ALL_KINDS: ReadonlySet<PresumedKind> = new Set(['Service', 'Secret', 'ConfigMap'])

/** `absent`: what was stood in for, certificates included. */
export type Completed = { readonly state: ClusterState; readonly absent: Summary['absent'] }

/** Addresses that documents use and nobody has (RFC 5737). */
const CLUSTER_IP = '192.0.2.1'
const ENDPOINT = '192.0.2.2'
/** For ports that are known by name only. */
const SOME_PORT = 8080
/** A file of users as htpasswd writes it, with a password that nobody knows. */
const SOME_USERS = 'nobody:$apr1$standins$WEYXaKoFd4kpkHQZ1K1nB/\n'

/**
 * The state with what its Ingresses refer to, of these kinds, and an endpoint for each of their Services. Certificates
 * have no stand-in: the default one is shown.
 */
export function withStandIns(state: ClusterState, kinds: ReadonlySet<PresumedKind>): Completed {
  const ingresses = [...state.ingresses.values()]
  const ports = portsAskedFor(ingresses)
  const services = new Map(state.services)
  const endpointSlices = new Map(state.endpointSlices)
  const absent = { services: new Set<ObjectKey>(), secrets: new Set<ObjectKey>(), configMaps: new Set<ObjectKey>() }
  for (const [key, asked] of ports) {
    if (!services.has(key) && kinds.has('Service')) {
      absent.services.add(key)
      services.set(key, serviceWith(key, asked))
    }
    const service = services.get(key)
    if (service !== undefined && service.type !== 'ExternalName' && !endpointSlices.has(key)) endpointSlices.set(key, [sliceOf(service)])
  }

  const secrets = new Map(state.secrets)
  const configMaps = new Map(state.configMaps)
  for (const ingress of ingresses) {
    const references = referencesOf(ingress)
    const certificates = new Set(ingress.tls.map(({ secretName }) => keyOf(ingress.namespace, secretName ?? '')))
    for (const key of references.secrets) {
      if (state.secrets.has(key) || !kinds.has('Secret')) continue
      absent.secrets.add(key)
      if (!certificates.has(key)) secrets.set(key, someSecret(key))
    }
    for (const key of references.configMaps) {
      if (state.configMaps.has(key) || !kinds.has('ConfigMap')) continue
      absent.configMaps.add(key)
      configMaps.set(key, someConfigMap(key))
    }
  }
  const sorted = (keys: ReadonlySet<ObjectKey>) => [...keys].sort()
  return {
    state: { ...state, services, endpointSlices, secrets, configMaps },
    absent: { services: sorted(absent.services), secrets: sorted(absent.secrets), configMaps: sorted(absent.configMaps) },
  }
}

/** Of each Service that a backend names, the ports. */
function portsAskedFor(ingresses: readonly Ingress[]): ReadonlyMap<ObjectKey, ReadonlySet<string | number>> {
  const asked = new Map<ObjectKey, Set<string | number>>()
  for (const { namespace, rules, defaultBackend } of ingresses) {
    const backends = rules.flatMap(({ paths = [] }) => paths.map(({ backend }) => backend))
    for (const backend of defaultBackend === undefined ? backends : [...backends, defaultBackend]) ask(asked, namespace, backend)
  }
  return asked
}

function ask(asked: Map<ObjectKey, Set<string | number>>, namespace: string, backend: IngressBackend): void {
  if (backend.kind !== 'service') return
  const key = keyOf(namespace, backend.name)
  const ports = asked.get(key) ?? new Set()
  asked.set(key, ports.add(backend.port ?? SOME_PORT))
}

function meta(key: ObjectKey) {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1), uid: undefined, createdAt: undefined, annotations: {}, labels: {} }
}

function serviceWith(key: ObjectKey, asked: ReadonlySet<string | number>): Service {
  const ports = [...asked].map(
    (port): ServicePortSpec => ({
      name: typeof port === 'string' ? port : `port-${port}`,
      port: typeof port === 'string' ? SOME_PORT : port,
      targetPort: undefined,
      protocol: 'TCP',
      appProtocol: undefined,
    }),
  )
  return { kind: 'Service', ...meta(key), type: 'ClusterIP', clusterIP: CLUSTER_IP, externalName: undefined, ports }
}

function sliceOf(service: Service): EndpointSlice {
  const { namespace, name, ports } = service
  return {
    kind: 'EndpointSlice',
    ...meta(keyOf(namespace, name)),
    service: name,
    addressType: 'IPv4',
    endpoints: [{ addresses: [ENDPOINT], ready: true, serving: true, terminating: false }],
    ports: ports.map(({ name: port, port: number, targetPort, protocol }) => ({
      name: port,
      port: typeof targetPort === 'number' ? targetPort : number,
      protocol,
      appProtocol: undefined,
    })),
  }
}

function someSecret(key: ObjectKey): Secret {
  return { kind: 'Secret', ...meta(key), type: 'Opaque', data: { auth: SOME_USERS } }
}

function someConfigMap(key: ObjectKey): ConfigMap {
  return { kind: 'ConfigMap', ...meta(key), data: {} }
}
