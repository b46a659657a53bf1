/** Turns the cluster's state into what NGINX should serve. Pure: same input, same output, no clock, no I/O. */
import { isDeepStrictEqual } from 'node:util'
import { type Ingress, keyOf } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { describeIssue, type Issue, issue } from '../model/issue.ts'
import type { LimitZone } from '../model/limits.ts'
import { hostKey, type KeyPair, type Model, type SecretFile, type Server, type Upstream } from '../model/model.ts'
import type { Options } from '../options.ts'
import { readCertificate } from './certificates.ts'
import type { ClassRules } from './classes.ts'
import { type Hosts, hostsOf } from './hosts.ts'
import { httpSettingsOf } from './http.ts'
import { type Read, recordReads, stillHold } from './lookup.ts'
import type { IngressRoutes } from './routes.ts'
import { type Contribution, type Fallback, type ServerTranslation, translateServer } from './server.ts'
import { type StreamRules, streamsOf } from './streams.ts'
import { wwwServersAmong } from './www.ts'

/** What the surroundings add to the options: facts of the source and of this machine. */
export type TranslateContext = StreamRules &
  ClassRules & {
    /** Shown where no Secret gives a certificate. */
    readonly selfSignedKeyPair: KeyPair
  }

export type Translation = { readonly model: Model; readonly issues: readonly Issue[]; readonly served: readonly Ingress[] }

/** Results of earlier translations, kept while everything they were read from is the very same object. */
export type TranslationMemo = {
  readonly routes: WeakMap<Ingress, IngressRoutes>
  last: LastTranslation | undefined
}

type LastTranslation = {
  readonly state: ClusterState
  readonly options: Options
  readonly context: TranslateContext
  readonly grouped: Hosts
  /** By host key. */
  readonly servers: ReadonlyMap<string, MemoisedServer>
}

type MemoisedServer = {
  readonly contributions: readonly Contribution[]
  readonly canaries: readonly Contribution[]
  readonly reads: readonly Read[]
  readonly result: ServerTranslation
}

export function createTranslationMemo(): TranslationMemo {
  return { routes: new WeakMap(), last: undefined }
}

/** The memo changes how fast the answer comes, never the answer. */
export function translate(
  state: ClusterState,
  options: Options,
  context: TranslateContext,
  memo: TranslationMemo = createTranslationMemo(),
): Translation {
  const { last } = memo
  const grouped =
    last !== undefined && haveSameHosts(last, state, options, context) ? last.grouped : hostsOf(state, options, context, memo.routes)
  const issues: Issue[] = [...grouped.issues]
  const fallback: Fallback = options.defaultBackendService && {
    namespace: options.defaultBackendService.namespace,
    backend: { kind: 'service', name: options.defaultBackendService.name, port: undefined },
  }
  const areSettingsSame = last?.options === options && last.context === context
  const servers = new Map<string, MemoisedServer>()
  for (const { key, match, contributions, canaries } of grouped.hosts) {
    const before = last?.servers.get(key)
    const holds =
      areSettingsSame &&
      before !== undefined &&
      ofSameIngresses(before.contributions, contributions) &&
      ofSameIngresses(before.canaries, canaries) &&
      stillHold(before.reads, last.state, state)
    if (holds) {
      servers.set(key, before)
      continue
    }
    const { lookup, reads } = recordReads(state)
    const result = translateServer(match, contributions, canaries, fallback, lookup, options, context)
    servers.set(key, { contributions, canaries, reads, result: keepEqualServer(before?.result, result) })
  }
  memo.last = { state, options, context, grouped, servers }
  const translated = [...servers.values()].map(({ result }) => result)
  const wwwServers = wwwServersAmong(
    translated.map(({ www }) => www),
    (key) => servers.has(key),
    issues,
  )

  const upstreams = new Map<string, Upstream>()
  const keyPairs = new Map<string, KeyPair>()
  const secretFiles = new Map<string, SecretFile>()
  const limitZones = new Map<string, LimitZone>()
  for (const server of translated) {
    for (const each of server.issues) issues.push(each)
    for (const upstream of server.upstreams) upstreams.set(upstream.name, upstream)
    if (server.keyPair !== undefined) keyPairs.set(server.keyPair.name, server.keyPair)
    for (const file of server.secretFiles) secretFiles.set(file.name, file)
    for (const zone of server.limitZones) limitZones.set(zone.name, zone)
  }
  for (const { keyPair } of wwwServers) if (keyPair !== undefined) keyPairs.set(keyPair.name, keyPair)
  const defaultKeyPair = defaultKeyPairOf(state, options, context, issues)
  keyPairs.set(defaultKeyPair.name, defaultKeyPair)

  const { streams, issues: streamIssues } = streamsOf(state, options, context)
  issues.push(...streamIssues)

  const model: Model = {
    http: httpSettingsOf(options, defaultKeyPair),
    servers: withServers(
      translated.map(({ server }) => server),
      wwwServers.map(({ server }) => server),
    ),
    upstreams: [...upstreams.values()],
    keyPairs: [...keyPairs.values()],
    secretFiles: [...secretFiles.values()],
    limitZones: [...limitZones.values()],
    streams,
  }
  return { model, issues: distinct(issues), served: grouped.served }
}

/** In order of their hosts. */
function withServers(servers: readonly Server[], others: readonly Server[]): readonly Server[] {
  return others.length === 0 ? servers : [...servers, ...others].sort((a, b) => (hostKey(a.host) < hostKey(b.host) ? -1 : 1))
}

/** A default backend speaks for many hosts; what is wrong with it is said once. */
function distinct(issues: readonly Issue[]): readonly Issue[] {
  return [...new Map(issues.map((found) => [describeIssue(found), found])).values()]
}

function haveSameHosts(last: LastTranslation, state: ClusterState, options: Options, rules: ClassRules): boolean {
  return (
    last.options === options &&
    last.context.source === rules.source &&
    last.state.ingresses === state.ingresses &&
    last.state.ingressClasses === state.ingressClasses
  )
}

/** What an Ingress says of a host depends on the Ingress alone. */
function ofSameIngresses(a: readonly Contribution[], b: readonly Contribution[]): boolean {
  return a === b || (a.length === b.length && a.every(({ ingress }, index) => ingress === b[index]?.ingress))
}

/** The very object of before where a new one comes out equal, so that what was made of it is kept too. */
function keepEqualServer(before: ServerTranslation | undefined, after: ServerTranslation): ServerTranslation {
  if (before === undefined) return after
  const server = isDeepStrictEqual(before.server, after.server) ? before.server : after.server
  const www = isDeepStrictEqual(before.www, after.www) ? before.www : after.www
  return { ...after, server, www }
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
