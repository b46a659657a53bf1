/** `nginx-ts controller`: a cluster is the source, NGINX is another process's. Holds the token, and has no public port. */
import { chown } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ingress, ObjectKey } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type ControllerParts, runController } from '../controller.ts'
import { createHoldOff } from '../hold-off.ts'
import { createKubeClient, type KubeSettings, loadKubeConfig } from '../kube/client.ts'
import { systemClock } from '../kube/clock.ts'
import type { ReflectorNotice } from '../kube/reflector.ts'
import type { LabelSelector } from '../kube/selector.ts'
import { createClusterSource } from '../kube/source.ts'
import type { KeyPair } from '../model/model.ts'
import type { AgentStatus } from '../nginx/agent-protocol.ts'
import { createApply } from '../nginx/apply.ts'
import { createGenerationStore } from '../nginx/generations.ts'
import { createConfigurationLayout, type Layout, layoutOf } from '../nginx/layout.ts'
import { lockConfiguration } from '../nginx/lock.ts'
import { createRemoteAgent } from '../nginx/remote-agent.ts'
import { selfSignedKeyPair } from '../nginx/self-signed.ts'
import { connectionCounts } from '../nginx/usage.ts'
import { type Logger, logOutcome } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { startStatusServer } from '../observe/status-server.ts'
import { configMapKeysOf, type Options } from '../options.ts'
import type { RenderContext } from '../render/render.ts'
import { claims, isServed } from '../translate/classes.ts'
import { referencesOf } from '../translate/references.ts'
import type { TranslateContext } from '../translate/translate.ts'
import { watchAgent } from './agent-watch.ts'
import { type LeaderSettings, type NamespacedName, startLeaderDuties } from './leader.ts'
import { canResolveNames, renderContextOf } from './render-context.ts'

export type ControllerSettings = {
  readonly options: Options
  readonly kube: KubeSettings
  readonly stateDirectory: string
  /** Port of /healthz, /readyz and /metrics. */
  readonly healthzPort: number
  readonly watchNamespace: string | undefined
  readonly namespaceSelector: LabelSelector | undefined
  readonly leader: LeaderSettings
  /** Whether the status of Ingresses of another controller's class, which are taken over, is written too. */
  readonly writesTakenOver: boolean
  /** How long to go on once told to stop, while load balancers learn of it. */
  readonly shutdownGracePeriodSeconds: number
}

/** Watches tell of a change at once and once; what belongs together comes within a moment. */
const QUIET_MS = 50
const LONGEST_HOLD_OFF_MS = 500

/** Runs until `stop` aborts and the grace period is over; `hurry` cuts that short. NGINX goes on, and is its agent's to end. */
export async function controller(settings: ControllerSettings, log: Logger, stop: AbortSignal, hurry: AbortSignal): Promise<void> {
  const { options } = settings
  const layout = layoutOf(settings.stateDirectory)
  await createConfigurationLayout(layout)
  const owner = new AbortController()
  const graceOver = afterGracePeriod(stop, hurry, settings.shutdownGracePeriodSeconds)
  try {
    await lockConfiguration(layout, owner.signal)
    const client = createKubeClient(loadKubeConfig(settings.kube))
    const holdOff = createHoldOff<string>(QUIET_MS, LONGEST_HOLD_OFF_MS, () => performance.now())
    const source = createClusterSource({
      client,
      watchNamespace: settings.watchNamespace,
      namespaceSelector: settings.namespaceSelector,
      referencesOf,
      isServed: (ingress, classes) => isServed(ingress, classes, options),
      alwaysNeeded: {
        secrets: keysOf(options.defaultSslCertificate),
        configMaps: configMapKeysOf(options),
      },
      holdOff,
      notice: (notice) => logNotice(log, notice),
      now: systemClock.now,
      random: systemClock.random,
    })
    const metrics = createMetrics(Date.now, labelsOf(settings))
    const agent = createRemoteAgent(layout.agentSocket)
    void source.run(owner.signal).catch((error: unknown) => log.fatal({ err: error }, 'following the cluster failed'))
    // While the API server takes its time.
    const ownKeyPair = await selfSignedKeyPair(layout.conf, Date.now())
    let hasApplied = false
    let status: AgentStatus | undefined
    await startStatusServer(
      settings.healthzPort,
      { isHealthy: () => true, isReady: () => hasApplied && status?.health === 'serving' && !stop.aborted },
      {
        metrics,
        usage: { connections: () => connectionCounts(layout.statusSocket), processes: async () => status?.usage },
      },
      owner.signal,
    )
    log.info(
      `following the cluster at ${settings.kube.server ?? 'the API server of the Kubernetes configuration'}; state in ${layout.root}`,
    )

    const watch = await watchAgent(
      agent,
      {
        changed: holdOff.add,
        away: (error) => log.error({ err: error }, 'there is no word from the agent; NGINX serves what it has'),
        back: () => log.info('the agent answers'),
        looked: (now) => {
          status = now
          metrics.mastersLost(now.mastersLost)
        },
      },
      AbortSignal.any([owner.signal, graceOver]),
    )
    await firstOf(source.synced, graceOver)
    const duties = startLeaderDuties(client, settings.leader, log, metrics.leads)
    await runController(
      {
        source,
        options,
        ...contextsOfAgent(watch.latest, layout, ownKeyPair),
        apply: createApply(
          createGenerationStore(layout, watch.latest().machine.workerAccount?.groupId, (path, group) => chown(path, -1, group)),
          agent,
          () => performance.now(),
        ),
        agent,
        report: (outcome, state) => {
          hasApplied ||= outcome.result.kind !== 'refused'
          metrics.record(outcome)
          logOutcome(log, outcome)
          duties.report(outcome, state, publishedOf(outcome.served, state, settings))
        },
        now: () => performance.now(),
      },
      graceOver,
    )
    await duties.stop()
    log.info('stopped; NGINX serves on until its agent is told to stop')
  } finally {
    owner.abort()
  }
}

