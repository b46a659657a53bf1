/**
 * The command line: its commands, their flags, and what each starts. Running it is main.ts's. A command imports what it
 * runs when it is called: the agent starts in half the time without what the others need.
 */
import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { shortHash } from '../model/short-hash.ts'
import { layoutOf } from '../nginx/layout.ts'
import { createLogger } from '../observe/log.ts'
import { type OptionsInput, optionsSchema } from '../options.ts'
import { type ControllerFlags, controllerSettings, withControllerFlags } from './controller-command.ts'
import { type ExplainFlags, runExplain, withExplainFlags } from './explain-command.ts'
import { portNumber, wholeNumber } from './flag-values.ts'
import { type GivenOptions, optionsFrom } from './given-options.ts'
import { NO_INIT, STARTED } from './init.ts'
import { type WithdrawalFlags, withdrawalSettings, withWithdrawalFlags } from './withdraw-status-command.ts'

const MANIFESTS = 'directory of *.yaml, *.yml and *.json'
/** The state directory of a container, and the one that a printed configuration speaks of. */
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
    .addOption(optionFlag('tcpServicesConfigmap', '--tcp-services-configmap <namespace/name>'))
    .addOption(optionFlag('udpServicesConfigmap', '--udp-services-configmap <namespace/name>'))
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
    .addOption(optionFlag('publicHttpPort', '--public-http-port <port>'))
    .addOption(optionFlag('publicHttpsPort', '--public-https-port <port>'))
    .addOption(optionFlag('defaultBackendService', '--default-backend-service <namespace/name>'))
    .addOption(optionFlag('defaultSslCertificate', '--default-ssl-certificate <namespace/name>'))
    .addOption(optionFlag('proxyBodySize', '--proxy-body-size <bytes>'))
    .addOption(optionFlag('workerShutdownTimeout', '--worker-shutdown-timeout <seconds>'))
}

function nginxOption(): Option {
  return new Option('--nginx <path>', 'NGINX binary').default('nginx')
}

function stateDirectoryOption(): Option {
  return new Option('--state-dir <dir>', 'directory that controller and agent share').default(STATE_DIRECTORY)
}

/** An absolute path. A wrong one is misuse, told apart here from what may fail later. */
function existingDirectory(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isDirectory() !== true)
    throw new InvalidArgumentError(stats === undefined ? 'There is no such directory.' : 'It is not a directory.')
  return resolve(path)
}

