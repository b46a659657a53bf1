/**
 * Events on the objects that something is said of: `kubectl describe` shows them to the people who can mend it. What
 * happens again is counted, not repeated, and an object that has too much to say is cut short, as client-go does it.
 * Nobody waits for an Event, and none that fails is missed by anything: all that they say is in the log as well.
 */
import { createHash } from 'node:crypto'
import { type ObjectKind, objectKinds } from '../cluster/objects.ts'
import { type Issue, type IssueCode, type ObjectRef, printable } from '../model/issue.ts'
import { ApiError, type KubeClient } from './client.ts'
import type { Clock } from './clock.ts'
import { type Leadership, leaderRequests, NotLeaderError } from './leadership.ts'
import { createRest } from './rest.ts'
import { createTokenBucket, type TokenBucket } from './token-bucket.ts'

export type EventNote = {
  readonly object: ObjectRef
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, one of a known few: what people alert on. */
  readonly reason: string
  /** Cut to 1024 characters, which is the API server's limit. */
  readonly message: string
}

export type EventSettings = {
  /** Says who speaks: the Pod's name. */
  readonly instance: string
  /** The uid of an object, where it is known: `kubectl describe` looks Events up by it. */
  readonly uidOf: (object: ObjectRef) => string | undefined
  /** What is the case still, and is said again before API servers forget it. */
  readonly standing: () => readonly EventNote[]
}

export type EventReports = {
  /** Events that nobody will see: too many at once, too many of one object, or refused. */
  dropped(count: number, reason: 'queue-full' | 'rate-limited' | 'refused'): void
  /** The first failure after a success. */
  failed(error: unknown): void
}