type Contexts = Pick<ControllerParts, 'translateContext' | 'renderContext'>

/** The very same contexts while the agent says the same of NGINX. */
function contextsOfAgent(latest: () => AgentStatus, { root }: Layout, selfSigned: KeyPair): Contexts {
  let last: { readonly facts: string; readonly translate: TranslateContext; readonly render: RenderContext } | undefined
  function contexts() {
    const { capabilities, machine, accessLog } = latest()
    const facts = JSON.stringify([capabilities, machine, accessLog])
    if (last?.facts !== facts) {
      last = {
        facts,
        translate: {
          source: 'cluster',
          canResolveNames: canResolveNames(capabilities, machine),
          hasStreamModule: capabilities.stream !== undefined,
          allowLoopback: false,
          echoSocket: undefined,
          selfSignedKeyPair: selfSigned,
        },
        render: renderContextOf(capabilities, machine, root, accessLog),
      }
    }
    return last
  }
  return { translateContext: () => contexts().translate, renderContext: () => contexts().render }
}

/** The status of an Ingress that is taken over is its old controller's, until we are told otherwise. */
function publishedOf(
  served: readonly Ingress[],
  state: ClusterState,
  { options, writesTakenOver }: ControllerSettings,
): readonly Ingress[] {
  if (!options.takeover || writesTakenOver) return served
  const claimOf = claims(state, options, { source: 'cluster' })
  return served.filter((ingress) => claimOf(ingress) === 'own')
}

function labelsOf({ options, leader }: ControllerSettings) {
  return {
    controller_class: options.controllerClass,
    controller_namespace: leader.pod?.namespace ?? '',
    controller_pod: leader.instance,
  }
}

function keysOf(name: NamespacedName | undefined): readonly ObjectKey[] {
  return name === undefined ? [] : [`${name.namespace}/${name.name}`]
}

function logNotice(log: Logger, notice: ReflectorNotice) {
  const what = notice.resource.kind
  if (notice.kind === 'listed') log.info(`${notice.objects} ${what} objects listed in ${Math.round(notice.tookMs)} ms`)
  else if (notice.kind === 'relisting') log.info(`listing ${what} anew: ${notice.reason}`)
  else log.warn({ err: notice.error }, `following ${what} failed; trying again in ${Math.round(notice.retryInMs)} ms`)
}

/** Aborts when the grace period after `stop` is over, or when `hurry` does after `stop`. */
function afterGracePeriod(stop: AbortSignal, hurry: AbortSignal, seconds: number): AbortSignal {
  const over = new AbortController()
  stop.addEventListener(
    'abort',
    () =>
      void sleep(seconds * 1000, undefined, { signal: hurry })
        .catch(() => {})
        .then(() => over.abort()),
    { once: true },
  )
  return over.signal
}

async function firstOf(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => aborted.resolve(), { once: true })
  if (signal.aborted) aborted.resolve()
  await Promise.race([promise, aborted.promise])
}
