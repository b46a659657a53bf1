/**
 * One resource, listed and then watched for ever: whatever API servers and networks do, what the sink has been told is
 * what the server has, or soon will be. Rules: Kubernetes API concepts, "Efficient detection of changes", "Retrieving
 * large results sets in chunks", "Resource versions".
 *
 * Lists are asked for without a resourceVersion: the server then answers from what is newest. `0` would allow it any
 * old cache, and so a step back in time after a change of servers, and makes it ignore `limit`.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { ClusterObject, ObjectKey } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import { type BackoffSettings, backoffDelay, delayAfter, pause } from './backoff.ts'
import type { KubeClient } from './client.ts'
import { createDeletionGuard } from './deletion-guard.ts'
import { createListSplitter } from './list-splitter.ts'
import { isDeadEnd, isDenied, isExpired, isGarbled, type PageHead, readEvent, readPageHead } from './messages.ts'
import { type Identity, identityOf, project } from './projection.ts'
import type { Resource } from './resources.ts'
import { createKnownObjects, isOlder } from './versions.ts'

/** Who is told. Calls come one at a time, and do not throw. */
export type ReflectorSink = {
  /** The object as it is now; an equal one may come again. */
  set(object: ClusterObject): void
  delete(key: ObjectKey): void
  /** A complete list has been told. */
  listed(): void
  /** What is wrong now with an object, with access to the kind, or with a list; undefined once it is well again. */
  trouble(about: ObjectKey | 'access' | 'deletions', found: Issue | undefined): void
}

/** What happened, for log and metrics. Times are in milliseconds. */
export type ReflectorNotice =
  | { readonly kind: 'listed'; readonly resource: Resource; readonly objects: number; readonly tookMs: number }
  | { readonly kind: 'relisting'; readonly resource: Resource; readonly reason: string }
  | { readonly kind: 'failed'; readonly resource: Resource; readonly error: unknown; readonly retryInMs: number }

export type ReflectorSettings = {
  readonly pageSize: number
  /** For one page to arrive; one that does not is asked for in smaller parts. */
  readonly pageTimeoutMs: number
  /** How long the server is asked to keep a watch: a random time between the two. */
  readonly watchSeconds: { readonly least: number; readonly most: number }
  /** Silence after which a watch is given up: two bookmarks, one a minute, would have come. */
  readonly idleMs: number
  /** A watch that ends within this did not work, however politely it ended. */
  readonly shortWatchMs: number
  readonly backoff: BackoffSettings
  /** After 401 and 403, where somebody has to change something. */
  readonly deniedBackoff: BackoffSettings
  /** Between lists that follow each other closer than `calmMs`. */
  readonly relistBackoff: BackoffSettings
  readonly calmMs: number
  /** Between a list that lacks most of what is known, and the one that confirms it. */
  readonly confirmAfterMs: number
}

export const REFLECTOR_DEFAULTS: ReflectorSettings = {
  pageSize: 500,
  pageTimeoutMs: 60_000,
  watchSeconds: { least: 300, most: 600 },
  idleMs: 150_000,
  shortWatchMs: 1_000,
  backoff: { firstMs: 500, longestMs: 10_000 },
  deniedBackoff: { firstMs: 1_000, longestMs: 60_000 },
  relistBackoff: { firstMs: 4_000, longestMs: 30_000 },
  calmMs: 60_000,
  confirmAfterMs: 30_000,
}

export type ReflectorParts = {
  readonly client: KubeClient
  readonly notice: (notice: ReflectorNotice) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
  readonly settings?: Partial<ReflectorSettings>
}

export type Reflector = {
  /** Follows the resource until the signal aborts; rejects only for a bug. */
  run(signal: AbortSignal): Promise<void>
  /** Takes an object that was read by itself, unless something newer is known of it. */
  take(raw: unknown): void
}

/** Objects handled before other work gets its turn. */
const OBJECTS_A_TURN = 25
const SMALLEST_PAGE = 10
/** Lists whose token expired on the way, before everything is asked for in one answer. */
const MOST_START_OVERS = 3
/** Answers that make no sense: the same place of a watch is tried so often, then everything is listed anew. */
const GARBLED_TRIES = 3

