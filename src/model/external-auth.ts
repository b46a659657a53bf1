/** A request to another server that decides, for each request of a location, whether it may pass. */
import type { Template } from './template.ts'
import type { GeneratedName, HeaderName } from './values.ts'

/** CONNECT and TRACE, which no server answers as others, are not among them. */
export const authMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type AuthMethod = (typeof authMethods)[number]

/** 2xx lets the request pass, 401 and 403 are given to the client, and any other answer, or none, is 500. */
export type ExternalAuth = {
  /** Stands for all that follows, and for the place where answers are kept: equal names, equal requests. */
  readonly name: GeneratedName
  readonly upstream: GeneratedName
  readonly scheme: 'http' | 'https'
  /** The Host header, and the server name over TLS. */
  readonly host: Template
  readonly path: Template
  readonly query: Template | undefined
  /** Undefined for GET. */
  readonly method: AuthMethod | undefined
  /** Set on the request beside, or in place of, the usual headers. */
  readonly requestHeaders: readonly HeaderTemplate[]
  /** What X-Auth-Request-Redirect says. */
  readonly redirect: Template
  /** Where clients are sent that get 401; undefined for nowhere. */
  readonly signIn: Template | undefined
  /** Headers of the answer that the backend gets, in place of the client's own. */
  readonly responseHeaders: readonly HeaderName[]
  /** Whether a Set-Cookie of the answer goes to the client with errors too. */
  readonly alwaysSetsCookie: boolean
  /** How long answers are kept; undefined for not at all. */
  readonly cache: AuthCache | undefined
}

export type HeaderTemplate = { readonly name: HeaderName; readonly value: Template }

export type AuthCache = {
  /** Requests for which it is the same get the same answer; where it is empty they are asked for each. */
  readonly key: Template
  readonly validity: readonly CacheValidity[]
}

/** Without statuses: 200, 301 and 302. */
export type CacheValidity = { readonly statuses: readonly number[]; readonly seconds: number }
