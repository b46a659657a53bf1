#!/usr/bin/env -S node --disallow-code-generation-from-strings --disable-proto=delete
/** The command line; the only place that ends the process. */
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ZodError } from 'zod'
import { lintCommand, renderCommand, translateOffline } from './cli/offline.ts'
import { serve } from './cli/serve.ts'
import { createLogger } from './observe/log.ts'
import { type Options, type OptionsInput, optionsSchema, parseOptions } from './options.ts'

const MISUSE = 2

/** The `--flag` of an option and its default, as the schema describes them. */
function optionFlag(name: keyof OptionsInput, flag: string): Option {
  const schema = optionsSchema.shape[name]
  const fallback = schema.safeParse(undefined).data
  const option = new Option(flag, schema.meta()?.description ?? schema.unwrap().meta()?.description ?? '')
  return fallback === undefined || fallback === false ? option : option.default(undefined, String(fallback))
}

function withServingOptions(command: Command): Command {
  return command
    .addOption(optionFlag('ingressClass', '--ingress-class <name>'))
    .addOption(optionFlag('controllerClass', '--controller-class <name>'))
    .addOption(optionFlag('allClasses', '--all-classes'))
    .addOption(optionFlag('httpPort', '--http-port <port>'))
    .addOption(optionFlag('httpsPort', '--https-port <port>'))
    .addOption(optionFlag('publicHttpsPort', '--public-https-port <port>'))
    .addOption(optionFlag('defaultBackendService', '--default-backend-service <namespace/name>'))
    .addOption(optionFlag('defaultSslCertificate', '--default-ssl-certificate <namespace/name>'))
    .addOption(optionFlag('proxyBodySize', '--proxy-body-size <bytes>'))
    .addOption(optionFlag('workerShutdownTimeout', '--worker-shutdown-timeout <seconds>'))
    .option('--nginx <path>', 'NGINX binary', 'nginx')
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError('a port is a number from 1 to 65535')
  return port
}

/** A place of its own for each directory served, outside of it: what NGINX needs is no manifest. */
function defaultStateDirectory(directory: string): string {
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state')
  return join(base, 'nginx-ts', createHash('sha256').update(directory).digest('hex').slice(0, 12))
}

/** The first SIGTERM or SIGINT asks to stop, the second to hurry. */
function stopSignals(): { readonly stop: AbortSignal; readonly hurry: AbortSignal } {
  const stop = new AbortController()
  const hurry = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort())
  }
  return { stop: stop.signal, hurry: hurry.signal }
}

type GivenOptions = Record<string, string | boolean | undefined>

function optionsFrom(given: GivenOptions): Options {
  const known = Object.keys(optionsSchema.shape).filter((key) => given[key] !== undefined)
  return parseOptions(Object.fromEntries(known.map((key) => [key, given[key]])) as OptionsInput)
}

/** The whole command line. */
export function createProgram(): Command {
  const program = new Command('nginx-ts')
    .description('A Kubernetes ingress controller: TypeScript plans, a stock NGINX serves.')
    .exitOverride()
    .enablePositionalOptions()

  withServingOptions(
    program
      .command('serve')
      .description('serve a directory of manifests with a real NGINX, and follow its changes')
      .argument('<dir>', 'directory of *.yaml, *.yml and *.json'),
  )
    .option('--status-port <port>', 'port of /healthz, /readyz and /metrics', portNumber, 10254)
    .option('--state-dir <dir>', 'where configuration, certificates and sockets are kept')
    .option('--echo', 'answer for Services without endpoints, saying as JSON what was chosen and what arrived')
    .action(async (dir: string, given: GivenOptions & { statusPort: number; stateDir?: string; nginx: string; echo?: boolean }) => {
      const directory = resolve(dir)
      const { stop, hurry } = stopSignals()
      const settings = {
        directory,
        options: optionsFrom(given),
        stateDirectory: resolve(given.stateDir ?? defaultStateDirectory(directory)),
        statusPort: given.statusPort,
        nginx: given.nginx,
        echo: given.echo === true,
      }
      await serve(settings, createLogger(process.stderr.isTTY), stop, hurry)
    })

  withServingOptions(program.command('render').description('print the NGINX configuration for a directory of manifests').argument('<dir>'))
    .option('-o, --output <dir>', 'write the files here instead')
    .action(async (dir: string, given: GivenOptions & { output?: string; nginx: string }) => {
      const result = await translateOffline(resolve(dir), optionsFrom(given), given.nginx, '/var/lib/nginx-ts')
      await renderCommand(
        result,
        given.output,
        (text) => void process.stdout.write(`${text}\n`),
        (text) => void process.stderr.write(`${text}\n`),
      )
    })

  withServingOptions(
    program
      .command('lint')
      .description('say what is wrong in a directory of manifests; exit 1 when something is an error')
      .argument('<dir>'),
  )
    .addOption(new Option('--format <format>').choices(['text', 'json']).default('text'))
    .action(async (dir: string, given: GivenOptions & { format: 'text' | 'json'; nginx: string }) => {
      const result = await translateOffline(resolve(dir), optionsFrom(given), given.nginx, '/var/lib/nginx-ts')
      process.exitCode = lintCommand(result, given.format, (text) => void process.stdout.write(`${text}\n`))
    })

  return program
}

/** Runs the command line; resolves to the exit code. */
async function main(): Promise<number> {
  try {
    await createProgram().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.'))
      return 'exitCode' in error && error.exitCode === 0 ? 0 : MISUSE
    process.stderr.write(`nginx-ts: ${messageOf(error)}\n`)
    return MISUSE
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ZodError)
    return error.issues
      .map((issue) => `--${issue.path.join('.').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${issue.message}`)
      .join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}

process.exitCode = await main()
