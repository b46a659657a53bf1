/** What a namespace selector leaves of a snapshot. Keeps its rules of identity: what did not change is the very same. */
import type { ObjectKey } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type LabelSelector, selects } from './selector.ts'

export type NamespaceFilter = (state: ClusterState) => ClusterState

const NAMESPACED = ['ingresses', 'services', 'endpointSlices', 'secrets', 'configMaps'] as const
type Part = (typeof NAMESPACED)[number]
type Objects = ReadonlyMap<ObjectKey, unknown>

/** Objects of namespaces that the selector does not select are left out, but for those with a key in `exempt`. */
export function createNamespaceFilter(selector: LabelSelector, exempt: ReadonlySet<ObjectKey>): NamespaceFilter {
  let namespaces: ClusterState['namespaces'] | undefined
  let selected: ReadonlySet<string> = new Set()
  const last = new Map<Part, { readonly from: Objects; readonly selected: ReadonlySet<string>; readonly result: Objects }>()

  function select(given: ClusterState['namespaces']): void {
    if (given === namespaces) return
    namespaces = given
    const now = new Set([...given.values()].filter(({ labels }) => selects(selector, labels)).map(({ name }) => name))
    if (now.size !== selected.size || [...now].some((name) => !selected.has(name))) selected = now
  }

  function filtered(part: Part, from: Objects): Objects {
    const before = last.get(part)
    if (before?.from === from && before.selected === selected) return before.result
    const kept = new Map([...from].filter(([key]) => selected.has(key.slice(0, key.indexOf('/'))) || exempt.has(key)))
    const result = before !== undefined && isSame(before.result, kept) ? before.result : kept
    last.set(part, { from, selected, result })
    return result
  }

  return (state) => {
    select(state.namespaces)
    return { ...state, ...Object.fromEntries(NAMESPACED.map((part) => [part, filtered(part, state[part])])) }
  }
}

function isSame(before: Objects, after: Objects): boolean {
  return before.size === after.size && [...after].every(([key, value]) => before.get(key) === value)
}
