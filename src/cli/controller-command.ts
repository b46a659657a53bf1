/** The flags of `nginx-ts controller`, under the names that ingress-nginx gave them, and the settings that they come to. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { AddressSource } from '../kube/address-source.ts'
import type { LoadBalancerAddress } from '../kube/addresses.ts'
import type { KubeSettings } from '../kube/client.ts'
import type { LabelSelector } from '../kube/selector.ts'
import type { Options } from '../options.ts'
import type { ControllerSettings } from './controller.ts'
import { addresses, boolean, durationSeconds, labelSelector, namespacedName, portNumber } from './flag-values.ts'
import type { LeaderSettings, NamespacedName } from './leader.ts'

export type KubeFlags = { readonly kubeconfig?: string; readonly apiserverHost?: string }

export type ElectionFlags = { readonly electionId: string; readonly electionTtl: number }

export type ControllerFlags = KubeFlags &
  ElectionFlags & {
    readonly stateDir: string
    readonly healthzPort: number
    readonly watchNamespace?: string
    readonly watchNamespaceSelector?: LabelSelector
    readonly disableLeaderElection?: boolean
    readonly updateStatus: boolean
    readonly updateStatusOnShutdown: boolean
    readonly takeoverStatus?: boolean
    readonly publishService?: NamespacedName
    readonly publishStatusAddress?: readonly LoadBalancerAddress[]
    readonly reportNodeInternalIpAddress?: boolean
    readonly shutdownGracePeriod: number
  }

const HEALTHZ_PORT = 10254
const ELECTION_TTL_SECONDS = 30

/** Adds the flags by which an API server is found. */
export function withKubeFlags(command: Command): Command {
  return command
    .option('--kubeconfig <path>', 'kubeconfig to use; else KUBECONFIG, ~/.kube/config, or the service account of the Pod')
    .option('--apiserver-host <url>', 'URL of the API server, in place of the one that the configuration names')
}

/** Adds the flags by which replicas elect. */
export function withElectionFlags(command: Command): Command {
  return command
    .option('--election-id <name>', 'name of the Lease by which replicas elect who writes status and Events', 'nginx-ts-leader')
    .addOption(
      new Option('--election-ttl <duration>', 'how long the Lease of a leader that has gone is respected')
        .argParser(durationSeconds)
        .default(ELECTION_TTL_SECONDS, `${ELECTION_TTL_SECONDS}s`),
    )
}

/** Adds the flags that only this command has, and those that it shares with commands that know nothing of serving. */
export function withControllerFlags(command: Command): Command {
  const watching = withKubeFlags(command)
    .addOption(new Option('--healthz-port <port>', 'port of /healthz, /readyz and /metrics').argParser(portNumber).default(HEALTHZ_PORT))
    .addOption(
      new Option('--watch-namespace <name>', 'the only namespace to look at; all when not given').conflicts('watchNamespaceSelector'),
    )
    .addOption(
      new Option('--watch-namespace-selector <labels>', 'only namespaces with these labels are looked at').argParser(labelSelector),
    )
  return withElectionFlags(watching)
    .option('--disable-leader-election', 'write without an election; for a single replica')
    .addOption(
      new Option('--update-status [boolean]', 'write the addresses of Ingresses into their status').argParser(boolean).default(true),
    )
    .addOption(
      new Option('--update-status-on-shutdown [boolean]', 'take the addresses away when the last replica stops')
        .argParser(boolean)
        .default(true),
    )
    .option('--takeover-status', 'with --takeover: write the status of the Ingresses that are taken over, too')
    .addOption(
      new Option('--publish-service <namespace/name>', 'Service whose addresses are written')
        .argParser(namespacedName)
        .conflicts('publishStatusAddress'),
    )
    .addOption(new Option('--publish-status-address <list>', 'addresses to write, separated by commas').argParser(addresses))
    .option('--report-node-internal-ip-address', "write the internal addresses of our Pods' nodes, where neither of the two is given")
    .addOption(
      new Option('--shutdown-grace-period <seconds>', 'how long to go on after a signal to stop, while load balancers learn of it')
        .argParser(durationSeconds)
        .default(0),
    )
}

/** `environment`: POD_NAME and POD_NAMESPACE say which Pod this is. */
export function controllerSettings(
  flags: ControllerFlags,
  options: Options,
  environment: Readonly<Record<string, string | undefined>>,
): ControllerSettings {
  const { POD_NAME: name, POD_NAMESPACE: namespace } = environment
  const pod = name === undefined || namespace === undefined ? undefined : { namespace, name }
  return {
    options,
    kube: kubeSettingsOf(flags),
    stateDirectory: resolve(flags.stateDir),
    healthzPort: flags.healthzPort,
    watchNamespace: flags.watchNamespace,
    namespaceSelector: flags.watchNamespaceSelector,
    leader: {
      lease: leaseOf(flags, namespace),
      isElected: flags.disableLeaderElection !== true,
      pod,
      instance: name ?? hostname(),
      addressSource: flags.updateStatus ? addressSourceOf(flags, pod) : undefined,
      watchNamespace: flags.watchNamespace,
      withdrawOnShutdown: flags.updateStatusOnShutdown,
    },
    writesTakenOver: flags.takeoverStatus === true,
    shutdownGracePeriodSeconds: flags.shutdownGracePeriod,
  }
}

export function kubeSettingsOf({ kubeconfig, apiserverHost }: KubeFlags): KubeSettings {
  return { ...(kubeconfig === undefined ? {} : { kubeconfig }), ...(apiserverHost === undefined ? {} : { server: apiserverHost }) }
}

/** `namespace`: our Pod's; undefined outside of a cluster. */
export function leaseOf({ electionId, electionTtl }: ElectionFlags, namespace: string | undefined): LeaderSettings['lease'] {
  return { namespace: namespace ?? 'default', name: electionId, ttlSeconds: electionTtl }
}

/** Outside of a cluster there are no nodes of ours, and no address to write. */
function addressSourceOf(flags: ControllerFlags, pod: NamespacedName | undefined): AddressSource | undefined {
  if (flags.publishService !== undefined) return { kind: 'service', service: flags.publishService }
  if (flags.publishStatusAddress !== undefined) return { kind: 'addresses', addresses: flags.publishStatusAddress }
  return pod && { kind: 'nodes', useInternalIp: flags.reportNodeInternalIpAddress === true }
}
