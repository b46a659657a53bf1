/** Which objects of a kind are known, and at which version: what tells news from repetition. */
import type { ObjectKey } from '../cluster/objects.ts'

const INTEGER = /^[1-9][0-9]*$/
/** Of deleted objects, so many are remembered: enough for whatever arrives twice or late. */
const MOST_DELETED = 1000

/**
 * Whether a resourceVersion is older than another of the same resource. They are integers of any size that grow
 * (Kubernetes API concepts, "Resource versions"); what is no such integer is comparable with nothing, and older than nothing.
 */
export function isOlder(version: string, other: string): boolean {
  if (!INTEGER.test(version) || !INTEGER.test(other)) return false
  return version.length === other.length ? version < other : version.length < other.length
}

export type KnownObjects = {
  /** How many there are. */
  size(): number
  /**
   * Takes note of an object that a list has. A list is the truth: its objects are known at its versions from now on.
   * Gives whether it was known at another version, or not at all.
   */
  list(key: ObjectKey, version: string): boolean
  /** Takes note of an object that was made or changed. Gives whether that is news, and not older than what is known. */
  see(key: ObjectKey, version: string): boolean
  /** Takes note that an object was deleted. Gives whether that is news. */
  remove(key: ObjectKey, version: string): boolean
  /** Known objects that a complete list did not have. */
  missingFrom(listed: ReadonlySet<ObjectKey>): readonly ObjectKey[]
  /** An object that may be gone: whatever comes of it next is news. */
  doubt(key: ObjectKey): void
  forget(key: ObjectKey): void
  /** Nothing that was deleted before a list can come after it. */
  forgetDeleted(): void
}

/** Knows nothing yet. */
export function createKnownObjects(): KnownObjects {
  const versions = new Map<ObjectKey, string>()
  const deleted = new Map<ObjectKey, string>()

  return {
    size: () => versions.size,
    list(key, version) {
      const before = versions.get(key)
      versions.set(key, version)
      return version === '' || version !== before
    },
    see(key, version) {
      const known = versions.get(key) ?? deleted.get(key)
      if (known !== undefined && isOlder(version, known)) return false
      deleted.delete(key)
      versions.set(key, version)
      return true
    },
    remove(key, version) {
      const known = versions.get(key)
      if (known !== undefined && isOlder(version, known)) return false
      versions.delete(key)
      deleted.set(key, version)
      for (const oldest of deleted.keys()) {
        if (deleted.size <= MOST_DELETED) break
        deleted.delete(oldest)
      }
      return known !== undefined
    },
    missingFrom: (listed) => [...versions.keys()].filter((key) => !listed.has(key)),
    doubt(key) {
      versions.set(key, '')
    },
    forget(key) {
      versions.delete(key)
    },
    forgetDeleted: () => deleted.clear(),
  }
}
