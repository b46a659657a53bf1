/** A reflector, or a whole source, at work on a fake API server. */
import { KubeConfig } from '@kubernetes/client-node'
import { type ClusterObject, keyOf, type ObjectKey } from '../../src/cluster/objects.ts'
import { createHoldOff } from '../../src/hold-off.ts'
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts'
import { createReflector, type ReflectorNotice, type ReflectorSettings } from '../../src/kube/reflector.ts'
import type { Resource } from '../../src/kube/resources.ts'
import { type ClusterSource, type ClusterSourceParts, createClusterSource } from '../../src/kube/source.ts'
import type { Issue } from '../../src/model/issue.ts'
import { referencesOf } from '../../src/translate/references.ts'

/** The defaults, some fifty times faster. */
export const HASTY: Partial<ReflectorSettings> = {
  pageSize: 5,
  pageTimeoutMs: 1_500,
  watchSeconds: { least: 60, most: 60 },
  idleMs: 600,
  shortWatchMs: 40,
  backoff: { firstMs: 20, longestMs: 200 },
  deniedBackoff: { firstMs: 20, longestMs: 200 },
  relistBackoff: { firstMs: 80, longestMs: 600 },
  calmMs: 1_200,
  confirmAfterMs: 400,
}

export function clientOf(url: string): KubeClient {
  const config = new KubeConfig()
  config.loadFromClusterAndUser({ name: 'fake', server: url, skipTLSVerify: true }, { name: 'nobody' })
  return createKubeClient(config)
}

export type Reflecting = {
  readonly objects: ReadonlyMap<ObjectKey, ClusterObject>
  readonly troubles: ReadonlyMap<string, Issue>
  readonly notices: readonly ReflectorNotice[]
  /** Keys of what was deleted, in order. */
  readonly deleted: readonly ObjectKey[]
  /** How many complete lists there were. */
  lists(): number
  [Symbol.asyncDispose](): Promise<void>
}

/** Follows a resource until disposed of. */
export function reflecting(url: string, resource: Resource, settings: Partial<ReflectorSettings> = {}): Reflecting {
  const objects = new Map<ObjectKey, ClusterObject>()
  const troubles = new Map<string, Issue>()
  const notices: ReflectorNotice[] = []
  const deleted: ObjectKey[] = []
  let lists = 0
  const stop = new AbortController()
  const reflector = createReflector(
    resource,
    {
      set: (object) => void objects.set(keyOf(object.namespace, object.name), object),
      delete: (key) => {
        if (objects.delete(key)) deleted.push(key)
      },
      listed: () => {
        lists += 1
      },
      trouble: (about, found) => void (found === undefined ? troubles.delete(about) : troubles.set(about, found)),
    },
    {
      client: clientOf(url),
      notice: (notice) => notices.push(notice),
      now: () => performance.now(),
      random: Math.random,
      settings: { ...HASTY, ...settings },
    },
  )
  const running = reflector.run(stop.signal)
  return {
    objects,
    troubles,
    notices,
    deleted,
    lists: () => lists,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

export type Following = ClusterSource & {
  readonly notices: readonly ReflectorNotice[]
  [Symbol.asyncDispose](): Promise<void>
}

/** A source of everything, with the translator's own references, until disposed of. */
export function following(client: KubeClient, parts: Partial<ClusterSourceParts> = {}): Following {
  const notices: ReflectorNotice[] = []
  const stop = new AbortController()
  const now = () => performance.now()
  const source = createClusterSource({
    client,
    referencesOf,
    alwaysNeeded: { secrets: [], configMaps: [] },
    holdOff: createHoldOff<string>(20, 200, now),
    notice: (notice) => notices.push(notice),
    now,
    random: Math.random,
    settings: HASTY,
    ...parts,
  })
  const running = source.run(stop.signal)
  return {
    ...source,
    notices,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}
