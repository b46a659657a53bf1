/** `nginx-ts explain`: what becomes of Ingresses, from manifests or from a cluster, before anything is deployed. */
import { stat } from 'node:fs/promises'
import { basename, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ObjectKey } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { explain } from '../explain/explain.ts'
import { printMarkdown } from '../explain/markdown.ts'
import { type Explanation, isAtLeast, type Level } from '../explain/schema.ts'
import type { PresumedKind } from '../explain/stand-ins.ts'
import { printText } from '../explain/text.ts'
import { createDirectory, readDirectory } from '../files/directory.ts'
import { type Issue, type ObjectRef, printable, type SourcePosition } from '../model/issue.ts'
import { mustParse, parseGeneratedName } from '../model/values.ts'
import { capabilitiesOf } from '../nginx/capabilities.ts'
import { createOptionsReader, type Options } from '../options.ts'

export type ExplainSettings = {
  readonly input: Input
  readonly options: Options
  /** Only Ingresses of this namespace, and only these. */
  readonly namespace: string | undefined
  readonly ingresses: readonly string[]
  readonly format: ExplainFormat
  readonly verbose: boolean
  /** From which level on the exit code is 1. */
  readonly failOn: FailOn
}

export type Input =
  /** `-` is standard input. */
  | { readonly kind: 'manifests'; readonly paths: readonly string[] }
  | { readonly kind: 'cluster'; readonly context: string | undefined; readonly kubeconfig: string | undefined }

export const explainFormats = ['text', 'json', 'markdown'] as const
export type ExplainFormat = (typeof explainFormats)[number]

export const failLevels = ['blocked', 'ignored', 'different', 'never'] as const
export type FailOn = (typeof failLevels)[number]

/** Where the output goes, and what comes in. */
export type Streams = {
  readonly input: AsyncIterable<Uint8Array>
  readonly print: (text: string) => void
  readonly width: number
  readonly colour: boolean
}

/** What was read, wherever from. */
export type ReadState = {
  readonly source: Explanation['source']
  readonly state: ClusterState
  readonly issues: readonly Issue[]
  readonly presumed: ReadonlySet<PresumedKind>
  readonly unread: readonly string[]
  positionOf(object: ObjectRef): SourcePosition | undefined
}

/** The NGINX of the image, whose abilities are explained, whatever this machine has. */
const NGINX_VERSION = '1.30.0'
/** In place of a file's name. */
export const STANDARD_INPUT = '(standard input)'

/** Gives the exit code: 1 when something is as bad as `failOn`, or worse. */
export async function explainCommand(settings: ExplainSettings, streams: Streams): Promise<number> {
  const read = await readInput(settings, streams)
  const { options, issues: optionIssues } = createOptionsReader(settings.options)(read.state)
  const chosen = new Set(settings.ingresses)
  for (const name of chosen) if (!read.state.ingresses.has(name as ObjectKey)) throw new Error(`there is no Ingress ${name}`)
  const explanation = explain({
    source: read.source,
    state: read.state,
    issues: [...read.issues, ...optionIssues],
    presumed: read.presumed,
    unread: read.unread,
    positionOf(ingress) {
      const position = read.positionOf(ingress)
      return position && `${position.file}:${position.line}`
    },
    isChosen: ({ namespace, name }) =>
      (settings.namespace === undefined || namespace === settings.namespace) && (chosen.size === 0 || chosen.has(`${namespace}/${name}`)),
    options,
    translateContext: {
      source: read.source.kind === 'cluster' ? 'cluster' : 'files',
      canResolveNames: true,
      hasStreamModule: true,
      allowLoopback: false,
      echoSocket: undefined,
      selfSignedKeyPair: { name: mustParse(parseGeneratedName('self-signed')), pem: '' },
    },
    renderContext: RENDER_CONTEXT,
  })
  streams.print(printed(explanation, settings, streams))
  return isFailure(explanation, settings.failOn) ? 1 : 0
}

/** A Pod's: what it says of the machine stands in no location. */
const RENDER_CONTEXT = {
  capabilities: capabilitiesOf(NGINX_VERSION),
  root: '/var/lib/nginx-ts',
  accessLog: '/dev/stdout',
  ipv6: true,
  nameServers: [{ address: '192.0.2.53', port: 53 }],
  workerAccount: undefined,
  workerProcesses: 1,
  workerConnections: 1024,
  workerOpenFiles: 2048,
}

function printed(explanation: Explanation, { format, verbose }: ExplainSettings, { width, colour }: Streams): string {
  if (format === 'json') return JSON.stringify(explanation, null, 2)
  return format === 'markdown' ? printMarkdown(explanation, { verbose }) : printText(explanation, { width, colour, verbose })
}

function isFailure({ ingresses, findings }: Explanation, failOn: FailOn): boolean {
  const isBad = (level: Level) => failOn !== 'never' && isAtLeast(level, failOn)
  return [...ingresses, ...findings].some(({ level }) => isBad(level))
}

async function readInput(settings: ExplainSettings, streams: Streams): Promise<ReadState> {
  const { input } = settings
  if (input.kind === 'manifests') return await readManifestsOf(input.paths, streams.input)
  // The Kubernetes client takes half a second and 90 MB to load.
  const { readLiveCluster } = await import('./explain-cluster.ts')
  return await readLiveCluster(input, settings)
}

/** The names of files in one directory are relative to it, others to where we are. */
async function readManifestsOf(paths: readonly string[], input: AsyncIterable<Uint8Array>): Promise<ReadState> {
  const [only = ''] = paths
  const isOneDirectory = paths.length === 1 && only !== '-' && (await stat(only)).isDirectory()
  const directory = isOneDirectory ? await readDirectory(only) : createDirectory(process.cwd())
  for (const path of isOneDirectory ? [] : paths) {
    if (path === '-') directory.take(STANDARD_INPUT, await text(input))
    else if ((await stat(path)).isDirectory()) await directory.readAll(path)
    else await directory.read(path)
  }
  const { state, issues } = directory.snapshot()
  const names = paths.map((path) => (path === '-' ? STANDARD_INPUT : relative(process.cwd(), path) || basename(path)))
  const source = { kind: 'manifests', name: printable(names.join(', ')) } as const
  // People hand over their Ingresses, and seldom all that these refer to.
  const presumed = new Set<PresumedKind>(['Service', 'Secret', 'ConfigMap'])
  return { source, state, issues, presumed, unread: [], positionOf: (object) => directory.positionOf(object) }
}
