/** The whole way from manifests to a running NGINX, in this process, with temporary directories and ports. */
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nginxBinaries } from '../../scripts/nginx-binaries.ts'
import { canResolveNames, renderContextOf } from '../../src/cli/render-context.ts'
import { type ClusterState, createStore } from '../../src/cluster/state.ts'
import { startEcho } from '../../src/echo.ts'
import { parseManifests } from '../../src/files/manifests.ts'
import type { Issue } from '../../src/model/issue.ts'
import { type AGENT_LIMITS_MS, createAgent, type LocalAgent } from '../../src/nginx/agent.ts'
import { createApply, type ReloadResult } from '../../src/nginx/apply.ts'
import { type NginxBinary, probeNginx } from '../../src/nginx/capabilities.ts'
import { createGenerationStore } from '../../src/nginx/generations.ts'
import { createLayout, type Layout, layoutOf } from '../../src/nginx/layout.ts'
import { listenable } from '../../src/nginx/listenable.ts'
import { type Machine, probeMachine } from '../../src/nginx/machine.ts'
import { selfSignedKeyPair } from '../../src/nginx/self-signed.ts'
import { createOptionsReader, type OptionsInput, parseOptions } from '../../src/options.ts'
import { createRenderMemo, type NameServer, render } from '../../src/render/render.ts'
import { ECHO_HEADER } from '../../src/translate/backends.ts'
import { createTranslationMemo, type TranslateContext, translate } from '../../src/translate/translate.ts'
import { type Answer, type RequestOptions, send } from './client.ts'
import { CONFIG_MAP_KEY, type IngressBuilder, type Manifest } from './objects.ts'
import { freePort } from './ports.ts'

export type SiteObject = Manifest | IngressBuilder | readonly Manifest[]

export type Site = AsyncDisposable & {
  readonly httpPort: number
  readonly httpsPort: number
  readonly layout: Layout
  readonly agent: LocalAgent
  readonly binary: NginxBinary
  /** Serves these objects and nothing else; gives once workers have confirmed. */
  serve(...objects: readonly SiteObject[]): Promise<Served>
  get(host: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Over TLS, with the host as server name. */
  getTls(host: string, path: string, options?: RequestOptions): Promise<Answer>
  /** What NGINX wrote to its error log so far. */
  errorLog(): Promise<string>
  accessLog(): Promise<string>
}

export type Served = { readonly issues: readonly Issue[]; readonly result: ReloadResult }

export type SiteSettings = {
  readonly options?: OptionsInput
  readonly echo?: boolean
  readonly machine?: Partial<Machine>
  readonly limitsMs?: Partial<typeof AGENT_LIMITS_MS>
  /** In place of the machine's. */
  readonly nameServers?: readonly NameServer[]
}

/** Every NGINX the live tests run on, for `describe.each`. NGINX_TS_VERSIONS=1.30 narrows it while working. */
export async function testedNginx(): Promise<readonly (readonly [string, string])[]> {
  const only = process.env['NGINX_TS_VERSIONS']?.split(',')
  const binaries = await nginxBinaries()
  return binaries
    .filter(({ version }) => only === undefined || only.some((wanted) => version.startsWith(wanted)))
    .map(({ version, path }) => [version, path])
}

/** Starts nothing yet: NGINX starts with the first objects served. */
export async function startSite(nginx: string, settings: SiteSettings = {}): Promise<Site> {
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
  // mkdtemp makes it 0700, and workers of another account must pass.
  await chmod(root, 0o711)
  const layout = layoutOf(root)
  await createLayout(layout)
  const [binary, machine, httpPort, httpsPort] = [
    await probeNginx(nginx),
    { ...(await probeMachine()), ...settings.machine },
    await freePort(),
    await freePort(),
  ]
  const ended = new AbortController()
  const log = openSync(join(root, 'logs/error.log'), 'a')
  const ignore = () => {}
  const events = { masterLost: ignore, masterRestarted: ignore }
  const agent = await createAgent(binary, layout, events, { stdout: log, stderr: log }, settings.limitsMs)
  const apply = createApply(
    createGenerationStore(layout, machine.workerAccount?.groupId, (path, group) => chown(path, -1, group)),
    agent,
    () => performance.now(),
  )
  if (settings.echo === true) await startEcho(layout.echoSocket, ECHO_HEADER, ended.signal)
  const flags = parseOptions({ httpPort, httpsPort, configmap: CONFIG_MAP_KEY, ...settings.options })
  const readOptions = createOptionsReader(flags)
  const context: TranslateContext = {
    source: 'files',
    canResolveNames: canResolveNames(binary.capabilities, machine),
    hasStreamModule: binary.capabilities.stream !== undefined,
    allowLoopback: true,
    echoSocket: settings.echo === true ? layout.echoSocket : undefined,
    selfSignedKeyPair: await selfSignedKeyPair(root, Date.now()),
  }
  const renderContext = {
    ...renderContextOf(binary.capabilities, machine, root, layout.accessLog),
    ...(settings.nameServers === undefined ? {} : { nameServers: settings.nameServers }),
  }
  const memos = { translation: createTranslationMemo(), render: createRenderMemo() }

  return {
    httpPort,
    httpsPort,
    layout,
    agent,
    binary,
    async serve(...objects) {
      const snapshot = snapshotOf(objects)
      const read = readOptions(snapshot.state)
      const { model, issues } = translate(snapshot.state, read.options, context, memos.translation)
      const checked = await listenable(model, renderContext.ipv6, agent)
      const result = await apply(render(checked.model, renderContext, memos.render))
      const optionIssues = read.issues.filter(({ code }) => code !== 'configmap-not-found')
      return { issues: [...snapshot.issues, ...optionIssues, ...issues, ...checked.issues], result }
    },
    get: (host, path, request) => send(httpPort, host, path, request),
    getTls: (host, path, request) => send(httpsPort, host, path, { sni: host, ...request }),
    errorLog: () => readFile(join(root, 'logs/error.log'), 'utf8'),
    accessLog: () => readFile(layout.accessLog, 'utf8'),
    async [Symbol.asyncDispose]() {
      const hurry = AbortSignal.timeout(2000)
      await agent.stop(hurry)
      ended.abort()
      closeSync(log)
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** A cluster in which there are these objects. */
export function snapshotOf(objects: readonly SiteObject[]): { readonly state: ClusterState; readonly issues: readonly Issue[] } {
  const store = createStore()
  const manifests = parseManifests(JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects.flatMap(manifestsOf) }), 'test')
  for (const { object } of manifests.objects) store.set(object)
  return { state: store.snapshot(), issues: manifests.issues }
}

function manifestsOf(object: SiteObject): readonly Manifest[] {
  if (Array.isArray(object)) return object
  return [isBuilder(object) ? object.toManifest() : (object as Manifest)]
}

function isBuilder(object: SiteObject): object is IngressBuilder {
  return 'toManifest' in object && typeof object.toManifest === 'function'
}
