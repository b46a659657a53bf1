/** The command line: its commands, their flags, and what each starts. Running it is main.ts's. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { createLogger } from '../observe/log.ts'
import { type Options, type OptionsInput, optionsSchema, parseOptions } from '../options.ts'
import { lintCommand, renderCommand, translateOffline } from './offline.ts'
import { serve } from './serve.ts'

const MANIFESTS = 'directory of *.yaml, *.yml and *.json'
/** The state directory that a printed configuration speaks of. */
const STATE_DIRECTORY = '/var/lib/nginx-ts'

/** The `--flag` of an option and its default, as the schema describes them. */
function optionFlag(name: keyof OptionsInput, flag: string): Option {
  const schema = optionsSchema.shape[name]
  const fallback = schema.safeParse(undefined).data
  const option = new Option(flag, schema.meta()?.description ?? schema.unwrap().meta()?.description ?? '')
  return fallback === undefined || fallback === false ? option : option.default(fallback)
}

function withServingOptions(command: Command): Command {
  return command
    .addOption(optionFlag('configmap', '--configmap <namespace/name>'))
    .addOption(optionFlag('ingressClass', '--ingress-class <name>'))
    .addOption(optionFlag('controllerClass', '--controller-class <name>'))
    .addOption(optionFlag('ingressClassByName', '--ingress-class-by-name'))
    .addOption(optionFlag('watchIngressWithoutClass', '--watch-ingress-without-class'))
    .addOption(optionFlag('takeover', '--takeover'))
    .addOption(optionFlag('allClasses', '--all-classes'))
    .addOption(optionFlag('disableCatchAll', '--disable-catch-all'))
    .addOption(optionFlag('disableSvcExternalName', '--disable-svc-external-name'))
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

/** An absolute path. A wrong one is misuse, told apart here from what may fail later. */
function existingDirectory(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isDirectory() !== true)
    throw new InvalidArgumentError(stats === undefined ? 'There is no such directory.' : 'It is not a directory.')
  return resolve(path)
}

/** package.json is beside src/ and beside dist/. */
function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
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
    .version(packageVersion())
    .exitOverride()
    .enablePositionalOptions()

  withServingOptions(
    program
      .command('serve')
      .description('serve a directory of manifests with a real NGINX, and follow its changes')
      .argument('<dir>', MANIFESTS, existingDirectory),
  )
    .option('--status-port <port>', 'port of /healthz, /readyz and /metrics', portNumber, 10254)
    .option('--state-dir <dir>', 'where configuration, certificates and sockets are kept')
    .option('--echo', 'answer for Services without endpoints, saying as JSON what was chosen and what arrived')
    .action(async (directory: string, given: GivenOptions & { statusPort: number; stateDir?: string; nginx: string; echo?: boolean }) => {
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

  withServingOptions(
    program
      .command('render')
      .description('print the NGINX configuration for a directory of manifests')
      .argument('<dir>', MANIFESTS, existingDirectory),
  )
    .option('-o, --output <dir>', 'write the files here instead, for `nginx -t -p DIR -c DIR/nginx.conf` to test')
    .action(async (directory: string, given: GivenOptions & { output?: string; nginx: string }) => {
      const output = given.output === undefined ? undefined : resolve(given.output)
      const result = await translateOffline(directory, optionsFrom(given), given.nginx, output ?? STATE_DIRECTORY)
      await renderCommand(
        result,
        output,
        (text) => void process.stdout.write(`${text}\n`),
        (text) => void process.stderr.write(`${text}\n`),
      )
    })

  withServingOptions(
    program
      .command('lint')
      .description('say what is wrong in a directory of manifests; exit 1 when something is an error')
      .argument('<dir>', MANIFESTS, existingDirectory),
  )
    .addOption(new Option('--format <format>').choices(['text', 'json']).default('text'))
    .action(async (directory: string, given: GivenOptions & { format: 'text' | 'json'; nginx: string }) => {
      const result = await translateOffline(directory, optionsFrom(given), given.nginx, STATE_DIRECTORY)
      process.exitCode = lintCommand(result, given.format, (text) => void process.stdout.write(`${text}\n`))
    })

  return program
}
