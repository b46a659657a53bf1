/** Which Secrets and ConfigMaps an Ingress needs the data of. Nothing else of either kind has to be kept in memory. */
import { PREFIXES } from '../annotations/prefixes.ts'
import { type Ingress, keyOf, type ObjectKey } from '../cluster/objects.ts'

export type References = { readonly secrets: readonly ObjectKey[]; readonly configMaps: readonly ObjectKey[] }

/** What an Ingress refers to, whether it is there or not. */
export function referencesOf(ingress: Ingress): References {
  const secretNames = new Set(
    [...ingress.tls.map(({ secretName }) => secretName), ...namedByAnnotations(ingress)].filter(
      (name) => name !== undefined && name !== '',
    ),
  )
  return { secrets: [...secretNames].map((name) => keyOf(ingress.namespace, name ?? '')), configMaps: [] }
}

/** Keys of annotations whose value is a Secret, `name` or `namespace/name`. */
const SECRET_KEYS = ['proxy-ssl-secret']

/** Those of its own namespace, for no others are read; without a look at whether the annotation is otherwise right. */
function namedByAnnotations({ namespace, annotations }: Ingress): readonly string[] {
  return SECRET_KEYS.flatMap((key) => PREFIXES.map((prefix) => annotations[prefix + key]?.trim() ?? ''))
    .map((value) => (value.startsWith(`${namespace}/`) ? value.slice(namespace.length + 1) : value))
    .filter((name) => !name.includes('/'))
}
