/** The flags of `nginx-ts explain`, and which of its ways they ask for: Ingresses of manifests or of a cluster, or values. */
import { statSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExplainFormat, FailOn, Streams } from './explain.ts'
import { type GivenOptions, optionsFrom } from './given-options.ts'

export type ExplainFlags = {
  readonly values?: readonly string[]
  readonly context?: string
  readonly kubeconfig?: string
  readonly namespace?: string
  readonly ingress?: readonly string[]
  readonly format: ExplainFormat
  readonly verbose?: boolean
  readonly failOn: FailOn
}

/** Any of them says whose Ingresses are meant. */
const CLASS_FLAGS = ['ingressClass', 'controllerClass', 'ingressClassByName', 'watchIngressWithoutClass', 'takeover'] as const
/** Those that go with --values. */
const FLAGS_OF_VALUES: readonly string[] = ['values', 'format', 'verbose', 'failOn']
/** Columns beyond which lines are hard to follow, and those of a file or a pipe. */
const WIDEST = 140
const NO_TERMINAL_WIDTH = 110

/** Adds the argument and the flags that only this command has. */
export function withExplainFlags(command: Command): Command {
  return command
    .argument('[path...]', 'files and directories of manifests; - for standard input', existingPath)
    .option(
      '--values <file>',
      "explain a values file of ingress-nginx's chart, and nothing else; - for standard input; may be given again, and the later one counts",
      existingFile,
    )
    .option('--context <name>', 'explain the cluster of this context of the kubeconfig; nothing is written to it')
    .option('--kubeconfig <path>', 'explain the cluster of this kubeconfig')
    .option('-n, --namespace <name>', 'only Ingresses of this namespace; of a cluster, nothing else is read')
    .option(
      '--ingress <namespace/name>',
      'only this Ingress; may be given again',
      (name: string, before: string[]) => [...before, name],
      [],
    )
    .addOption(new Option('--format <format>').choices(['text', 'json', 'markdown']).default('text'))
    .option('--verbose', 'each Ingress, each line of configuration and each value, however many there are')
    .addOption(
      new Option('--fail-on <level>', 'how bad something must be to exit with 1')
        .choices(['blocked', 'ignored', 'different', 'never'])
        .default('ignored'),
    )
}

/** Explains what the command line asks for; gives the exit code. */
export async function runExplain(paths: readonly string[], given: GivenOptions & ExplainFlags, command: Command): Promise<number> {
  const streams = explainStreams()
  if (given.values !== undefined) {
    const other = command.options.find(
      (option) => command.getOptionValueSource(option.attributeName()) === 'cli' && !FLAGS_OF_VALUES.includes(option.attributeName()),
    )
    if (other !== undefined || paths.length > 0)
      command.error(`error: --values is explained by itself, without ${other === undefined ? 'paths' : other.long}`)
    const { explainValuesCommand } = await import('./explain-values.ts')
    const { values: files, format, verbose, failOn } = given
    return await explainValuesCommand({ files, format, verbose: verbose === true, failOn }, streams)
  }
  const isLive = given.context !== undefined || given.kubeconfig !== undefined
  if (isLive && paths.length > 0) command.error('error: either paths or a cluster can be explained, not both')
  if (!isLive && paths.length === 0)
    command.error('error: say what to explain: paths, - for standard input, --context, --kubeconfig or --values')
  // Who migrates wants to know of all there is, unless a flag says whose.
  const narrows = CLASS_FLAGS.some((flag) => command.getOptionValueSource(flag) === 'cli')
  const { explainCommand } = await import('./explain.ts')
  const settings = {
    input: isLive
      ? ({ kind: 'cluster', context: given.context, kubeconfig: given.kubeconfig } as const)
      : ({ kind: 'manifests', paths } as const),
    options: optionsFrom({ ...given, ...(narrows ? {} : { allClasses: true }) }),
    namespace: given.namespace,
    ingresses: given.ingress ?? [],
    format: given.format,
    verbose: given.verbose === true,
    failOn: given.failOn,
  }
  return await explainCommand(settings, streams)
}

function explainStreams(): Streams {
  const { isTTY, columns } = process.stdout
  // Whoever reads may have seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    input: process.stdin,
    print: (text) => void process.stdout.write(`${text}\n`),
    width: isTTY ? Math.min(columns, WIDEST) : NO_TERMINAL_WIDTH,
    colour: isTTY && (process.env['NO_COLOR'] ?? '') === '',
  }
}

/** A file or a directory that is there, or standard input. */
function existingPath(path: string, before: readonly string[] = []): readonly string[] {
  if (path !== '-' && statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new InvalidArgumentError('There is no such file or directory.')
  return [...before, path]
}

/** A values file, or a pipe, that is there, or standard input. */
function existingFile(path: string, before?: readonly string[]): readonly string[] {
  if (path !== '-' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new InvalidArgumentError('It is a directory.')
  return existingPath(path, before)
}
