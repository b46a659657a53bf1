/** What an API server says about a resource, checked: pages of lists, events of watches, and kinds of failure. */
import { ApiError } from './client.ts'
import { type Identity, identityOf, recordOf } from './projection.ts'

/** A page of a list, but for its items. */
export type PageHead = {
  readonly version: string
  /** The token that asks for the next page; undefined on the last one. */
  readonly next: string | undefined
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly identity: Identity; readonly raw: unknown }
  | { readonly type: 'BOOKMARK'; readonly identity: { readonly version: string } }

/** An answer that is not what the API speaks: a proxy's page, or the fragment of something. */
class GarbledAnswer extends Error {}

/** Reads a list whose items were taken out of it. Throws a GarbledAnswer, or a SyntaxError. */
export function readPageHead(text: string): PageHead {
  const { items, metadata } = recordOf(JSON.parse(text))
  const { resourceVersion, continue: next } = recordOf(metadata)
  if (typeof resourceVersion !== 'string' || resourceVersion === '')
    throw new GarbledAnswer('the answer is no list: it has no resourceVersion')
  if (items !== null && !Array.isArray(items)) throw new GarbledAnswer('the answer is no list: it has no items')
  return { version: resourceVersion, next: typeof next === 'string' && next !== '' ? next : undefined }
}

/** Reads a line of a watch. Throws a GarbledAnswer, or the ApiError that an ERROR event is. */
export function readEvent(line: unknown): WatchEvent {
  const { type, object } = recordOf(line)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const identity = identityOf(object)
      if (identity === undefined) throw new GarbledAnswer(`the object of a watch event ${type} has no name`)
      return { type, identity, raw: object }
    }
    case 'BOOKMARK': {
      const { resourceVersion } = recordOf(recordOf(object)['metadata'])
      if (typeof resourceVersion !== 'string' || resourceVersion === '') throw new GarbledAnswer('a bookmark has no resourceVersion')
      return { type, identity: { version: resourceVersion } }
    }
    case 'ERROR': {
      const { code, reason, message, details } = recordOf(object)
      const seconds = recordOf(details)['retryAfterSeconds']
      throw new ApiError(
        `the watch reports an error: ${String(message ?? reason ?? code)}`,
        typeof code === 'number' ? code : 0,
        typeof reason === 'string' ? reason : undefined,
        typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined,
      )
    }
    default:
      throw new GarbledAnswer('a line of the watch is no event')
  }
}

/** Whether the version or the token that was asked from lies too far back. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone')
}

export function isDenied(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 401 || error.status === 403)
}

/** Whether the same request would be refused again, however often it is made. */
export function isDeadEnd(error: unknown): boolean {
  const mayPass = [401, 403, 408, 429]
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && !mayPass.includes(error.status)
}

export function isGarbled(error: unknown): boolean {
  return error instanceof GarbledAnswer || error instanceof SyntaxError || (error instanceof ApiError && error.status === 0)
}
