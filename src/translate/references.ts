/** Which Secrets and ConfigMaps an Ingress needs the data of. Nothing else of either kind has to be kept in memory. */
import { readAnnotations } from '../annotations/read.ts'
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'

export type References = { readonly secrets: readonly ObjectKey[]; readonly configMaps: readonly ObjectKey[] }

/** What an Ingress refers to, whether it is there or not. */
export function referencesOf(ingress: Ingress): References {
  const secretNames = new Set(ingress.tls.map(({ secretName }) => secretName).filter((name) => name !== undefined && name !== ''))
  const { basicAuth, backendTls } = readAnnotations(ingress).patches.location
  for (const named of [basicAuth?.isWanted === true ? basicAuth.secret : undefined, backendTls?.secret])
    if (named !== undefined && (named.namespace ?? ingress.namespace) === ingress.namespace) secretNames.add(named.name)
  return { secrets: [...secretNames].map((name) => keyOf(ingress.namespace, name ?? '')), configMaps: [] }
}