/** A place of its own for each directory served, outside of it: what NGINX needs is no manifest. */
function defaultStateDirectory(directory: string): string {
  const base = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state')
  return join(base, 'nginx-ts', shortHash(directory, 12))
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

/** Aborts when the process that started us, and keeps a channel to us, has ended. */
function parentSignal(): AbortSignal {
  const gone = new AbortController()
  process.once('disconnect', () => gone.abort())
  // To hear of it is no reason to stay.
  process.channel?.unref()
  return gone.signal
}

/**
 * The whole command line. Each command imports what it alone needs when it runs: the Kubernetes client takes half a
 * second and 90 MB, which the agent is to have no part of.
 */
export function createProgram(): Command {
  const program = new Command('nginx-ts')
    .description('A Kubernetes ingress controller: TypeScript plans, a stock NGINX serves.')
    .version(manifest.version)
    .exitOverride()
    .enablePositionalOptions()

  withServingOptions(
    program
      .command('serve')
      .description('serve a directory of manifests with a real NGINX, and follow its changes')
      .argument('<dir>', MANIFESTS, existingDirectory),
  )
    .addOption(nginxOption())
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
      const { serve } = await import('./serve.ts')
      await serve(settings, createLogger(process.stderr.isTTY), stop, hurry)
    })

  withServingOptions(
    program
      .command('render')
      .description('print the NGINX configuration for a directory of manifests')
      .argument('<dir>', MANIFESTS, existingDirectory),
  )
    .addOption(nginxOption())
    .option('-o, --output <dir>', 'write the files here instead, for `nginx -t -p DIR -c DIR/nginx.conf` to test')
    .action(async (directory: string, given: GivenOptions & { output?: string; nginx: string }) => {
      const { renderCommand, translateOffline } = await import('./offline.ts')
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
    .addOption(nginxOption())
    .addOption(new Option('--format <format>').choices(['text', 'json']).default('text'))
    .action(async (directory: string, given: GivenOptions & { format: 'text' | 'json'; nginx: string }) => {
      const { lintCommand, translateOffline } = await import('./offline.ts')
      const result = await translateOffline(directory, optionsFrom(given), given.nginx, STATE_DIRECTORY)
      process.exitCode = lintCommand(result, given.format, (text) => void process.stdout.write(`${text}\n`))
    })

  withExplainFlags(
    withServingOptions(
      program
        .command('explain')
        .description(
          'say what becomes of each annotation, from manifests or a cluster, or of each value of a values file; exit 1 when something is as bad as --fail-on says',
        ),
    ),
  ).action(async (paths: readonly string[], given: GivenOptions & ExplainFlags, command: Command) => {
    process.exitCode = await runExplain(paths, given, command)
  })

  withControllerFlags(
    withServingOptions(
      program
        .command('controller')
        .description('follow a cluster, and write the configuration of the NGINX that the agent owns')
        .addOption(stateDirectoryOption()),
    ),
  ).action(async (given: GivenOptions & ControllerFlags) => {
    const { stop, hurry } = stopSignals()
    const { controller } = await import('./controller.ts')
    const settings = controllerSettings(given, optionsFrom(given), process.env)
    await controller(settings, createLogger(process.stderr.isTTY), stop, hurry)
  })

  program
    .command('agent')
    .description('own NGINX, and run what the controller has written when it says so')
    .addOption(stateDirectoryOption())
    .addOption(nginxOption())
    .option(
      '--shutdown-grace-period <seconds>',
      'how long to serve on after a signal to stop, while load balancers learn of it',
      wholeNumber,
      0,
    )
    .option('--status-port <port>', 'port of /healthz and /readyz; none when not given', portNumber)
    .option(
      '--socket-group <id>',
      'group that may connect to the socket, where the controller runs as another user; none when not given',
      wholeNumber,
    )
    .option(NO_INIT, 'run without the small parent that starts the agent again, where something else does that')
    .action(async (given: AgentFlags) => {
      const settings = {
        stateDirectory: resolve(given.stateDir),
        nginx: given.nginx,
        shutdownGracePeriodSeconds: given.shutdownGracePeriod,
        statusPort: given.statusPort,
        socketGroup: given.socketGroup,
      }
      const signals = { ...stopSignals(), abandon: parentSignal() }
      const { runAgent } = await import('./agent.ts')
      await runAgent(settings, createLogger(process.stderr.isTTY), signals, () => process.send?.(STARTED))
    })

  program
    .command('wait-shutdown')
    .description('ask the agent to stop and wait until NGINX has ended, for a preStop hook')
    .addOption(stateDirectoryOption())
    .action(async (given: { stateDir: string }) => {
      const { waitForShutdown } = await import('./wait-shutdown.ts')
      await waitForShutdown(layoutOf(resolve(given.stateDir)))
    })

  withWithdrawalFlags(
    program
      .command('withdraw-status')
      .description('take our addresses out of the status of all Ingresses, and keep replicas from writing them, for a pre-delete hook'),
  ).action(async (given: WithdrawalFlags) => {
    const { stop } = stopSignals()
    const { withdrawStatus } = await import('./withdraw-status.ts')
    const { systemClock } = await import('../kube/clock.ts')
    await withdrawStatus(withdrawalSettings(given, process.env), systemClock, (line) => void process.stdout.write(`${line}\n`), stop)
  })

  return program
}

type AgentFlags = {
  readonly stateDir: string
  readonly nginx: string
  readonly shutdownGracePeriod: number
  readonly statusPort?: number
  readonly socketGroup?: number
}
