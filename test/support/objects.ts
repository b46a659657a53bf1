/** Builders of Kubernetes objects, so that a test shows only what matters to it. */

/** An object as a manifest spells it. */
export type Manifest = Readonly<Record<string, unknown>>
type PathType = 'Exact' | 'Prefix' | 'ImplementationSpecific'
type Port = number | string
type Rule = { host?: string; http: { paths: unknown[] } }

/** Ingresses made later are younger. */
let clock = Date.parse('2026-01-01T00:00:00Z')

export class IngressBuilder {
  readonly #metadata: Record<string, unknown>
  readonly #spec: Record<string, unknown> & { rules: Rule[] } = { ingressClassName: 'nginx-ts', rules: [] }
  #host: string | undefined

  constructor(name: string) {
    clock += 1000
    this.#metadata = { namespace: 'default', name, creationTimestamp: new Date(clock).toISOString() }
  }

  namespace(namespace: string) {
    this.#metadata['namespace'] = namespace
    return this
  }

  created(timestamp: string | undefined) {
    this.#metadata['creationTimestamp'] = timestamp
    return this
  }

  /** `prefix`: of each name. */
  annotations(given: Readonly<Record<string, string>>, prefix = '') {
    for (const [name, value] of Object.entries(given)) this.annotation(prefix + name, value)
    return this
  }

  annotation(name: string, value: string) {
    this.#metadata['annotations'] = { ...(this.#metadata['annotations'] as object), [name]: value }
    return this
  }

  /** undefined for no class. */
  class(name: string | undefined) {
    this.#spec['ingressClassName'] = name
    return this
  }

  /** What follows is for this host; none for any host. */
  host(host: string | undefined) {
    this.#host = host
    return this
  }

  /** A rule with a host and no paths. */
  emptyRule(host: string) {
    this.#spec.rules.push({ host, http: { paths: [] } })
    return this
  }

  exact(path: string, service: string, port: Port = 80) {
    return this.path('Exact', path, service, port)
  }

  prefix(path: string, service: string, port: Port = 80) {
    return this.path('Prefix', path, service, port)
  }

  implementationSpecific(path: string, service: string, port: Port = 80) {
    return this.path('ImplementationSpecific', path, service, port)
  }

  path(pathType: PathType, path: string, service: string, port: Port = 80) {
    const last = this.#spec.rules.at(-1)
    const rule: Rule =
      last !== undefined && last.host === this.#host
        ? last
        : { ...(this.#host === undefined ? {} : { host: this.#host }), http: { paths: [] } }
    if (rule !== last) this.#spec.rules.push(rule)
    rule.http.paths.push({ path, pathType, backend: serviceBackend(service, port) })
    return this
  }

  defaultBackend(service: string, port: Port = 80) {
    this.#spec['defaultBackend'] = serviceBackend(service, port)
    return this
  }

  tls(secretName: string | undefined, ...hosts: string[]) {
    this.#spec['tls'] = [...((this.#spec['tls'] as unknown[]) ?? []), { secretName, hosts }]
    return this
  }

  toManifest(): Manifest {
    return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: this.#metadata, spec: this.#spec }
  }
}

function serviceBackend(name: string, port: Port) {
  return { service: { name, port: typeof port === 'number' ? { number: port } : { name: port } } }
}

/** An Ingress of class nginx-ts in namespace default. */
export function ingress(name: string): IngressBuilder {
  return new IngressBuilder(name)
}

export function ingressClass(name: string, controller: string, isDefault = false): Manifest {
  const annotations = isDefault ? { 'ingressclass.kubernetes.io/is-default-class': 'true' } : {}
  return { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name, annotations }, spec: { controller } }
}

export type ServicePortManifest = { name?: string; port: number; targetPort?: number | string; appProtocol?: string }

export function service(name: string, ports: readonly ServicePortManifest[] = [{ port: 80 }], namespace = 'default'): Manifest {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { type: 'ClusterIP', ports } }
}

export type EndpointManifest = { address: string; ready?: boolean; serving?: boolean; terminating?: boolean }

/** A slice of a Service; `port.name` is the Service port's. */
export function endpointSlice(
  serviceName: string,
  endpoints: readonly EndpointManifest[],
  port: { name?: string; port: number },
  { suffix = '1', namespace = 'default', addressType = 'IPv4' } = {},
): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace, name: `${serviceName}-${suffix}`, labels: { 'kubernetes.io/service-name': serviceName } },
    addressType,
    endpoints: endpoints.map(({ address, ...conditions }) => ({ addresses: [address], conditions })),
    ports: [{ name: port.name ?? '', port: port.port, protocol: 'TCP' }],
  }
}

/** A Service on port 80 and the slice that leads to a backend. */
export function serviceFor(
  backend: { readonly name: string; readonly address: string; readonly port: number },
  options: { appProtocol?: string; namespace?: string } = {},
): readonly Manifest[] {
  const { appProtocol, namespace = 'default' } = options
  return [
    service(backend.name, [{ port: 80, ...(appProtocol === undefined ? {} : { appProtocol }) }], namespace),
    endpointSlice(backend.name, [{ address: backend.address }], { port: backend.port }, { namespace }),
  ]
}

export function tlsSecret(name: string, cert: string, key: string, namespace = 'default'): Manifest {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { namespace, name },
    data: { 'tls.crt': base64(cert), 'tls.key': base64(key) },
  }
}

export function configMap(name: string, data: Readonly<Record<string, string>>, namespace = 'default'): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data }
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

/** The ConfigMap that tests have their options from. */
export const CONFIG_MAP = { namespace: 'nginx-ts', name: 'options' } as const
export const CONFIG_MAP_KEY = `${CONFIG_MAP.namespace}/${CONFIG_MAP.name}` as const

/** The controller's own ConfigMap. */
export function options(data: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: CONFIG_MAP, data }
}
