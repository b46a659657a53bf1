/** What an annotation was taken for, and what it does → the verdict on it. */
import type { OtherName } from '../annotations/other-names.ts'
import type { AnnotationReading, GivenAnnotation } from '../annotations/read.ts'
import { printable } from '../model/issue.ts'
import { type Change, NO_CHANGE } from './directives.ts'
import type { AnnotationExplanation, Level, Verdict } from './schema.ts'

type Judgement = Pick<AnnotationExplanation, 'verdict' | 'level'> & { readonly message?: string }

/**
 * `change`: what the annotation does to the configuration, undefined where that could not be seen. `holds`: whether a
 * line of a location says what holds for all of them anyway.
 */
export function explainAnnotation(
  given: GivenAnnotation,
  value: string,
  reading: AnnotationReading,
  change: Change | undefined,
  holds: (line: string) => boolean,
): AnnotationExplanation {
  const message = reading.issues.find((issue) => issue.annotation === printable(given.annotation))?.message
  const judgement = judge(given, message, change && redundancyOf(change, holds))
  const { directives, locations } = change ?? NO_CHANGE
  return {
    annotation: printable(given.annotation),
    key: printable(given.key),
    value: printable(value.trim()),
    ...judgement,
    ...(given.kind === 'feature' ? { feature: given.name } : {}),
    ...(given.kind === 'unknown' && given.meant !== undefined ? { suggestion: given.meant } : {}),
    directives: [...directives],
    locations,
  }
}

function judge(given: GivenAnnotation, message: string | undefined, redundancy: string | undefined): Judgement {
  const said = message === undefined ? {} : { message }
  switch (given.kind) {
    case 'foreign':
      return { verdict: 'foreign', level: 'fine', ...said }
    case 'main-only':
      return { verdict: 'same', level: 'fine', ...said }
    case 'unknown':
      return { verdict: 'unknown', level: 'ignored', ...said }
    case 'other':
      if (given.isIdle) return { verdict: 'default', level: 'fine', message: 'asks for nothing that is not there without it' }
      return { verdict: OTHER_VERDICTS[given.other.verdict], level: levelOfOther(given.other), ...said }
    case 'feature':
      if (given.status === 'overridden')
        return {
          verdict: 'overridden',
          level: message === undefined ? 'fine' : 'different',
          message: message ?? `${given.key} of our own prefix counts`,
        }
      if (given.status === 'invalid')
        return { verdict: 'invalid', level: given.feature.onInvalid === 'default' ? 'ignored' : 'blocked', ...said }
      if (redundancy !== undefined) return { verdict: 'default', level: 'fine', message: redundancy }
      return compared(given)
  }
}

const OTHER_VERDICTS: Readonly<Record<OtherName['verdict'], Verdict>> = { 'not yet': 'not-yet', needs: 'needs', never: 'refused' }

function levelOfOther({ protects }: OtherName): Level {
  return protects ? 'blocked' : 'ignored'
}

function compared({ spec }: Extract<GivenAnnotation, { kind: 'feature' }>): Judgement {
  const { ingressNginx } = spec
  if (ingressNginx === 'same') return { verdict: 'same', level: 'fine' }
  const { verdict, difference } = ingressNginx
  return { verdict, level: verdict === 'better' ? 'fine' : 'different', message: difference }
}

/** Said more than once these add up, or replace all that is said further out. */
const NEVER_REDUNDANT = /^(add_header|(proxy|grpc)_(set|hide|pass)_header) /

/** Why an annotation could be left out: nothing changes, or lines come to locations that say what holds there anyway. */
function redundancyOf({ directives }: Change, holds: (line: string) => boolean): string | undefined {
  if (directives.length === 0) return 'changes nothing here'
  const isSaidAnyway = directives.every(
    ({ context, added, removed }) =>
      context === 'location' && removed.length === 0 && added.every((line) => holds(line) && !NEVER_REDUNDANT.test(line)),
  )
  return isSaidAnyway ? 'is what holds without it' : undefined
}
