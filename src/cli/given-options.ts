/** What the command line gave → the options that all commands read. */
import { type Options, type OptionsInput, optionsSchema, parseOptions } from '../options.ts'

export type GivenOptions = Readonly<Record<string, unknown>>

/** The options that flags give; throws a ZodError that names each wrong one. */
export function optionsFrom(given: GivenOptions): Options {
  const known = Object.keys(optionsSchema.shape).filter((key) => given[key] !== undefined)
  return parseOptions(Object.fromEntries(known.map((key) => [key, given[key]])) as OptionsInput)
}
