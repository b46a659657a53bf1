/**
 * A cluster whose objects never rest: Ingresses come, change and go, Services' endpoints move to other Pods, the Service
 * under load among them. What NGINX has to answer follows from the changes alone.
 */
import { expect } from '@jest/globals'
import { startBackend } from './backend.ts'
import type { Answer } from './client.ts'
import { podAddress } from './cluster.ts'
import { endpointSlice, ingress, type Manifest, service } from './objects.ts'
import type { SiteObject } from './site.ts'

export type Churn = AsyncDisposable & {
  /** What there is before the first change. */
  readonly initial: readonly SiteObject[]
  /** Makes one change, of a random kind. */
  step(): Promise<void>
  /** Adds an Ingress: a change that can be told from what was there before. */
  add(): Promise<void>
  /** Throws unless every host is answered as the newest change wants it, each Ingress that has gone by 404. */
  check(get: (host: string, path: string) => Promise<Answer>): Promise<void>
  /** How many changes were made. */
  changes(): number
}

export type ChurnSettings = {
  readonly random: () => number
  /** Port on which `steady.test` is answered at every Pod's address. */
  readonly steadyPort: number
  /** Ingresses of changing hosts at the beginning. */
  readonly hosts?: number
  apply(...objects: readonly SiteObject[]): Promise<unknown>
  remove(...objects: readonly SiteObject[]): Promise<unknown>
}

/** The host under load. */
export const STEADY = 'steady.test'
const SERVICES = ['red', 'blue'] as const
const PODS_A_SERVICE = 2
const POD_PORT = 3000
/** Away from the addresses that tests give their backends by counting. */
const FIRST_POD = 1000
const FIRST_STEADY_POD = 2000
const STEADY_PODS = 3
const MOST_HOSTS = 20
/** Hosts that have gone are looked at for a while. */
const GONE_HOSTS = 3

type ServiceName = (typeof SERVICES)[number]

/** Starts the Pods. Nothing of the cluster is touched before the first step. */
export async function startChurn({ random, steadyPort, hosts = 4, apply, remove }: ChurnSettings): Promise<Churn> {
  await using started = new AsyncDisposableStack()
  const below = (limit: number) => Math.floor(random() * limit)
  const podName = (name: ServiceName, pod: number) => `${name}-${pod}`
  const podAt = (name: ServiceName, pod: number) => podAddress(FIRST_POD + SERVICES.indexOf(name) * PODS_A_SERVICE + pod)
  for (const name of SERVICES)
    for (let pod = 0; pod < PODS_A_SERVICE; pod++)
      started.use(await startBackend(podName(name, pod), { address: podAt(name, pod), port: POD_PORT }))

  const pods = new Map<ServiceName, number>(SERVICES.map((name) => [name, 0]))
  const routes = new Map<string, ServiceName>()
  let gone: readonly string[] = []
  let made = 0
  let changes = 0

  const sliceOf = (name: ServiceName) => endpointSlice(name, [{ address: podAt(name, pods.get(name) ?? 0) }], { port: POD_PORT })
  const steadySlice = (count: number) =>
    endpointSlice(
      'steady',
      Array.from({ length: count }, (_, pod) => ({ address: podAddress(FIRST_STEADY_POD + pod) })),
      { port: steadyPort },
    )
  const routeOf = (name: string) =>
    ingress(name)
      .host(`${name}.test`)
      .prefix('/', routes.get(name) ?? 'red')
  const anyRoute = () => [...routes.keys()][below(routes.size)]

  function addRoute(): Manifest {
    const name = `changing${made++}`
    routes.set(name, SERVICES[below(SERVICES.length)] ?? 'red')
    return routeOf(name).toManifest()
  }

  async function addOne() {
    await apply(addRoute())
  }
  async function changeOne() {
    const name = anyRoute()
    if (name === undefined) return await addOne()
    routes.set(name, routes.get(name) === 'red' ? 'blue' : 'red')
    await apply(routeOf(name))
  }
  async function removeOne() {
    const name = anyRoute()
    if (name === undefined || routes.size <= hosts) return await addOne()
    routes.delete(name)
    gone = [name, ...gone].slice(0, GONE_HOSTS)
    await remove(ingress(name))
  }
  async function movePods() {
    const name = SERVICES[below(SERVICES.length)] ?? 'red'
    pods.set(name, ((pods.get(name) ?? 0) + 1) % PODS_A_SERVICE)
    await apply(sliceOf(name))
  }
  const scaleSteady = async () => await apply(steadySlice(1 + below(STEADY_PODS)))

  const initial: readonly SiteObject[] = [
    service('steady'),
    steadySlice(1),
    ingress('steady').host(STEADY).prefix('/', 'steady'),
    ...SERVICES.flatMap((name) => [service(name), sliceOf(name)]),
    ...Array.from({ length: hosts }, addRoute),
  ]
  const owned = started.move()
  return {
    initial,
    async step() {
      changes += 1
      const kinds = [addOne, changeOne, removeOne, movePods, scaleSteady]
      await (routes.size >= MOST_HOSTS ? removeOne : kinds[below(kinds.length)])?.()
    },
    async add() {
      changes += 1
      await addOne()
    },
    async check(get) {
      // The newest first, which fails first.
      for (const [name, to] of [...routes].reverse()) expect(await get(`${name}.test`, '/')).toComeFrom(podName(to, pods.get(to) ?? 0))
      for (const name of gone) expect(await get(`${name}.test`, '/')).toHaveStatus(404)
      expect(await get(STEADY, '/')).toHaveStatus(200)
    },
    changes: () => changes,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
