/**
 * A network of its own for a command: loopback, and the addresses that Pods, Services and load balancers have in tests,
 * all of them local. An API server refuses loopback addresses as endpoints, and nothing that runs in here reaches, or is
 * reached from, anywhere else. `node scripts/in-namespace.ts COMMAND…` runs a command in one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { assertNodeVersion } from './project.ts'
import { aptInstall, findExecutable, run, type Say } from './provide.ts'

/** Pods, Services, load balancers. */
const LOCAL_NETWORKS = ['10.244.0.0/16', '10.96.0.0/16', '10.98.0.0/16']
/** What a terminal or a supervisor ends a command with. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * The words to put before a command to run it in a network namespace that ends with it. The command takes the place of
 * what they start, so signals and exit codes pass, and keeps its account. The network takes root, sudo, or a user
 * namespace. Installs what it needs through apt-get. Throws when no namespace can be made.
 */
export async function namespacePrefix(say: Say = () => {}): Promise<readonly string[]> {
  const missing = [...((await findExecutable('ip')) ? [] : ['iproute2']), ...((await findExecutable('unshare')) ? [] : ['util-linux'])]
  if (missing.length > 0) await aptInstall(missing, say)
  const ip = (await findExecutable('ip')) ?? 'ip'
  const refusals: string[] = []
  for (const prefix of [process.getuid?.() === 0 ? asRoot(ip) : throughSudo(ip), inUserNamespace(ip)]) {
    try {
      await run(...prefix, 'true')
      return prefix
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : `${error}`)
    }
  }
  throw new Error(`no network namespace can be made; root, sudo or unprivileged user namespaces are needed:\n${refusals.join('\n')}`)
}

function asRoot(ip: string): readonly string[] {
  return ['unshare', '--net', ...afterSetUp(ip)]
}

function throughSudo(ip: string): readonly string[] {
  const { PATH = '', HOME = '' } = process.env
  const account = ['setpriv', `--reuid=${process.getuid?.()}`, `--regid=${process.getgid?.()}`, '--init-groups']
  // sudo sets these two even where it keeps the others.
  return ['sudo', '-n', '-E', 'unshare', '--net', ...afterSetUp(ip), ...account, 'env', `PATH=${PATH}`, `HOME=${HOME}`]
}

/** Its root makes the network. Inside, a second one gives the account its own number again, and no rights. */
function inUserNamespace(ip: string): readonly string[] {
  const account = ['unshare', '--user', `--map-user=${process.getuid?.()}`, `--map-group=${process.getgid?.()}`]
  return ['unshare', '--map-root-user', '--net', ...afterSetUp(ip), ...account]
}

/** A shell that makes the network and becomes the command; its `$0` is `ip`. */
function afterSetUp(ip: string): readonly string[] {
  const routes = LOCAL_NETWORKS.map((network) => `"$0" route add local ${network} dev lo`)
  return ['sh', '-ec', ['"$0" link set lo up', ...routes, 'exec "$@"'].join('; '), ip]
}

/** Runs a command to its end, handing on what would end this process. Gives the exit code, as shells do for a signal. */
export async function runPassingSignals(line: readonly string[], cwd: string): Promise<number> {
  const [command = '', ...parameters] = line
  const child = spawn(command, parameters, { cwd, stdio: 'inherit' })
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of ENDING_SIGNALS) process.on(signal, passOn)
  try {
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return status ?? 128 + (signal === null ? 0 : constants.signals[signal])
  } finally {
    for (const signal of ENDING_SIGNALS) process.off(signal, passOn)
  }
}

if (import.meta.main) {
  assertNodeVersion()
  const prefix = await namespacePrefix(console.error)
  process.exitCode = await runPassingSignals([...prefix, ...process.argv.slice(2)], process.cwd())
}
