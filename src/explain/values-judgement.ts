/** What is said of a value, before it is known where it stands. */
import type { OtherKey } from '../options/other-keys.ts'
import { REFUSED_BY_HELM } from './values-file.ts'
import type { ValueExplanation } from './values-schema.ts'

/** A path in parts, for names may have dots in them. */
export type Path = readonly string[]
export type Judgement = Omit<ValueExplanation, 'path' | 'source'> & { readonly path: Path }

/** What is known of ingress-nginx's and does nothing here: values, flags and options are told of in the same words. */
export const judgementOf: Readonly<Record<OtherKey['kind'], Pick<Judgement, 'verdict' | 'level'>>> = {
  'not yet': { verdict: 'not-yet', level: 'ignored' },
  refused: { verdict: 'refused', level: 'ignored' },
  'no effect': { verdict: 'no-effect', level: 'different' },
}

export function refused(path: Path, message: string): Judgement {
  return { path, verdict: 'invalid', level: 'blocked', message }
}

/** Of what the schema of the chart does not take. */
export function refusedByHelm(path: Path, fault: string): Judgement {
  return refused(path, `${fault}; ${REFUSED_BY_HELM}`)
}
