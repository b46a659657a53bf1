/** What a value of the chart does, as the table of test/chart/values.test.ts holds it. */
import type { Values } from '../../support/chart.ts'

export type ValueCase =
  /** A field of an object becomes `is`, which it was not before. */
  | {
      readonly kind: 'field'
      readonly to: unknown
      readonly object: string
      readonly field: string
      readonly is: unknown
      readonly with: Values
    }
  /** An object is there with the value, and not before. */
  | { readonly kind: 'made'; readonly to: unknown; readonly object: string; readonly with: Values }
  /** The other way round. */
  | { readonly kind: 'gone'; readonly to: unknown; readonly object: string; readonly with: Values }

export type Cases = Readonly<Record<string, ValueCase>>

type Details = {
  /** What the field becomes; the value itself when not given. */
  readonly is?: unknown
  /** Other values, without which this one has nothing to do. */
  readonly with?: Values
}

/** `to`: another value than the default. */
export function sets(object: string, field: string, to: unknown, details: Details = {}): ValueCase {
  // `undefined` is something to become, too.
  return { kind: 'field', to, object, field, is: 'is' in details ? details.is : to, with: details.with ?? {} }
}

export function makes(object: string, to: unknown, others: Values = {}): ValueCase {
  return { kind: 'made', to, object, with: others }
}

export function drops(object: string, to: unknown, others: Values = {}): ValueCase {
  return { kind: 'gone', to, object, with: others }
}

/** `{ controller: { image: { tag } } }` of `controller.image.tag`. */
export function nested(path: string, value: unknown): Values {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Values
}

/** Maps within maps made one; the second one counts. */
export function merged(first: Values, second: Values): Values {
  const both = { ...first, ...second }
  for (const [key, value] of Object.entries(second))
    if (isMap(value) && isMap(first[key])) Object.assign(both, { [key]: merged(first[key], value) })
  return both
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
