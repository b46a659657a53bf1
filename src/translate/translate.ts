/** Turns the cluster's state into what NGINX should serve. Pure: same input, same output, no clock, no I/O. */
import { isDeepStrictEqual } from 'node:util'
import { type Ingress, keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type Issue, issue } from '../model/issue.ts'
import type { HostMatch, HttpSettings, KeyPair, Model, Upstream } from '../model/model.ts'
import type { PortNumber } from '../model/values.ts'
import type { Options } from '../options.ts'
import type { BackendRules } from './backends.ts'
import { readCertificate } from './certificates.ts'
import { selectIngresses } from './classes.ts'
import { type Read, recordReads, stillHold } from './lookup.ts'
import { type IngressRoutes, routesOf } from './routes.ts'
import { type Contribution, type Fallback, type ServerTranslation, translateServer } from './server.ts'

/** What the surroundings add to the options: facts of the source and of this machine. */
export type TranslateContext = BackendRules & {
  /** Shown where no Secret gives a certificate. */
  readonly selfSignedKeyPair: KeyPair
}

export type Translation = { readonly model: Model; readonly issues: readonly Issue[]; readonly served: readonly Ingress[] }

/** Results of earlier translations, kept while everything they were read from is the very same object. */
export type TranslationMemo = {
  routes: WeakMap<Ingress, IngressRoutes>
  servers: Map<string, MemoisedServer>
}

type MemoisedServer = {
  readonly inputs: readonly unknown[]
  readonly reads: readonly Read[]
  readonly result: ServerTranslation
}

export function createTranslationMemo(): TranslationMemo {
  return { routes: new WeakMap(), servers: new Map() }
}

type Host = { readonly match: HostMatch; readonly contributions: Contribution[] }

/** The memo changes how fast the answer comes, never the answer. */
export function translate(
  state: ClusterState,
  options: Options,
  context: TranslateContext,
  memo: TranslationMemo = createTranslationMemo(),
): Translation {
  const served = selectIngresses(state, options)
  const issues: Issue[] = []
  const hosts = new Map<string, Host>([['', { match: { kind: 'any' }, contributions: [] }]])
  for (const ingress of served) {
    const { hosts: ingressHosts, verdict, issues: found } = memoised(memo.routes, ingress, routesOf)
    issues.push(...found)
    for (const [key, { host, routes }] of ingressHosts) contributionsOf(hosts, key, host).push({ ingress, verdict, routes })
    if (ingress.defaultBackend !== undefined && !ingressHosts.has(''))
      contributionsOf(hosts, '', { kind: 'any' }).push({ ingress, verdict, routes: [] })
  }

  const fallback: Fallback = options.defaultBackendService && {
    namespace: options.defaultBackendService.namespace,
    backend: { kind: 'service', name: options.defaultBackendService.name, port: undefined },
  }
  const memoisedServers = new Map<string, MemoisedServer>()
  const translated = [...hosts.keys()].sort().map((key) => {
    const { match, contributions } = hosts.get(key) as Host
    const inputs = [options, context, ...contributions.map(({ ingress }) => ingress)]
    const server = translateServerOnce(memo.servers.get(key), inputs, state, (lookup) =>
      translateServer(match, contributions, fallback, lookup, context),
    )
    memoisedServers.set(key, server)
    return server.result
  })
  memo.servers = memoisedServers

  const upstreams = new Map<string, Upstream>()
  const keyPairs = new Map<string, KeyPair>()
  for (const server of translated) {
    issues.push(...server.issues)
    for (const upstream of server.upstreams) upstreams.set(upstream.name, upstream)
    if (server.keyPair !== undefined) keyPairs.set(server.keyPair.name, server.keyPair)
  }
  const defaultKeyPair = defaultKeyPairOf(state, options, context, issues)
  keyPairs.set(defaultKeyPair.name, defaultKeyPair)

  const model: Model = {
    http: httpSettingsOf(options, defaultKeyPair),
    servers: translated.map(({ server }) => server),
    upstreams: [...upstreams.values()],
    keyPairs: [...keyPairs.values()],
  }
  return { model, issues, served }
}

function contributionsOf(hosts: Map<string, Host>, key: string, match: HostMatch): Contribution[] {
  const known = hosts.get(key)
  if (known !== undefined) return known.contributions
  const added: Host = { match, contributions: [] }
  hosts.set(key, added)
  return added.contributions
}

function memoised<Key extends WeakKey, Value>(memo: WeakMap<Key, Value>, key: Key, compute: (key: Key) => Value): Value {
  const known = memo.get(key)
  if (known !== undefined) return known
  const value = compute(key)
  memo.set(key, value)
  return value
}

/** The earlier result while its inputs and reads hold; and its very objects where a new one comes out equal. */
function translateServerOnce(
  before: MemoisedServer | undefined,
  inputs: readonly unknown[],
  state: ClusterState,
  compute: (lookup: ReturnType<typeof recordReads>['lookup']) => ServerTranslation,
): MemoisedServer {
  if (before !== undefined && sameObjects(before.inputs, inputs) && stillHold(before.reads, state)) return before
  const { lookup, reads } = recordReads(state)
  const result = compute(lookup)
  const isEqual = before !== undefined && isDeepStrictEqual(before.result.server, result.server)
  return { inputs, reads, result: isEqual ? { ...result, server: before.result.server } : result }
}

function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}

function defaultKeyPairOf(state: ClusterState, options: Options, context: TranslateContext, issues: Issue[]): KeyPair {
  const wanted = options.defaultSslCertificate
  if (wanted === undefined) return context.selfSignedKeyPair
  const secret = state.secrets.get(keyOf(wanted.namespace, wanted.name))
  const ref = { kind: 'Secret', ...wanted }
  if (secret === undefined) {
    issues.push(
      issue('certificate-not-found', ref, {
        field: '--default-ssl-certificate',
        message: 'the Secret does not exist; a self-signed certificate is shown until it does',
      }),
    )
    return context.selfSignedKeyPair
  }
  const certificate = readCertificate(secret)
  if (certificate.ok) return certificate.value.keyPair
  issues.push(
    issue('invalid-certificate', ref, {
      field: '--default-ssl-certificate',
      message: `the Secret ${certificate.reason}; a self-signed certificate is shown`,
    }),
  )
  return context.selfSignedKeyPair
}

function httpSettingsOf(options: Options, defaultKeyPair: KeyPair): HttpSettings {
  return {
    httpPort: options.httpPort as PortNumber,
    httpsPort: options.httpsPort as PortNumber,
    publicHttpsPort: (options.publicHttpsPort ?? options.httpsPort) as PortNumber,
    clientMaxBodySize: options.proxyBodySize,
    workerShutdownTimeout: options.workerShutdownTimeout,
    defaultKeyPair: defaultKeyPair.name,
  }
}
