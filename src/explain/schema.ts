/**
 * What `explain` says, as data: the contract of `--format json`, which docs/reference/explain.md documents. Within a
 * version fields and verdicts are added, never renamed or taken away.
 */
import { z } from 'zod'

export const VERSION = 1

/** What is said of an annotation, and what it means. */
export const verdicts = {
  same: 'Does what it did in ingress-nginx.',
  better: 'Does what it did, and more safely or with more; the message says how.',
  approximated: 'Does nearly what it did; the message says what differs.',
  default: 'Changes nothing: the value is what holds without it, or asks for nothing.',
  overridden: 'Stands under nginx-ts.io/ as well, which counts.',
  invalid: 'The value cannot be had; the message says why, and what happens meanwhile.',
  unknown: 'Nobody knows the name; the message says which one may be meant.',
  refused: 'Will never be done; the message says what to use instead, where there is something.',
  'not-yet': 'Is planned, and has no effect yet.',
  needs: 'Needs something that a stock NGINX lacks.',
  foreign: "Another controller's; without effect in ingress-nginx, too.",
} as const

/** How bad something is, the worst first, and what it means. */
export const levels = {
  blocked: 'Requests get 503 or do not arrive, or something is not served as asked.',
  ignored: 'Something was asked for and has no effect.',
  different: 'It works, and differs from ingress-nginx or perhaps from what was meant.',
  fine: 'As it was, or only worth knowing.',
} as const

export type Verdict = keyof typeof verdicts
export type Level = keyof typeof levels
export const verdictNames = Object.keys(verdicts) as readonly Verdict[]
export const levelNames = Object.keys(levels) as readonly Level[]

const verdict = z.enum(verdictNames as [Verdict, ...Verdict[]])
const level = z.enum(levelNames as [Level, ...Level[]])
const count = z.int().min(0)
const about = (description: string) => ({ description })

const directives = z.strictObject({
  context: z.enum(['http', 'server', 'location', 'upstream']).meta(about('The block that the lines stand in.')),
  added: z.array(z.string()).meta(about('Lines of the NGINX configuration that are there because of the annotation.')),
  removed: z.array(z.string()).meta(about('Lines that would be there without it.')),
})

const annotation = z.strictObject({
  annotation: z.string().meta(about('As it is written, with its prefix.')),
  key: z.string().meta(about('Without the prefix.')),
  value: z.string().meta(about('On one line of at most 256 characters.')),
  verdict,
  level,
  feature: z.string().optional().meta(about('Annotations of one feature take effect together.')),
  message: z.string().optional().meta(about('What differs, what is wrong, or what to use instead.')),
  suggestion: z.string().optional().meta(about('Of an unknown name, the key that comes closest.')),
  directives: z.array(directives).meta(about('What it changes, at the example of the first path where it is so at several.')),
  locations: count.meta(about('How many locations it changes.')),
})

const finding = z.strictObject({
  code: z.string().meta(about('The code of an Issue (see issues.md), or one of `explain` alone.')),
  level,
  message: z.string(),
  field: z.string().optional(),
  annotation: z.string().optional(),
  source: z.string().optional().meta(about('file:line, where manifests were read.')),
  ingresses: z.array(z.string()).optional().meta(about('namespace/name of those that it is about, where it is said of the set.')),
})

const ingress = z.strictObject({
  namespace: z.string(),
  name: z.string(),
  class: z.string().optional().meta(about('From spec.ingressClassName, or the legacy annotation.')),
  hosts: z.array(z.string()).meta(about('Of its rules; empty for the one that every other name belongs to.')),
  source: z.string().optional().meta(about('file:line, where manifests were read.')),
  level: level.meta(about('The worst of what is said of it.')),
  outcome: z
    .enum(['served', 'unavailable', 'nothing'])
    .meta(about('unavailable: all of its paths answer 503. nothing: it has no path that requests could reach.')),
  annotations: z.array(annotation),
  findings: z.array(finding),
})

const stop = z.strictObject({
  what: z.array(z.string()).meta(about('Annotations of which the same is said, or the code of a finding.')),
  verdict: verdict.optional(),
  level,
  message: z.string(),
  ingresses: count,
  examples: z.array(z.string()),
})

const absent = z.array(z.string())

export const explanationSchema = z.strictObject({
  version: z.literal(VERSION),
  source: z.strictObject({
    kind: z.enum(['manifests', 'cluster']),
    name: z.string().meta(about('The paths, or the context of the kubeconfig.')),
  }),
  summary: z.strictObject({
    ingresses: count,
    namespaces: count,
    hosts: count,
    levels: z.record(level, count).meta(about('Ingresses by their level.')),
    classes: z.array(
      z.strictObject({
        name: z.string().optional().meta(about('None for Ingresses that name no class.')),
        ingresses: count,
        servedWith: z.string().optional().meta(about('The flag with which the controller serves them; none where it does so anyway.')),
      }),
    ),
    annotations: count,
    verdicts: z.record(verdict, z.strictObject({ annotations: count, ingresses: count })),
    first: z.array(stop).meta(about('What stops a migration, the worst and most frequent first.')),
    absent: z
      .strictObject({ services: absent, secrets: absent, configMaps: absent })
      .meta(about('namespace/name of what Ingresses refer to, the input lacks, and is taken to be there and in order.')),
  }),
  ingresses: z.array(ingress).meta(about('The worst first.')),
  findings: z.array(finding).meta(about('Of the set, of files and of the options.')),
})

export type Explanation = z.output<typeof explanationSchema>
export type Summary = Explanation['summary']
export type IngressExplanation = z.output<typeof ingress>
export type AnnotationExplanation = z.output<typeof annotation>
export type Directives = z.output<typeof directives>
export type Finding = z.output<typeof finding>
export type Stop = z.output<typeof stop>

/** The worst of them. */
export function worst(found: Iterable<Level>): Level {
  return levelNames[Math.min(levelNames.length - 1, ...[...found].map((one) => levelNames.indexOf(one)))] ?? 'fine'
}

/** Whether the first is as bad as the second, or worse. */
export function isAtLeast(one: Level, other: Level): boolean {
  return levelNames.indexOf(one) <= levelNames.indexOf(other)
}
