/** Ingresses with annotations of ingress-nginx's prefix, and with what nobody should ever write into one. */
import { COMPATIBLE_PREFIX } from '../../src/annotations/prefixes.ts'
import type { Issue } from '../../src/model/issue.ts'
import { hostileTexts } from './hostile.ts'
import { type IngressBuilder, ingress } from './objects.ts'

export type Annotations = Readonly<Record<string, string>>

/** An Ingress with these annotations, all of whose paths go to the Service. */
export function annotated(name: string, host: string, service: string, annotations: Annotations): IngressBuilder {
  return annotate(ingress(name).host(host).prefix('/', service), annotations)
}

export function annotate(builder: IngressBuilder, annotations: Annotations): IngressBuilder {
  for (const [key, value] of Object.entries(annotations)) builder.annotation(COMPATIBLE_PREFIX + key, value)
  return builder
}

/** An Ingress for each hostile text but `valid`, as the value of every key, on hosts h0.test, h1.test … */
export function hostileIngresses(keys: readonly string[], service: string, valid: readonly string[] = []): readonly IngressBuilder[] {
  return hostileTexts
    .filter((text) => !valid.includes(text))
    .map((text, index) => annotated(`h${index}`, `h${index}.test`, service, Object.fromEntries(keys.map((key) => [key, text]))))
}

/** The annotations that Issues of that code name, as `ingress key`. */
export function toldOf(issues: readonly Issue[], code: Issue['code']): ReadonlySet<string> {
  return new Set(
    issues
      .filter((found) => found.code === code)
      .map(({ object, annotation }) => `${object?.name} ${annotation?.slice(COMPATIBLE_PREFIX.length)}`),
  )
}

/** All of `ingress key` for so many hostile Ingresses. */
export function eachOf(ingresses: readonly IngressBuilder[], keys: readonly string[]): ReadonlySet<string> {
  return new Set(ingresses.flatMap((_, index) => keys.map((key) => `h${index} ${key}`)))
}
