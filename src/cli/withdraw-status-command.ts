/** The flags of `nginx-ts withdraw-status`, which are the controller's where both have them, and what they come to. */
import { hostname } from 'node:os'
import { type Command, Option } from 'commander'
import { type ElectionFlags, type KubeFlags, kubeSettingsOf, leaseOf, withElectionFlags, withKubeFlags } from './controller-command.ts'
import { durationSeconds } from './flag-values.ts'
import type { WithdrawalSettings } from './withdraw-status.ts'

export type WithdrawalFlags = KubeFlags &
  ElectionFlags & {
    readonly watchNamespace?: string
    readonly helmRelease?: string
    readonly timeout: number
  }

/** Enough for a Lease of 30 s and thousands of Ingresses. */
const TIMEOUT_SECONDS = 150

export function withWithdrawalFlags(command: Command): Command {
  return withElectionFlags(withKubeFlags(command).option('--watch-namespace <name>', 'the only namespace to look at; all when not given'))
    .option('--helm-release <name>', 'do nothing unless Helm has made the Lease for this release')
    .addOption(
      new Option('--timeout <duration>', 'longest that it takes; replicas that are still there may lead again after twice that time')
        .argParser(durationSeconds)
        .default(TIMEOUT_SECONDS, `${TIMEOUT_SECONDS}s`),
    )
}

/** `environment`: POD_NAMESPACE says where the Lease is. */
export function withdrawalSettings(flags: WithdrawalFlags, environment: Readonly<Record<string, string | undefined>>): WithdrawalSettings {
  return {
    kube: kubeSettingsOf(flags),
    lease: leaseOf(flags, environment['POD_NAMESPACE']),
    instance: environment['POD_NAME'] ?? hostname(),
    watchNamespace: flags.watchNamespace,
    helmRelease: flags.helmRelease,
    timeoutSeconds: flags.timeout,
  }
}
