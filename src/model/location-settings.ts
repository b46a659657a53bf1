/** What a location does otherwise than the http block says. A word that is undefined is as there. Bytes and seconds. */
import type { AccessOverrides, BasicAuthSettings, SatisfySettings } from './access.ts'
import type { Cors } from './cors.ts'
import type { ExternalAuth } from './external-auth.ts'
import type { NextUpstream } from './http-settings.ts'
import type { LimitSettings } from './limits.ts'
import type { RewriteTarget } from './redirect.ts'

export type LocationSettings = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
  readonly access?: AccessOverrides
  readonly satisfy?: SatisfySettings
  readonly basicAuth?: BasicAuthSettings
  readonly limits?: LimitSettings
  readonly externalAuth?: ExternalAuth
  readonly cors?: Cors
  /** What the backend is asked for in place of the path; the match is an expression then. */
  readonly rewrite?: RewriteTarget
}

/** Every word of a noun, for views to be whole: a word that is new and not listed does not compile. */
type Words<Noun> = { readonly [Word in keyof Noun]-?: true }

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

export const proxyWords: Words<ProxyOverrides> = {
  connectTimeout: true,
  readTimeout: true,
  sendTimeout: true,
  buffering: true,
  bufferSize: true,
  buffersNumber: true,
  busyBuffersSize: true,
  maxTempFileSize: true,
  httpVersion: true,
  nextUpstream: true,
  nextUpstreamTries: true,
  nextUpstreamTimeout: true,
}

/** What becomes of the body of a request. */
export type BodyOverrides = {
  /** 0 for no limit. */
  readonly maxSize?: number | undefined
  readonly bufferSize?: number | undefined
  /** Whether it is read whole before the backend gets any of it. */
  readonly buffering?: boolean | undefined
}

export const bodyWords: Words<BodyOverrides> = { maxSize: true, bufferSize: true, buffering: true }
