/** Everything there is in a cluster of one node, but for Pods: an API server, an agent with its NGINX, and a controller. */
import { type AgentProcess, prepareAgent } from './agent.ts'
import { type ApiServer, type ApiServerSettings, startApiServer } from './api-server.ts'
import { type Answer, type RequestOptions, send } from './client.ts'
import { apply, remove, type StoredObject } from './cluster-objects.ts'
import { type ControllerProcess, prepareController } from './controller.ts'
import { eventually } from './eventually.ts'
import { ingressClass, type Manifest } from './objects.ts'
import { type SiteObject, testedNginx } from './site.ts'

/** One replica of ours. */
export type Replica = AsyncDisposable & {
  readonly agent: AgentProcess
  readonly controller: ControllerProcess
  get(host: string, path: string, options?: RequestOptions): Promise<Answer>
  getTls(host: string, path: string, options?: RequestOptions): Promise<Answer>
}

export type Cluster = Replica & {
  readonly api: ApiServer
  apply(...objects: readonly SiteObject[]): Promise<readonly StoredObject[]>
  remove(...objects: readonly SiteObject[]): Promise<void>
  /** Waits until a host answers as the expectation says, on every connection: after a reload old workers take some too. */
  eventually(host: string, path: string, expectation: (answer: Answer) => void): Promise<void>
}

export type ClusterSettings = {
  readonly api?: ApiServerSettings
  /** Arguments of the controller. */
  readonly flags?: readonly string[]
  /** Whose rights the controller has; every right when not given. */
  readonly kubeconfig?: (api: ApiServer) => Promise<string>
  readonly environment?: Readonly<Record<string, string>>
  /** Path of an NGINX in place of the newest. */
  readonly nginx?: string
}

const ANSWERS_TO_BE_SURE = 50

/** Those that Ingresses of the tests name. */
export const OUR_CLASS: Manifest = ingressClass('nginx-ts', 'nginx-ts.io/ingress-controller')
/** The suites that run side by side listen on addresses of their own: a worker of Jest has so many networks of 250 Pods. */
const FIRST_NETWORK = Number(process.env['JEST_WORKER_ID'] ?? 1) * 16

/** Pods' addresses, which are local in the namespace of the tests. */
export const podAddress = (pod: number): string => `10.244.${FIRST_NETWORK + Math.floor(pod / 250)}.${(pod % 250) + 1}`

/** The newest NGINX, which is the image's. */
export async function newestNginx(): Promise<string> {
  const [, path = ''] = (await testedNginx()).at(-1) ?? []
  return path
}

/** Starts agent and controller for an API server, and waits until they are ready. */
export async function startReplica(api: ApiServer, settings: ClusterSettings = {}): Promise<Replica> {
  await using started = new AsyncDisposableStack()
  const agent = started.use(await prepareAgent(settings.nginx ?? (await newestNginx())))
  const controller = started.use(
    await prepareController({
      layout: agent.layout,
      kubeconfig: (await settings.kubeconfig?.(api)) ?? api.kubeconfig,
      ports: { http: agent.httpPort, https: agent.httpsPort },
      ...(settings.flags === undefined ? {} : { flags: settings.flags }),
      ...(settings.environment === undefined ? {} : { environment: settings.environment }),
    }),
  )
  await agent.startReady()
  await controller.startReady()
  const owned = started.move()
  return {
    agent,
    controller,
    get: (host, path, options) => send(agent.httpPort, host, path, options),
    getTls: (host, path, options) => send(agent.httpsPort, host, path, { sni: host, ...options }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Starts everything, with our IngressClass, and waits until it is ready. */
export async function startCluster(settings: ClusterSettings = {}): Promise<Cluster> {
  await using started = new AsyncDisposableStack()
  const api = started.use(await startApiServer(settings.api))
  await apply(api.client, OUR_CLASS)
  const replica = started.use(await startReplica(api, settings))
  const owned = started.move()
  return {
    ...replica,
    api,
    apply: (...objects) => apply(api.client, ...objects),
    remove: (...objects) => remove(api.client, ...objects),
    eventually: (host, path, expectation) =>
      eventually(
        async () => {
          for (let answers = 0; answers < ANSWERS_TO_BE_SURE; answers += 1) expectation(await replica.get(host, path))
        },
        { timeoutMs: 20_000 },
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
