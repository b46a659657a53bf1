/** Words that the printers share: verdicts as people say them, counts, what an Ingress comes to. */
import { type Directives, type IngressExplanation, type Level, levelNames, type Summary, type Verdict, verdictNames } from './schema.ts'

/** Up to so many Ingresses each is told of by itself. */
export const MOST_SINGLY = 20

/** Whether the same things are said once rather than Ingress by Ingress. */
export function isFolded(ingresses: number, verbose: boolean): boolean {
  return ingresses > MOST_SINGLY && !verbose
}

export const verdictWords: Readonly<Record<Verdict, string>> = {
  same: 'same',
  better: 'better',
  approximated: 'approximated',
  default: 'default anyway',
  overridden: 'overridden',
  invalid: 'invalid value',
  unknown: 'unknown',
  refused: 'refused',
  'not-yet': 'not yet',
  needs: 'not possible',
  foreign: 'not ours',
}

/** Of a finding, which has no verdict. */
export const findingWords: Readonly<Record<Level, string>> = { blocked: 'error', ignored: 'warning', different: 'warning', fine: 'note' }

export const levelTitles: Readonly<Record<Level, string>> = {
  blocked: 'What stops a migration first',
  ignored: 'Asked for, and without effect',
  different: 'Works, and differs',
  fine: 'As it was',
}

export const outcomeWords: Readonly<Record<IngressExplanation['outcome'], string>> = {
  served: '',
  unavailable: 'every request gets 503',
  nothing: 'gets no requests',
}

export function countOf(number: number, noun: string): string {
  return `${numberOf(number)} ${noun}${number === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`
}

export function numberOf(number: number): string {
  return number.toLocaleString('en-US')
}

/** `3 Ingresses in 2 namespaces, 4 hosts` */
export function sizeOf({ ingresses, namespaces, hosts }: Summary): string {
  return `${countOf(ingresses, 'Ingress')} in ${countOf(namespaces, 'namespace')}, ${countOf(hosts, 'host')}`
}

/** `class nginx: 12 (served with --takeover); no class: 1 (…)`. How to serve another controller's class nobody asks. */
export function classesIn({ classes }: Summary): string {
  return classes
    .map(({ name, ingresses, servedWith }) => {
      const how = servedWith === undefined || servedWith.startsWith('--ingress-class') ? '' : ` (served with ${servedWith})`
      return `${name === undefined ? 'no class' : `class ${name}`}: ${numberOf(ingresses)}${how}`
    })
    .join('; ')
}

const levelWords: Readonly<Record<Level, string>> = {
  blocked: 'blocked',
  ignored: 'incomplete',
  different: 'different',
  fine: 'as before',
}

/** `1 blocked, 2 as before` */
export function levelsIn({ levels }: Summary): string {
  return levelNames
    .filter((level) => levels[level] > 0)
    .map((level) => `${numberOf(levels[level])} ${levelWords[level]}`)
    .join(', ')
}

/** `11 annotations: 6 same, 1 refused`, the bad ones first. */
export function verdictsIn({ annotations, verdicts }: Summary): string {
  const counts = verdictNames
    .filter((verdict) => verdicts[verdict].annotations > 0)
    .sort((a, b) => WEIGHT.indexOf(a) - WEIGHT.indexOf(b))
    .map((verdict) => `${numberOf(verdicts[verdict].annotations)} ${verdictWords[verdict]}`)
  return `${countOf(annotations, 'annotation')}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`
}

const WEIGHT: readonly Verdict[] = [
  ...(['refused', 'needs', 'invalid', 'unknown', 'not-yet'] as const),
  ...(['approximated', 'better', 'same', 'default', 'overridden', 'foreign'] as const),
]

/** What the input lacks, for people; undefined where there is nothing to say. */
export function absenceIn({ absent: { services, secrets, configMaps } }: Summary): string | undefined {
  const lacking = [
    ...(services.length === 0 ? [] : [countOf(services.length, 'Service')]),
    ...(secrets.length === 0 ? [] : [countOf(secrets.length, 'Secret')]),
    ...(configMaps.length === 0 ? [] : [countOf(configMaps.length, 'ConfigMap')]),
  ]
  if (lacking.length === 0) return undefined
  return `Ingresses refer to ${lacking.join(', ')} that are not in the input. They are taken to be there and in order.`
}

/** One directive a line. Where lines go as well as come, each says which; a block that is no location is named. */
export function directiveLines(directives: readonly Directives[]): readonly string[] {
  const goes = directives.some(({ removed }) => removed.length > 0)
  return directives.flatMap(({ context, added, removed }) => {
    const where = context === 'location' ? '' : `${context}: `
    return [...added.map((line) => `${goes ? '+ ' : ''}${where}${line}`), ...removed.map((line) => `- ${where}${line}`)]
  })
}

/** Some of the names, and how many there are beside them. */
export function someOf(names: readonly string[], most: number): string {
  const rest = names.length - most
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${numberOf(rest)} more` : names.join(', ')
}
