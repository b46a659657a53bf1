/**
 * A list that suddenly lacks most of what is known may be true, or come from an etcd that was restored empty; a list at an
 * older version than the one before does come from one that was restored. What such a list lacks is gone once a second
 * list, a while later, lacks it too. Deletions that a watch reports are not guarded: somebody made them.
 */
import type { ObjectKey } from '../cluster/objects.ts'

/** Up to so many objects, a list is believed at once: a small cluster may well lose half of its Ingresses in one go. */
const MOST_UNGUARDED = 10

export type DeletionGuard = {
  /**
   * Which of the objects that a list lacks are gone. `known`: how many were known before that list. `goesBack`:
   * whether the list is of an older version than what was known. The others are in doubt until `confirmInMs` has passed and another
   * list was judged.
   */
  judge(missing: readonly ObjectKey[], known: number, goesBack?: boolean): readonly ObjectKey[]
  inDoubt(): ReadonlySet<ObjectKey>
  /** Until when the next list is needed, milliseconds from now; undefined when nothing is in doubt. */
  confirmInMs(): number | undefined
}

/** `believesShortLists`: for kinds whose objects may well all go at once. Even of those, none goes by going back in time. */
export function createDeletionGuard(confirmAfterMs: number, now: () => number, { believesShortLists = false } = {}): DeletionGuard {
  let doubted: ReadonlySet<ObjectKey> = new Set()
  let confirmAt = 0

  function judge(missing: readonly ObjectKey[], known: number, goesBack = false): readonly ObjectKey[] {
    if (doubted.size > 0 && now() < confirmAt) {
      doubted = new Set(missing)
      return []
    }
    const confirmed = missing.filter((key) => doubted.has(key))
    const others = missing.filter((key) => !doubted.has(key))
    doubted = new Set()
    const isSuspicious = goesBack || (!believesShortLists && lacksMost(others.length, known - confirmed.length))
    if (!isSuspicious) return missing
    doubted = new Set(others)
    confirmAt = now() + confirmAfterMs
    return confirmed
  }

  return { judge, inDoubt: () => doubted, confirmInMs: () => (doubted.size === 0 ? undefined : Math.max(0, confirmAt - now())) }
}

function lacksMost(missing: number, known: number): boolean {
  return known > MOST_UNGUARDED && (known - missing) * 2 < known
}
