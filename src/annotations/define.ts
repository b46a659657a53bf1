/** What an annotation feature is: one file under features/, which knows nothing of the others, of Kubernetes or of templates. */
import type { z } from 'zod'
import type { LocationPatch, ServerPatch, UpstreamPatch } from './patch.ts'

/** How the effect compares with ingress-nginx's. */
export type Compatibility = 'same' | { readonly verdict: 'better' | 'approximated'; readonly difference: string }

/** What a mistake in it could open or break: an operator may refuse the higher ones. */
export type Risk = 'low' | 'medium' | 'high'

export type AnnotationSpec<Value> = {
  /** From the text of the annotation, trimmed and never empty; its error ends the sentence `"the value" …`. */
  readonly value: z.ZodType<Value, string>
  /** One sentence for the reference page. */
  readonly summary: string
  /** A value that is valid. */
  readonly example: string
  readonly ingressNginx: Compatibility
  /** The key of the same feature that this one is another spelling of; the value is given under that one. */
  readonly aliasOf?: string
}

// biome-ignore lint/suspicious/noExplicitAny: each key has a type of its own
export type AnnotationSpecs = Readonly<Record<string, AnnotationSpec<any>>>

type CamelCase<Key extends string> = Key extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<CamelCase<Rest>>}` : Key

/** The values by their keys in camel case, undefined where the annotation is not there. */
export type ValuesOf<Specs extends AnnotationSpecs> = {
  readonly [Key in keyof Specs & string as CamelCase<Key>]: z.output<Specs[Key]['value']> | undefined
}

export type Patches = { readonly location: LocationPatch; readonly server: ServerPatch; readonly upstream: UpstreamPatch }
export type Scope = keyof Patches

/** Values that are valid each and make no sense together, or that cannot be had here; `reason` as of an invalid value. */
export type Refused<Key extends string = string> = { readonly kind: 'refused'; readonly annotation: Key; readonly reason: string }

/** What else `apply` may want to know. */
export type Circumstances<Key extends string = string> = {
  /** Whether the annotation stands under our own prefix; under ingress-nginx's it does what it did there, to the letter. */
  readonly isOwn: (annotation: Key) => boolean
  /** Whether the annotation is there with a value that is not valid: told already, and not among the values. */
  readonly isInvalid: (annotation: Key) => boolean
}

export type Feature<Specs extends AnnotationSpecs = AnnotationSpecs, In extends Scope = Scope> = {
  /** Of what: a location and its paths, a whole host, or a backend's upstream. */
  readonly scope: In
  readonly risk: Risk
  /**
   * What becomes of a route when a value is invalid: `default`, it is served as if that annotation were not there;
   * `unavailable`, it answers 503; `withhold`, nothing of the Ingress is served. Whatever keeps somebody out is
   * `unavailable`, with every annotation that belongs to it.
   */
  readonly onInvalid: 'default' | 'unavailable' | 'withhold'
  readonly annotations: Specs
  /** The effect, given at least one value. Pure. */
  readonly apply: (
    values: ValuesOf<Specs>,
    circumstances: Circumstances<keyof Specs & string>,
  ) => Patches[In] | Refused<keyof Specs & string> | undefined
}

/** Checks the types of a feature against one another. */
export function defineFeature<const Specs extends AnnotationSpecs, In extends Scope>(feature: Feature<Specs, In>): Feature {
  return feature as unknown as Feature
}

/** Keeps the type of an annotation's value. */
export function annotation<Value>(spec: AnnotationSpec<Value>): AnnotationSpec<Value> {
  return spec
}

/** The refusal of values that are valid each. */
export function refuse<Key extends string>(key: Key, reason: string): Refused<Key> {
  return { kind: 'refused', annotation: key, reason }
}

export function camelCase(key: string): string {
  return key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
