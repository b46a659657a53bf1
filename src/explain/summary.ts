/** A set of Ingresses in a few numbers, and what stands in the way of its migration. */
import type { Ingress } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { printable } from '../model/issue.ts'
import type { Options } from '../options.ts'
import { type ClassRules, claims } from '../translate/classes.ts'
import { fold } from './fold.ts'
import { type Finding, type IngressExplanation, isAtLeast, levelNames, type Stop, type Summary, verdictNames } from './schema.ts'

/** What a person takes in at a glance, and what is worth naming of many. */
const MOST_STOPS = 10
const EXAMPLES = 3

export type SummaryParts = {
  readonly absent: Summary['absent']
  readonly classes: Summary['classes']
}

export function summarize(ingresses: readonly IngressExplanation[], findings: readonly Finding[], parts: SummaryParts): Summary {
  const annotations = ingresses.flatMap((ingress) => ingress.annotations.map((annotation) => ({ annotation, ingress })))
  const counted = verdictNames.map((verdict) => {
    const those = annotations.filter(({ annotation }) => annotation.verdict === verdict)
    return [verdict, { annotations: those.length, ingresses: new Set(those.map(({ ingress }) => ingress)).size }] as const
  })
  const leveled = levelNames.map((level) => [level, ingresses.filter((ingress) => ingress.level === level).length] as const)
  return {
    ingresses: ingresses.length,
    namespaces: new Set(ingresses.map(({ namespace }) => namespace)).size,
    hosts: new Set(ingresses.flatMap(({ hosts }) => hosts)).size,
    levels: Object.fromEntries(leveled) as Summary['levels'],
    classes: parts.classes,
    annotations: annotations.length,
    verdicts: Object.fromEntries(counted) as Summary['verdicts'],
    first: stopsOf(ingresses, findings),
    absent: parts.absent,
  }
}

function stopsOf(ingresses: readonly IngressExplanation[], findings: readonly Finding[]): Stop[] {
  return fold({ ingresses: [...ingresses], findings: [...findings] })
    .filter(({ level }) => isAtLeast(level, 'ignored'))
    .slice(0, MOST_STOPS)
    .map(({ what, verdict, level, messages, ingresses: those }) => ({
      what: [...what],
      ...(verdict === undefined ? {} : { verdict }),
      level,
      message: messages[0] ?? '',
      ingresses: those.length,
      examples: those.slice(0, EXAMPLES),
    }))
}

/** The classes that Ingresses name, the most frequent first, and the flag with which the controller serves each. */
export function classesOf(
  ingresses: readonly Ingress[],
  classOf: (ingress: Ingress) => string | undefined,
  state: ClusterState,
  options: Options,
  rules: ClassRules,
): Summary['classes'] {
  const plain: Options = { ...options, allClasses: false }
  const ways = [
    { flag: undefined, claimOf: claims(state, plain, rules) },
    { flag: '--takeover', claimOf: claims(state, { ...plain, takeover: true }, rules) },
    { flag: '--watch-ingress-without-class', claimOf: claims(state, { ...plain, watchIngressWithoutClass: true }, rules) },
  ]
  return [...Map.groupBy(ingresses, classOf)]
    .map(([name, those]) => {
      const [one] = those
      const way = ways.find(({ claimOf }) => one !== undefined && claimOf(one) !== undefined)
      const flag = way === undefined ? `--ingress-class ${printable(name ?? '')}` : way.flag
      return {
        ...(name === undefined ? {} : { name: printable(name) }),
        ingresses: those.length,
        ...(flag === undefined ? {} : { servedWith: flag }),
      }
    })
    .sort((a, b) => b.ingresses - a.ingresses)
}
