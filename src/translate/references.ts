/** Which Secrets and ConfigMaps an Ingress needs the data of. Nothing else of either kind has to be kept in memory. */
import { PREFIXES } from '../annotations/prefixes.ts'
import { readAnnotations } from '../annotations/read.ts'
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'

export type References = { readonly secrets: readonly ObjectKey[]; readonly configMaps: readonly ObjectKey[] }

/** What an Ingress refers to, whether it is there or not. */
export function referencesOf(ingress: Ingress): References {
  const secretNames = new Set(ingress.tls.map(({ secretName }) => secretName).filter((name) => name !== undefined && name !== ''))
  const { basicAuth, backendTls } = readAnnotations(ingress).patches.location
  for (const named of [basicAuth?.isWanted === true ? basicAuth.secret : undefined, backendTls?.secret])
    if (named !== undefined && (named.namespace ?? ingress.namespace) === ingress.namespace) secretNames.add(named.name)
  return { secrets: [...secretNames].map((name) => keyOf(ingress.namespace, name ?? '')), configMaps: configMapsOf(ingress) }
}

/** Keys of annotations whose value is a ConfigMap, `name` or `namespace/name`. */
const CONFIG_MAP_KEYS = ['auth-proxy-set-headers']

/** Those of its own namespace, for no others are read; whether the annotation is otherwise right does not matter. */
function configMapsOf({ namespace, annotations }: Ingress): readonly ObjectKey[] {
  const names = CONFIG_MAP_KEYS.flatMap((key) => PREFIXES.map((prefix) => annotations[prefix + key]?.trim() ?? ''))
    .map((value) => (value.startsWith(`${namespace}/`) ? value.slice(namespace.length + 1) : value))
    .filter((name) => name !== '' && !name.includes('/'))
  return [...new Set(names)].map((name) => keyOf(namespace, name))
}
