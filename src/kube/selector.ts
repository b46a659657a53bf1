/** Label selectors as Kubernetes writes them: `team=web,tier!=test,env in (a, b),!hidden`. */

export type Requirement =
  | { readonly kind: 'in' | 'not-in'; readonly key: string; readonly values: ReadonlySet<string> }
  | { readonly kind: 'exists' | 'not-exists'; readonly key: string }

/** All of them have to hold; of none, everything is selected. */
export type LabelSelector = readonly Requirement[]

export type ParsedSelector = { readonly ok: true; readonly value: LabelSelector } | { readonly ok: false; readonly reason: string }

// Kubernetes' "Labels and Selectors": a prefix is a DNS name, a name and a value begin and end with a letter or a digit.
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?'
const KEY = `(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?${NAME}`
const VALUE = new RegExp(`^(?:${NAME})?$`)
const EQUALITY = new RegExp(`^(${KEY})\\s*(==?|!=)\\s*(\\S*)$`)
const SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const EXISTENCE = new RegExp(`^(!?)\\s*(${KEY})$`)

/** Reads a selector. An empty text selects everything. */
export function parseLabelSelector(text: string): ParsedSelector {
  if (text.trim() === '') return { ok: true, value: [] }
  const requirements: Requirement[] = []
  // A comma within brackets parts values, not requirements.
  for (const part of text.split(/,(?![^(]*\))/)) {
    const requirement = parseRequirement(part.trim())
    if (requirement === undefined) return { ok: false, reason: `${JSON.stringify(part.trim())} is no requirement on a label` }
    requirements.push(requirement)
  }
  return { ok: true, value: requirements }
}

function parseRequirement(text: string): Requirement | undefined {
  const equality = EQUALITY.exec(text)
  if (equality !== null) return valuesRequirement(equality[1], equality[2] === '!=' ? 'not-in' : 'in', [equality[3] ?? ''])
  const set = SET.exec(text)
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim())
    return valuesRequirement(set[1], set[2] === 'notin' ? 'not-in' : 'in', values)
  }
  const [, not, key] = EXISTENCE.exec(text) ?? []
  return key === undefined ? undefined : { kind: not === '!' ? 'not-exists' : 'exists', key }
}

function valuesRequirement(key: string | undefined, kind: 'in' | 'not-in', values: readonly string[]): Requirement | undefined {
  if (key === undefined || !values.every((value) => VALUE.test(value))) return undefined
  return { kind, key, values: new Set(values) }
}

/** Whether labels satisfy a selector. An object without the key satisfies `!=` and `notin`. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) =>
    satisfies(requirement, Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined),
  )
}

function satisfies(requirement: Requirement, value: string | undefined): boolean {
  switch (requirement.kind) {
    case 'in':
      return value !== undefined && requirement.values.has(value)
    case 'not-in':
      return value === undefined || !requirement.values.has(value)
    case 'exists':
      return value !== undefined
    case 'not-exists':
      return value === undefined
  }
}
