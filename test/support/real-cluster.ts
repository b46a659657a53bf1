/**
 * A cluster that was there before the tests, and our chart in it. NGINX_TS_KUBECONFIG and NGINX_TS_IMAGE say which, and
 * which image its nodes have; CONTRIBUTING.md says how to come by both. The tests run where API server and load balancers
 * can be reached.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { project } from '../../scripts/project.ts'
import { createKubeClient, type KubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { type Answer, type RequestOptions, send } from './client.ts'
import { apply, remove, type StoredObject } from './cluster-objects.ts'
import { eventually } from './eventually.ts'
import type { SiteObject } from './site.ts'

export type RealCluster = {
  readonly client: KubeClient
  readonly image: string
  apply(...objects: readonly SiteObject[]): Promise<readonly StoredObject[]>
  remove(...objects: readonly SiteObject[]): Promise<void>
  /** Makes a namespace that enforces pod security "restricted"; its deletion, with all it holds, begins when disposed of. */
  namespace(name: string): Promise<AsyncDisposable>
  /** What kubectl prints; throws what it says when it fails. */
  kubectl(...line: readonly string[]): Promise<string>
  helm(...line: readonly string[]): Promise<string>
}

export type Values = { readonly [name: string]: unknown }

export type Release = AsyncDisposable & {
  readonly name: string
  readonly namespace: string
  /** Where its load balancer listens. */
  readonly address: string
  get(host: string, path: string, options?: RequestOptions): Promise<Answer>
  getTls(host: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Waits until a host answers as the expectation says, on every connection and from every replica. */
  eventually(host: string, path: string, expectation: (answer: Answer) => void): Promise<void>
  /** Sets these values beside those of the installation, and waits until the Pods are new. */
  upgrade(values: Values): Promise<void>
  /** Back to the revision before, and waits until the Pods are new. */
  rollback(): Promise<void>
  /** As users do, with what runs before. */
  uninstall(): Promise<void>
  /** Its Pods that are not being deleted. */
  pods(): Promise<readonly StoredObject[]>
  /** Runs a JavaScript module on the Node of one of its containers, and gives what it prints as JSON. */
  run<Result>(pod: string, container: string, script: string): Promise<Result>
}

const ANSWERS_TO_BE_SURE = 50
const HELM_TIMEOUT = '120s'
const DELETION_TIMEOUT_MS = 240_000
const LABEL = 'app.kubernetes.io/instance'

/** Throws when the environment names no cluster or no image. */
export function realCluster(): RealCluster {
  const { NGINX_TS_KUBECONFIG: kubeconfig, NGINX_TS_IMAGE: image, KUBECTL = 'kubectl', HELM = 'helm' } = process.env
  if (!kubeconfig || !image) throw new Error('NGINX_TS_KUBECONFIG and NGINX_TS_IMAGE name the cluster and the image to test')
  const client = createKubeClient(loadKubeConfig({ kubeconfig }))
  const tool =
    (program: string) =>
    async (...line: readonly string[]) =>
      await output(program, ['--kubeconfig', kubeconfig, ...line])
  return {
    client,
    image,
    apply: (...objects) => apply(client, ...objects),
    remove: (...objects) => remove(client, ...objects),
    async namespace(name) {
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
      // Not applied: whoever applies objects to it applies the namespace without labels, which would take these away.
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
      const make = async () => await client.request({ method: 'POST', path: '/api/v1/namespaces', body })
      // One of an earlier run takes its time to go.
      await eventually(make, { timeoutMs: DELETION_TIMEOUT_MS })
      return { [Symbol.asyncDispose]: async () => void (await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${name}` })) }
    },
    kubectl: tool(KUBECTL),
    helm: tool(HELM),
  }
}

/** Installs the chart as users do, into a namespace that exists, and waits until it is ready and has an address. */
export async function installRelease(cluster: RealCluster, name: string, namespace: string, values: Values = {}): Promise<Release> {
  const chart = process.env['NGINX_TS_CHART'] ?? join(project, 'charts/nginx-ts')
  const helm = async (command: string, ...line: readonly string[]) =>
    await cluster.helm(command, name, ...line, '--namespace', namespace, '--wait', '--timeout', HELM_TIMEOUT).catch(async (error) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${await whatHappened(cluster, namespace)}`)
    })
  await using begun = new AsyncDisposableStack()
  let isInstalled = true
  async function uninstall(...line: readonly string[]) {
    isInstalled = false
    await helm('uninstall', ...line)
  }
  begun.defer(async () => {
    // What never ran cannot run its hooks either, and is to go all the same.
    if (isInstalled) await uninstall('--no-hooks')
  })
  await helm('install', chart, '--set-json', settings(imageOf(cluster.image)), '--set-json', settings(values))
  const address = await addressOf(cluster, name, namespace)
  const installed = begun.move()

  const get: Release['get'] = (host, path, options) => send(80, host, path, { address, ...options })
  return {
    name,
    namespace,
    address,
    get,
    getTls: (host, path, options) => send(443, host, path, { address, sni: host, ...options }),
    eventually: (host, path, expectation) =>
      eventually(
        async () => {
          for (let answers = 0; answers < ANSWERS_TO_BE_SURE; answers += 1) expectation(await get(host, path))
        },
        { timeoutMs: 60_000 },
      ),
    async upgrade(changed) {
      await helm('upgrade', chart, '--reuse-values', '--set-json', settings(changed))
    },
    async rollback() {
      await helm('rollback')
    },
    uninstall: () => uninstall(),
    pods: () => podsOf(cluster.client, name, namespace),
    async run<Result>(pod: string, container: string, script: string) {
      const line = ['node', '--input-type=module', '--eval', script]
      return JSON.parse(await cluster.kubectl('exec', '--namespace', namespace, pod, '--container', container, '--', ...line)) as Result
    },
    [Symbol.asyncDispose]: () => installed.disposeAsync(),
  }
}

/** The Pods of a release that are not being deleted. */
async function podsOf(client: KubeClient, release: string, namespace: string): Promise<readonly StoredObject[]> {
  const path = `/api/v1/namespaces/${namespace}/pods`
  const { items } = await client.request<{ readonly items: readonly StoredObject[] }>({
    path,
    query: { labelSelector: `${LABEL}=${release}` },
  })
  return items.filter(({ metadata }) => !('deletionTimestamp' in metadata))
}

/** Every kind of object that the API server has, and of each those that the release has left: `kind/name`. */
export async function leftovers(cluster: RealCluster, release: string, namespace: string): Promise<readonly string[]> {
  const kinds = async (isNamespaced: boolean) =>
    lines(await cluster.kubectl('api-resources', '--verbs=list', `--namespaced=${isNamespaced}`, '--output=name')).filter(
      (kind) => !/^events\b|\bmetrics\.k8s\.io$/.test(kind),
    )
  const [namespaced, global] = [(await kinds(true)).join(','), (await kinds(false)).join(',')]
  const found = await Promise.all([
    cluster.kubectl('get', namespaced, '--namespace', namespace, '--output=name', '--ignore-not-found'),
    cluster.kubectl('get', namespaced, '--all-namespaces', '--selector', `${LABEL}=${release}`, '--output=name', '--ignore-not-found'),
    cluster.kubectl('get', global, '--selector', `${LABEL}=${release}`, '--output=name', '--ignore-not-found'),
  ])
  const everyNamespaceHas = ['serviceaccount/default', 'configmap/kube-root-ca.crt']
  return found.flatMap(lines).filter((name) => !everyNamespaceHas.includes(name))
}

/** `--set-json` of whole values: `controller={…}`. Helm merges them into those before. */
function settings(values: Values): string {
  return JSON.stringify(values)
}

/** As the chart's values name an image. */
function imageOf(reference: string): Values {
  const [, repository = '', tag = 'latest'] = /^(.+?)(?::([\w.-]+))?$/.exec(reference) ?? []
  return { controller: { image: { repository, tag, digest: '', pullPolicy: 'IfNotPresent' } } }
}

async function addressOf({ client }: RealCluster, release: string, namespace: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/services`
  return await eventually(
    async () => {
      const { items } = await client.request<{ readonly items: readonly StoredObject[] }>({
        path,
        query: { labelSelector: `${LABEL}=${release}` },
      })
      const addresses = items.flatMap(({ status }) => status?.loadBalancer?.ingress ?? [])
      const address = addresses[0]?.ip ?? addresses[0]?.hostname
      if (address === undefined) throw new Error(`no Service of ${release} has an address of a load balancer`)
      return address
    },
    { timeoutMs: 60_000 },
  )
}

/** What people look at when an installation does not become ready. */
async function whatHappened(cluster: RealCluster, namespace: string): Promise<string> {
  const looks = [
    ['get', 'pods', '--output=wide'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
    ['logs', '--selector', LABEL, '--all-containers', '--prefix', '--tail=20'],
  ]
  const seen = looks.map((line) => cluster.kubectl(...line, '--namespace', namespace).catch((error) => `${error}`))
  return (await Promise.all(seen)).join('\n')
}

function lines(printed: string): readonly string[] {
  return printed.split('\n').filter((line) => line !== '')
}

/** What a command prints; throws an error that carries what it complained of. */
async function output(program: string, line: readonly string[]): Promise<string> {
  const child = spawn(program, line, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (code !== 0) throw new Error(`${program} ${line.slice(2).join(' ').slice(0, 200)} ended with ${code}: ${stderr.trim()}`)
  return stdout
}