/** No object has this key. */
const NAMELESS: ObjectKey = '/'

type WatchEnd = { readonly kind: 'resume'; readonly reason: string } | { readonly kind: 'relist'; readonly reason: string }

/** A reflector that knows nothing yet. */
export function createReflector(resource: Resource, sink: ReflectorSink, parts: ReflectorParts): Reflector {
  const { client, notice, now, random } = parts
  const settings = { ...REFLECTOR_DEFAULTS, ...parts.settings }
  const fullPage = Math.min(resource.pageSize ?? settings.pageSize, settings.pageSize)
  const known = createKnownObjects()
  const guard = createDeletionGuard(settings.confirmAfterMs, now, { believesShortLists: resource.guardsDeletions !== true })
  const refused = new Set<ObjectKey>()
  /** Failures since something last worked. */
  let failures = 0
  /** Lists that followed each other closely. */
  let crowdedLists = 0
  let lastListAt: number | undefined
  /** The version of the last list, or what watches have come to since. */
  let newest = ''
  let isDeniedNow = false
  /**
   * Whether the server has gone back in time since the last list: the same version may then be of another object, and by
   * the time it is listed it may have caught up.
   */
  let hasHistoryChanged = false

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let version = await list(signal)
      while (version !== undefined) version = await watch(version, signal)
    }
  }

  /** Tells everything there is, and gives the version that a watch goes on from; undefined when the signal aborts. */
  async function list(signal: AbortSignal): Promise<string | undefined> {
    crowdedLists = lastListAt !== undefined && now() - lastListAt < settings.calmMs ? crowdedLists + 1 : 0
    const start = now()
    const before = known.size()
    for (let startOvers = 0; !signal.aborted; startOvers += 1) {
      await pause(backoffDelay(crowdedLists, settings.relistBackoff, random), signal)
      const listed = new Set<ObjectKey>()
      const version = await listPages(startOvers < MOST_START_OVERS ? fullPage : undefined, listed, signal)
      if (version === 'start-over') {
        crowdedLists += 1
        continue
      }
      if (version === undefined) break
      lastListAt = now()
      settle(listed, before, hasHistoryChanged || isOlder(version, newest))
      hasHistoryChanged = false
      newest = version
      notice({ kind: 'listed', resource, objects: listed.size, tookMs: lastListAt - start })
      return version
    }
    return undefined
  }

  /** Every page of one list. Its version; `start-over` when its token expires on the way; undefined when the signal aborts. */
  async function listPages(
    limit: number | undefined,
    listed: Set<ObjectKey>,
    signal: AbortSignal,
  ): Promise<string | 'start-over' | undefined> {
    let token: string | undefined
    for (;;) {
      const page = await readPatiently(limit, token, listed, signal)
      if (page === 'start-over' || page === undefined) return page
      token = page.next
      if (token === undefined) return page.version
    }
  }

  /** Asks for a page until all of it was told. A list whose token has expired has to start over; undefined when the signal aborts. */
  async function readPatiently(
    fullLimit: number | undefined,
    token: string | undefined,
    listed: Set<ObjectKey>,
    signal: AbortSignal,
  ): Promise<PageHead | 'start-over' | undefined> {
    let limit = fullLimit
    while (!signal.aborted) {
      const start = now()
      try {
        const page = await readPage({ limit, continue: token }, (raw) => takeItem(raw, listed), signal)
        failures = 0
        worked()
        return page
      } catch (error) {
        if (signal.aborted) break
        if (token !== undefined && (isExpired(error) || isDeadEnd(error))) return startOver()
        if (isDenied(error) && resource.isOptional && lastListAt === undefined) sink.listed()
        if (now() - start >= settings.pageTimeoutMs) limit = Math.max(SMALLEST_PAGE, Math.floor((limit ?? fullPage) / 4))
        await failed(error, signal)
      }
    }
    return undefined
  }

  function startOver(): 'start-over' {
    notice({ kind: 'relisting', resource, reason: 'a list expired while it was read' })
    return 'start-over'
  }

  /** One page. Its items are taken one by one: memory never holds it whole, and others get their turn. */
  async function readPage(
    query: { readonly limit: number | undefined; readonly continue?: string | undefined },
    take: (raw: unknown) => void,
    signal: AbortSignal,
  ): Promise<PageHead> {
    const { path, fieldSelector } = resource
    const splitter = createListSplitter()
    let sinceTurn = 0
    for await (const chunk of client.chunks({ path, query: { ...query, fieldSelector }, timeoutMs: settings.pageTimeoutMs, signal })) {
      for (const item of splitter.push(chunk)) {
        take(JSON.parse(item))
        sinceTurn = (sinceTurn + 1) % OBJECTS_A_TURN
        if (sinceTurn === 0) await turn()
      }
    }
    return readPageHead(splitter.rest())
  }

  function takeItem(raw: unknown, listed: Set<ObjectKey>): void {
    const identity = identityOf(raw)
    if (identity === undefined) {
      sink.trouble(NAMELESS, nameless())
      return
    }
    listed.add(identity.key)
    const isNews = known.list(identity.key, identity.version)
    if (isNews || hasHistoryChanged) tell(identity, raw)
  }

  function nameless(): Issue {
    return issue(
      'invalid-object',
      { kind: resource.kind, namespace: '', name: '(no name)' },
      { message: 'the object has no name and is left out' },
    )
  }

  /** Deletes what a complete list does not have, unless that is hard to believe. */
  function settle(listed: ReadonlySet<ObjectKey>, before: number, goesBack: boolean): void {
    known.forgetDeleted()
    const missing = known.missingFrom(listed)
    for (const key of guard.judge(missing, before, goesBack)) {
      known.forget(key)
      gone(key)
    }
    const doubted = guard.inDoubt()
    for (const key of doubted) known.doubt(key)
    sink.trouble('deletions', doubted.size === 0 ? undefined : unconfirmed(doubted.size, before))
    sink.listed()
  }

  function unconfirmed(missing: number, before: number): Issue {
    const seconds = Math.round(settings.confirmAfterMs / 1000)
    const message = `a list of every ${resource.kind} lacks ${missing} of the ${before} known; they stay until a second list, ${seconds} s after it, confirms it`
    return issue('deletions-not-confirmed', undefined, { message })
  }

  /** Follows changes from a version on. Gives the version to go on from; undefined when everything has to be listed anew. */
  async function watch(from: string, signal: AbortSignal): Promise<string | undefined> {
    const start = now()
    const ending = new AbortController()
    const endLater = (milliseconds: number, end: WatchEnd) => setTimeout(() => ending.abort(end), milliseconds)
    const idle = endLater(settings.idleMs, { kind: 'resume', reason: `nothing came for ${settings.idleMs / 1000} s` })
    const confirmInMs = guard.confirmInMs()
    const confirmation = confirmInMs === undefined ? undefined : endLater(confirmInMs, { kind: 'relist', reason: 'to confirm a list' })
    const whole = AbortSignal.any([signal, ending.signal])
    let version = from
    try {
      void isServerOlder(from, whole).then((yes) => {
        if (!yes) return
        hasHistoryChanged = true
        ending.abort({ kind: 'relist', reason: 'the server is at an older version than before' })
      })
      for await (const line of openWatch(from, whole)) {
        idle.refresh()
        worked()
        const event = readEvent(line)
        if (event.type !== 'BOOKMARK') takeEvent(event.type, event.identity, event.raw)
        if (!isOlder(event.identity.version, version)) version = event.identity.version
        newest = version
      }
      return await afterEnd(version, now() - start, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      const end = ending.signal.aborted ? (ending.signal.reason as WatchEnd) : undefined
      if (end?.kind === 'relist') return relist(end.reason)
      return await afterFailure(end === undefined ? error : new Error(end.reason), version, now() - start, signal)
    } finally {
      clearTimeout(idle)
      clearTimeout(confirmation)
      ending.abort()
    }
  }

  function openWatch(from: string, signal: AbortSignal): AsyncIterable<unknown> {
    const { least, most } = settings.watchSeconds
    const timeoutSeconds = Math.round(least + random() * (most - least))
    const { path, fieldSelector } = resource
    return client.stream({
      path,
      query: { watch: true, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds, fieldSelector },
      signal,
    })
  }

  /**
   * Whether the server is at an older version than we are: an etcd restored from a backup. A watch from a version that
   * lies ahead would be answered with silence until the server has caught up. Just after a list there is nothing to ask,
   * unless something failed since: it may be another server that answers now.
   */
  async function isServerOlder(from: string, signal: AbortSignal): Promise<boolean> {
    if (failures === 0 && now() - (lastListAt ?? 0) < settings.shortWatchMs) return false
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        const page = await readPage({ limit: 1 }, () => {}, signal)
        return isOlder(page.version, from)
      } catch (error) {
        // What is wrong with the server is said of the watch beside this.
        await pause(delayAfter(error, attempt, settings.backoff, random), signal)
      }
    }
    return false
  }

  /** A watch that ends as it should is taken up at once: nothing is missed. */
  async function afterEnd(version: string, lastedMs: number, signal: AbortSignal): Promise<string | undefined> {
    if (lastedMs >= settings.shortWatchMs) failures = 0
    else await failed(new Error(`the server ended a watch after ${Math.round(lastedMs)} ms`), signal)
    return signal.aborted ? undefined : version
  }

  async function afterFailure(error: unknown, version: string, lastedMs: number, signal: AbortSignal): Promise<string | undefined> {
    if (isExpired(error)) return relist('the version to watch from has expired')
    if (lastedMs >= settings.shortWatchMs) failures = 0
    await failed(error, signal)
    if (signal.aborted) return undefined
    if (isDeadEnd(error)) return relist('the server refuses to watch from this version')
    if (isGarbled(error) && failures % GARBLED_TRIES === 0) return relist('the watch makes no sense')
    return version
  }

  function relist(reason: string): undefined {
    notice({ kind: 'relisting', resource, reason })
  }

  function takeEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', identity: Identity, raw: unknown): void {
    if (type === 'DELETED') {
      if (known.remove(identity.key, identity.version)) gone(identity.key)
    } else if (known.see(identity.key, identity.version)) tell(identity, raw)
  }

  function tell(identity: Identity, raw: unknown): void {
    const projection = project(resource.kind, identity, raw)
    if (projection.ok) {
      if (refused.delete(identity.key)) sink.trouble(identity.key, undefined)
      sink.set(projection.object)
      return
    }
    refused.add(identity.key)
    sink.trouble(identity.key, projection.issue)
    sink.delete(identity.key)
  }

  function gone(key: ObjectKey): void {
    if (refused.delete(key)) sink.trouble(key, undefined)
    sink.delete(key)
  }

  /** Something was understood: access is not denied. What counts failures is told by whoever knows that it worked for long. */
  function worked(): void {
    if (!isDeniedNow) return
    isDeniedNow = false
    sink.trouble('access', undefined)
  }

  /** Says so, and waits before the next attempt. */
  async function failed(error: unknown, signal: AbortSignal): Promise<void> {
    failures += 1
    if (isDenied(error) && !isDeniedNow) {
      isDeniedNow = true
      if (!resource.isOptional) sink.trouble('access', denied(error))
    }
    const retryInMs = delayAfter(error, failures, isDenied(error) ? settings.deniedBackoff : settings.backoff, random)
    notice({ kind: 'failed', resource, error, retryInMs })
    await pause(retryInMs, signal)
  }

  function denied(error: unknown): Issue {
    const reason = error instanceof Error ? error.message : String(error)
    return issue('access-denied', undefined, {
      message: `${resource.kind} objects may not be read; what was last read of them stays, and access is tried again: ${reason}`,
    })
  }

  return {
    run,
    take(raw) {
      const identity = identityOf(raw)
      if (identity !== undefined && known.see(identity.key, identity.version)) tell(identity, raw)
    },
  }
}
