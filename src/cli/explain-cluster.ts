/** A live cluster as what `explain` explains; nothing is written to it. */
import { ALL_KINDS } from '../explain/stand-ins.ts'
import { createKubeClient, loadKubeConfig } from '../kube/client.ts'
import { readOnce } from '../kube/read-once.ts'
import { configMapKey } from '../options.ts'
import { referencesOf } from '../translate/references.ts'
import type { ExplainSettings, Input, ReadState } from './explain.ts'

/** Throws when there is no such context, or Ingresses cannot be read. */
export async function readLiveCluster(
  { context, kubeconfig }: Extract<Input, { kind: 'cluster' }>,
  { namespace, options }: ExplainSettings,
): Promise<ReadState> {
  const config = loadKubeConfig({ ...(context === undefined ? {} : { context }), ...(kubeconfig === undefined ? {} : { kubeconfig }) })
  const optionsKey = configMapKey(options)
  const { state, issues, denied } = await readOnce(createKubeClient(config), {
    namespace,
    referencesOf(ingress) {
      const { secrets, configMaps } = referencesOf(ingress)
      return { Secret: secrets, ConfigMap: configMaps }
    },
    configMaps: optionsKey === undefined ? [] : [optionsKey],
  })
  const presumed = new Set([...ALL_KINDS].filter((kind) => denied.has(kind)))
  const unread = [...denied].map(([kind, reason]) => `${kind} objects may not be read, and are taken to be in order: ${reason}`)
  return { source: { kind: 'cluster', name: config.getCurrentContext() }, state, issues, presumed, unread, positionOf: () => undefined }
}
