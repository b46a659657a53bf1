/**
 * Kubernetes' objects, cut down to what an ingress controller reads. The schemas take an object as the API (or a
 * manifest) spells it and give the slim, read-only form; fields that we do not read are dropped on arrival.
 * Field names and rules: Kubernetes API reference, networking.k8s.io/v1, core/v1, discovery.k8s.io/v1.
 */
import { z } from 'zod'

const text = z.string()
const annotations = z
  .record(text, text)
  .nullish()
  .transform((given) => given ?? {})
/** One that cannot be read would make ages incomparable, and with them the order of everybody's Ingresses. */
const timestamp = text
  .refine((given) => !Number.isNaN(Date.parse(given)), 'is not a time')
  .nullish()
  .transform((given) => (given == null ? undefined : Date.parse(given)))
const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((given) => given ?? [])
const orUndefined = <Value extends z.ZodType>(value: Value) => value.nullish().transform((given) => given ?? undefined)

const metadata = z.object({
  name: text.min(1),
  namespace: orUndefined(text),
  uid: orUndefined(text),
  creationTimestamp: timestamp,
  annotations,
  labels: annotations,
})

/** What every object carries. `createdAt` is in milliseconds since 1970, undefined where nobody recorded it. */
export type ObjectMeta = {
  readonly namespace: string
  readonly name: string
  readonly uid: string | undefined
  readonly createdAt: number | undefined
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

function metaOf(given: z.infer<typeof metadata>, scope: 'namespaced' | 'cluster'): ObjectMeta {
  return {
    namespace: scope === 'cluster' ? '' : (given.namespace ?? 'default'),
    name: given.name,
    uid: given.uid,
    createdAt: given.creationTimestamp,
    annotations: given.annotations,
    labels: given.labels,
  }
}

const ingressBackend = z
  .object({
    service: orUndefined(z.object({ name: text, port: z.object({ name: orUndefined(text), number: orUndefined(z.number()) }).nullish() })),
    resource: orUndefined(z.object({ apiGroup: orUndefined(text), kind: text, name: text })),
  })
  .transform((given): IngressBackend => {
    if (given.service === undefined) return { kind: 'resource', resource: given.resource?.kind ?? 'nothing' }
    return { kind: 'service', name: given.service.name, port: given.service.port?.name ?? given.service.port?.number }
  })

/** Where a rule sends requests. `port` is a name, a number, or missing. */
export type IngressBackend =
  | { readonly kind: 'service'; readonly name: string; readonly port: string | number | undefined }
  | { readonly kind: 'resource'; readonly resource: string }

const ingressPath = z.object({
  path: orUndefined(text),
  pathType: z
    .enum(['Exact', 'Prefix', 'ImplementationSpecific'])
    .nullish()
    .transform((given) => given ?? 'ImplementationSpecific'),
  backend: ingressBackend,
})
export type IngressPath = z.infer<typeof ingressPath>

const ingressSchema = z
  .object({
    metadata,
    spec: z
      .object({
        ingressClassName: orUndefined(text),
        defaultBackend: orUndefined(ingressBackend),
        rules: listOf(z.object({ host: orUndefined(text), http: orUndefined(z.object({ paths: listOf(ingressPath) })) })),
        tls: listOf(z.object({ hosts: listOf(text), secretName: orUndefined(text) })),
      })
      .nullish(),
  })
  .transform((given) => ({
    kind: 'Ingress' as const,
    ...metaOf(given.metadata, 'namespaced'),
    className: given.spec?.ingressClassName,
    defaultBackend: given.spec?.defaultBackend,
    rules: given.spec?.rules.map((rule) => ({ host: rule.host || undefined, paths: rule.http?.paths })) ?? [],
    tls: given.spec?.tls ?? [],
  }))
export type Ingress = Readonly<z.infer<typeof ingressSchema>> & {
  /** Set by us alone, on one that stands in for another: its paths are there, and answer 503. */
  readonly isClosed?: true
}

const ingressClassSchema = z.object({ metadata, spec: z.object({ controller: orUndefined(text) }).nullish() }).transform((given) => ({
  kind: 'IngressClass' as const,
  ...metaOf(given.metadata, 'cluster'),
  controller: given.spec?.controller,
  isDefault: given.metadata.annotations['ingressclass.kubernetes.io/is-default-class'] === 'true',
}))
export type IngressClass = Readonly<z.infer<typeof ingressClassSchema>>

const servicePort = z
  .object({
    name: orUndefined(text),
    port: z.number(),
    targetPort: orUndefined(z.union([z.number(), text])),
    protocol: orUndefined(text),
    appProtocol: orUndefined(text),
  })
  .transform((given) => ({ ...given, protocol: given.protocol ?? 'TCP' }))

const serviceSchema = z
  .object({
    metadata,
    spec: z
      .object({ type: orUndefined(text), clusterIP: orUndefined(text), externalName: orUndefined(text), ports: listOf(servicePort) })
      .nullish(),
  })
  .transform((given) => ({
    kind: 'Service' as const,
    ...metaOf(given.metadata, 'namespaced'),
    type: given.spec?.type ?? 'ClusterIP',
    clusterIP: given.spec?.clusterIP,
    externalName: given.spec?.externalName,
    ports: given.spec?.ports ?? [],
  }))
export type Service = Readonly<z.infer<typeof serviceSchema>>
export type ServicePortSpec = Service['ports'][number]

const condition = z.boolean().nullish()
/** Missing conditions read as the API says: ready and serving when unknown, not terminating. */
const endpoint = z
  .object({ addresses: listOf(text), conditions: z.object({ ready: condition, serving: condition, terminating: condition }).nullish() })
  .transform((given) => ({
    addresses: given.addresses,
    ready: given.conditions?.ready ?? true,
    serving: given.conditions?.serving ?? given.conditions?.ready ?? true,
    terminating: given.conditions?.terminating ?? false,
  }))

const endpointSliceSchema = z
  .object({
    metadata,
    addressType: orUndefined(text),
    endpoints: listOf(endpoint),
    ports: listOf(
      z.object({ name: orUndefined(text), port: orUndefined(z.number()), protocol: orUndefined(text), appProtocol: orUndefined(text) }),
    ),
  })
  .transform((given) => ({
    kind: 'EndpointSlice' as const,
    ...metaOf(given.metadata, 'namespaced'),
    service: given.metadata.labels['kubernetes.io/service-name'],
    addressType: given.addressType ?? 'IPv4',
    endpoints: given.endpoints,
    ports: given.ports,
  }))
export type EndpointSlice = Readonly<z.infer<typeof endpointSliceSchema>>

const secretSchema = z
  .object({ metadata, type: orUndefined(text), data: z.record(text, text).nullish(), stringData: z.record(text, text).nullish() })
  .transform((given) => ({
    kind: 'Secret' as const,
    ...metaOf(given.metadata, 'namespaced'),
    type: given.type ?? 'Opaque',
    data: { ...mapValues(given.data, (base64) => Buffer.from(base64, 'base64').toString('utf8')), ...given.stringData } as Readonly<
      Record<string, string>
    >,
  }))
/** `data` is decoded, as UTF-8 text. */
export type Secret = Readonly<z.infer<typeof secretSchema>>

const configMapSchema = z.object({ metadata, data: z.record(text, text).nullish() }).transform((given) => ({
  kind: 'ConfigMap' as const,
  ...metaOf(given.metadata, 'namespaced'),
  data: (given.data ?? {}) as Readonly<Record<string, string>>,
}))
export type ConfigMap = Readonly<z.infer<typeof configMapSchema>>

const namespaceSchema = z.object({ metadata }).transform((given) => ({ kind: 'Namespace' as const, ...metaOf(given.metadata, 'cluster') }))
export type Namespace = Readonly<z.infer<typeof namespaceSchema>>

export type ClusterObject = Ingress | IngressClass | Service | EndpointSlice | Secret | ConfigMap | Namespace
export type ObjectKind = ClusterObject['kind']

/** For each kind that is read: the apiVersion it must have, and the schema that makes the slim object. */
export const objectKinds: Readonly<Record<ObjectKind, { readonly apiVersion: string; readonly schema: z.ZodType<ClusterObject> }>> = {
  Ingress: { apiVersion: 'networking.k8s.io/v1', schema: ingressSchema },
  IngressClass: { apiVersion: 'networking.k8s.io/v1', schema: ingressClassSchema },
  Service: { apiVersion: 'v1', schema: serviceSchema },
  EndpointSlice: { apiVersion: 'discovery.k8s.io/v1', schema: endpointSliceSchema },
  Secret: { apiVersion: 'v1', schema: secretSchema },
  ConfigMap: { apiVersion: 'v1', schema: configMapSchema },
  Namespace: { apiVersion: 'v1', schema: namespaceSchema },
}

/** `namespace/name`: neither part of a valid object has a slash, so two objects of a kind never share a key. */
export type ObjectKey = `${string}/${string}`

export function keyOf(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`
}

function mapValues(given: Readonly<Record<string, string>> | null | undefined, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(given ?? {}).map(([key, value]) => [key, change(value)]))
}
