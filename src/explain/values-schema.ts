/**
 * What `explain --values` says of a values file of Helm, as data: the contract of its `--format json`, which
 * docs/reference/explain.md documents. Within a version fields and verdicts are added, never renamed or taken away.
 */
import { z } from 'zod'
import { type Level, levelNames } from './schema.ts'

export const VALUES_VERSION = 1

/** What is said of a value, and what it means. */
export const valueVerdicts = {
  same: "Does what it did in ingress-nginx's chart, or is our own.",
  default: 'Asks for nothing: it is false or empty.',
  template: 'Holds a template of Helm, and cannot be judged before that has run.',
  second: 'Works, and wants a second look; the message says why.',
  'no-effect': 'Has no meaning here; the message says what is there in its place. It can go.',
  'not-yet': 'Is planned, and has no effect yet; the message says what to do meanwhile, where there is something.',
  refused: 'Will never be done; the message says why.',
  unknown: 'Nobody knows the name; the message says which one may be meant, and whether Helm refuses the file.',
  invalid: 'The value cannot be had; the message says why, and what comes of it.',
} as const

/** How bad that is, the worst first, and what it means. */
export const valueLevels: Readonly<Record<Level, string>> = {
  blocked: 'Helm refuses the file, a container does not start, or something is not served as asked.',
  ignored: 'Something was asked for and has no effect.',
  different: 'It works and wants a second look, or has no meaning here and can go.',
  fine: 'As it was.',
}

export type ValueVerdict = keyof typeof valueVerdicts
export const valueVerdictNames = Object.keys(valueVerdicts) as readonly ValueVerdict[]

const verdict = z.enum(valueVerdictNames as [ValueVerdict, ...ValueVerdict[]])
const level = z.enum(levelNames as [Level, ...Level[]])
const count = z.int().min(0)
const about = (description: string) => ({ description })

const value = z.strictObject({
  path: z
    .string()
    .meta(
      about('As `controller.replicaCount`. Options are `controller.config.KEY`, flags `controller.extraArgs.FLAG`, streams `tcp.PORT`.'),
    ),
  verdict,
  level,
  message: z.string().optional().meta(about('What it comes to, what is wrong, or what to write instead.')),
  suggestion: z.string().optional().meta(about('Of an unknown name, the one that comes closest, as a path.')),
  source: z.string().optional().meta(about('file:line.')),
})

export const valuesExplanationSchema = z.strictObject({
  version: z.literal(VALUES_VERSION),
  source: z.strictObject({ kind: z.literal('values'), name: z.string().meta(about('The files.')) }),
  summary: z.strictObject({
    values: count,
    levels: z.record(level, count).meta(about('Values by their level.')),
    verdicts: z.record(verdict, count).meta(about('Values by their verdict.')),
  }),
  values: z.array(value).meta(about('In the order of the file.')),
})

export type ValuesExplanation = z.output<typeof valuesExplanationSchema>
export type ValueExplanation = z.output<typeof value>