export type EventRecorder = {
  /** Takes what is to be said and returns at once; while we are not the leader, the leader says it. */
  record(notes: readonly EventNote[]): void
  /** Writes until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>
}

const COMPONENT = 'nginx-ts'
/** The API server's limits, in characters. */
const LONGEST_MESSAGE = 1024
const LONGEST_NAME = 253
/** A first configuration of a large cluster; older ones are dropped, for the newer say what is the case now. */
const LONGEST_QUEUE = 1000
/** client-go's spam filter: so many at once for an object, then one in five minutes. */
const OBJECT_RATE = { burst: 25, perSecond: 1 / 300 }
/** For all objects together; the API server has others to serve. */
const TOTAL_RATE = { burst: 50, perSecond: 10 }
/** API servers forget an Event an hour after it was last said (--event-ttl). */
const REPEAT_MS = 30 * 60_000
/** How many Events and objects are remembered (client-go: 4096). */
const MOST_REMEMBERED = 4096

/** An Issue as an Event; undefined for one that is of no object. */
export function noteOf(found: Issue): EventNote | undefined {
  if (found.object === undefined) return undefined
  const place = found.annotation ?? found.field
  return {
    object: found.object,
    type: found.severity === 'info' ? 'Normal' : 'Warning',
    reason: reasonOf(found.code),
    message: place === undefined ? found.message : `${place}: ${found.message}`,
  }
}

/** `no-endpoints` → `NoEndpoints`. */
export function reasonOf(code: IssueCode): string {
  return code
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

/** Says that an object has been configured. The same text each time, so that repetitions are counted. */
export function syncNote(object: ObjectRef): EventNote {
  return { object, type: 'Normal', reason: 'Sync', message: 'The configuration of this object is live' }
}

/** Writes nothing yet; `run` does. */
export function createEventRecorder(
  client: KubeClient,
  leadership: Leadership,
  settings: EventSettings,
  clock: Clock,
  reports: EventReports,
): EventRecorder {
  const writeAsLeader = leaderRequests(client, leadership)
  const total = createTokenBucket(TOTAL_RATE, clock)
  const buckets = new Map<string, TokenBucket>()
  /** How often each Event has been written. */
  const counts = new Map<string, number>()
  let queue: EventNote[] = []
  /** What stands, and has its turn when there is nothing new to say. */
  let repeated: EventNote[] = []
  let repeatAt = clock.now() + REPEAT_MS
  const { wake, rest } = createRest(clock)

  function nextNote(): EventNote | undefined {
    if (clock.now() >= repeatAt) {
      repeatAt = clock.now() + REPEAT_MS
      repeated = leadership.remainingMs() > 0 ? [...settings.standing()] : []
    }
    return queue.shift() ?? repeated.shift()
  }

  function bucketOf(object: string): TokenBucket {
    const bucket = buckets.get(object) ?? createTokenBucket(OBJECT_RATE, clock)
    remember(buckets, object, bucket)
    return bucket
  }

  /** Counts an Event that is there, or makes it. */
  async function write(event: Event, signal: AbortSignal): Promise<void> {
    const events = `/api/v1/namespaces/${event.metadata.namespace}/events`
    const { name } = event.metadata
    /** Where it is there already, from a leader before us, how often is left to what the API server knows. */
    const patch = async (count: number | undefined) => {
      const { lastTimestamp } = event
      const body = count === undefined ? { lastTimestamp } : { count, lastTimestamp }
      const contentType = 'application/merge-patch+json'
      const now = await writeAsLeader<Event>({ method: 'PATCH', path: `${events}/${name}`, contentType, body, signal })
      remember(counts, name, now.count)
    }
    const before = counts.get(name)
    try {
      if (before !== undefined) return await patch(before + 1)
    } catch (error) {
      // API servers forget Events after an hour.
      if (!hasStatus(error, 404)) throw error
    }
    try {
      await writeAsLeader({ method: 'POST', path: events, body: event, signal })
      remember(counts, name, 1)
    } catch (error) {
      if (!hasStatus(error, 409)) throw error
      await patch(undefined)
    }
  }

  async function say(note: EventNote, signal: AbortSignal): Promise<void> {
    const event = eventOf(note, settings.uidOf(note.object), settings.instance, new Date(clock.wallTime()).toISOString())
    const { kind, namespace, name } = note.object
    if (!bucketOf(`${kind}/${namespace}/${name}`).tryTake()) return reports.dropped(1, 'rate-limited')
    await total.take(signal)
    await write(event, signal)
  }

  return {
    record(notes) {
      if (notes.length === 0 || leadership.remainingMs() <= 0) return
      const all = [...queue, ...notes]
      queue = all.slice(-LONGEST_QUEUE)
      if (all.length > queue.length) reports.dropped(all.length - queue.length, 'queue-full')
      wake()
    },
    async run(signal) {
      let isFailing = false
      while (!signal.aborted) {
        const note = nextNote()
        if (note === undefined) {
          await rest(repeatAt - clock.now(), signal)
          continue
        }
        try {
          await say(note, signal)
          isFailing = false
        } catch (error) {
          if (signal.aborted || error instanceof NotLeaderError) continue
          reports.dropped(1, 'refused')
          if (!isFailing) reports.failed(error)
          isFailing = true
        }
      }
    },
  }
}

type Event = ReturnType<typeof eventOf>

/**
 * Of core/v1, which every kubectl and every exporter of Events shows. What says the same of the same object has the same
 * name, whoever says it: after a change of leader nothing is doubled.
 */
function eventOf({ object, type, reason, message }: EventNote, uid: string | undefined, instance: string, time: string) {
  const { kind, namespace, name } = object
  const text = printable(message, LONGEST_MESSAGE)
  const identity = createHash('sha256').update(JSON.stringify([kind, namespace, name, uid, type, reason, text]))
  const suffix = `.${identity.digest('hex').slice(0, 16)}`
  return {
    // The API server demands this namespace of Events about what has none.
    metadata: { namespace: namespace || 'default', name: name.slice(0, LONGEST_NAME - suffix.length).replace(/[.-]+$/, '') + suffix },
    involvedObject: { apiVersion: apiVersionOf(kind), kind, namespace: namespace || undefined, name, uid },
    type,
    reason,
    message: text,
    source: { component: COMPONENT, host: instance },
    reportingComponent: COMPONENT,
    reportingInstance: instance,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  }
}

function apiVersionOf(kind: string): string | undefined {
  return Object.hasOwn(objectKinds, kind) ? objectKinds[kind as ObjectKind].apiVersion : undefined
}

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status
}

/** Keeps the newest; of too many, the one that was not used for longest is forgotten. */
function remember<Value>(memory: Map<string, Value>, key: string, value: Value) {
  memory.delete(key)
  memory.set(key, value)
  const [oldest] = memory.keys()
  if (memory.size > MOST_REMEMBERED && oldest !== undefined) memory.delete(oldest)
}
