/**
 * What features ask for, by scope. A patch names things of the cluster as the Ingress does; translate looks them up and
 * makes the model's settings of it. Each noun is one feature's or shared by several that set different words of it.
 */
import type { Cors } from '../model/cors.ts'
import type { AuthCache, AuthMethod } from '../model/external-auth.ts'
import type { BodyOverrides, ProxyOverrides } from '../model/location-settings.ts'
import type { RequestUrl } from '../model/request-url.ts'
import type { NamedObject } from '../model/schemas.ts'
import type { Template } from '../model/template.ts'
import type { HeaderName } from '../model/values.ts'

/** For each path of the Ingress. */
export type LocationPatch = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
  readonly externalAuth?: ExternalAuthPatch
  readonly cors?: Cors
}

/** Who is asked for each request whether it may pass, and how. */
export type ExternalAuthPatch = {
  readonly url: RequestUrl
  readonly method: AuthMethod | undefined
  readonly redirect: Template
  readonly signIn: Template | undefined
  readonly responseHeaders: readonly HeaderName[]
  readonly alwaysSetsCookie: boolean
  readonly cache: AuthCache | undefined
  /** A ConfigMap of headers that the request for authentication gets. */
  readonly requestHeaders: NamedObject | undefined
}

/** For the whole host: of several Ingresses, the oldest one that asks for a noun has it. */
export type ServerPatch = Readonly<Record<never, never>>

/** For the upstreams of the Ingress' backends. */
export type UpstreamPatch = {
  /** The Service's cluster IP in place of its endpoints. */
  readonly service?: { readonly byClusterIp: boolean }
}

export const NO_PATCH = {} as const

/** Both; where both set the same word of the same noun, the second has it. Undefined words set nothing. */
export function mergePatches<Patch extends object>(first: Patch, second: Patch): Patch {
  const merged: Record<string, object> = { ...first } as Record<string, object>
  for (const [noun, words] of Object.entries(second) as [string, object | undefined][]) {
    if (words === undefined) continue
    const said = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined))
    merged[noun] = { ...merged[noun], ...said }
  }
  return merged as Patch
}
