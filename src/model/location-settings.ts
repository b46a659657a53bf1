/** What a location does otherwise than the http block says. A word that is undefined is as there. Bytes and seconds. */
import type { NextUpstream } from './http-settings.ts'
import type { RewriteTarget } from './redirect.ts'

export type LocationSettings = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
  /** What the backend is asked for in place of the path; the match is an expression then. */
  readonly rewrite?: RewriteTarget
}

/** How requests are passed to a backend, and its answers back. */
export type ProxyOverrides = {
  readonly connectTimeout?: number | undefined
  readonly readTimeout?: number | undefined
  readonly sendTimeout?: number | undefined
  readonly buffering?: boolean | undefined
  readonly bufferSize?: number | undefined
  readonly buffersNumber?: number | undefined
  readonly busyBuffersSize?: number | undefined
  /** 0 for none. */
  readonly maxTempFileSize?: number | undefined
  readonly httpVersion?: '1.0' | '1.1' | undefined
  readonly nextUpstream?: readonly NextUpstream[] | undefined
  readonly nextUpstreamTries?: number | undefined
  readonly nextUpstreamTimeout?: number | undefined
}

/** What becomes of the body of a request. */
export type BodyOverrides = {
  /** 0 for no limit. */
  readonly maxSize?: number | undefined
  readonly bufferSize?: number | undefined
  /** Whether it is read whole before the backend gets any of it. */
  readonly buffering?: boolean | undefined
}
