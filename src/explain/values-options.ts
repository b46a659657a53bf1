/** `controller.config` of a values file → what becomes of each option, by what the controller says of its ConfigMap. */
import type { ConfigMap } from '../cluster/objects.ts'
import { type Issue, printable } from '../model/issue.ts'
import { nearest } from '../model/nearest.ts'
import { configMapKeys } from '../options/keys.ts'
import { otherKeys } from '../options/other-keys.ts'
import { optionsFromConfigMap, parseOptions } from '../options.ts'
import { isTemplate, NO_TEXT, textOf, type Values } from './values-file.ts'
import { type Judgement, judgementOf, type Path, refusedByHelm } from './values-judgement.ts'

/** An option a judgement, in their order. */
export function explainOptions(above: Path, config: Values): readonly Judgement[] {
  const texts = Object.entries(config).map(([key, value]) => [key, textOf(value)] as const)
  const data = Object.fromEntries(texts.flatMap(([key, text]) => (text === undefined || isTemplate(text) ? [] : [[key, text]])))
  const { issues } = optionsFromConfigMap(parseOptions({}), configMapOf(data))
  const issueOf = new Map(issues.map((issue) => [issue.field, issue]))
  return texts.map(([key, text]): Judgement => {
    const path = [...above, key]
    if (text === undefined) return refusedByHelm(path, NO_TEXT)
    if (isTemplate(text)) return { path, verdict: 'template', level: 'fine' }
    const issue = issueOf.get(printable(`data.${key}`))
    if (issue !== undefined) return { path, ...judgedBy(issue, key, above) }
    return Object.hasOwn(otherKeys, key) ? { path, verdict: 'default', level: 'fine' } : { path, verdict: 'same', level: 'fine' }
  })
}

/** As the chart makes it. */
function configMapOf(data: ConfigMap['data']): ConfigMap {
  return { kind: 'ConfigMap', namespace: '', name: '', uid: undefined, createdAt: undefined, annotations: {}, labels: {}, data }
}

/** What an Issue of the controller's options comes to. */
function judgedBy({ code, severity, message }: Issue, key: string, above: Path): Omit<Judgement, 'path'> {
  switch (code) {
    case 'unknown-option': {
      const near = nearest(key, [...Object.keys(configMapKeys.shape), ...Object.keys(otherKeys)])
      return { verdict: 'unknown', level: 'ignored', message, ...(near === undefined ? {} : { suggestion: [...above, near].join('.') }) }
    }
    case 'option-not-supported':
      return { ...judgementOf[otherKeys[key]?.kind ?? 'no effect'], message }
    case 'protection-not-supported':
      return { verdict: 'not-yet', level: 'blocked', message }
    case 'invalid-option':
      return { verdict: 'invalid', level: 'blocked', message }
    default:
      return { verdict: 'second', level: severity === 'error' ? 'blocked' : 'different', message }
  }
}
