/**
 * What features ask for, by scope. A patch names things of the cluster as the Ingress does; translate looks them up and
 * makes the model's settings of it. Each noun is one feature's or shared by several that set different words of it.
 */
import type { VariableText } from '../model/balancing.ts'
import type { BodyOverrides, ProxyOverrides } from '../model/location-settings.ts'
import type { CookieName, CookiePath, HeaderName, HeaderPattern, HeaderValue, ServerName } from '../model/values.ts'

/** For each path of the Ingress. */
export type LocationPatch = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
}

/** For the whole host: of several Ingresses, the oldest one that asks for a noun has it. */
export type ServerPatch = Readonly<Record<never, never>>

/** For the upstreams of the Ingress' backends. */
export type UpstreamPatch = {
  /** The Service's cluster IP in place of its endpoints. */
  readonly service?: { readonly byClusterIp: boolean }
  /** How an endpoint is chosen; the hash comes first. */
  readonly balance?: {
    readonly method?: 'round-robin' | 'least-connections' | undefined
    readonly hashBy?: VariableText | undefined
  }
  readonly affinity?: AffinityPatch
  readonly canary?: CanaryPatch
}

/** Sessions by cookie; comes before `balance`. */
export type AffinityPatch = {
  readonly isOn?: boolean | undefined
  readonly mode?: 'balanced' | 'persistent' | undefined
  /** Whether a client stays with the main backend, or with the canary, that it was once sent to. */
  readonly canaries?: 'sticky' | 'legacy' | undefined
  readonly cookieName?: CookieName | undefined
  readonly cookiePath?: CookiePath | undefined
  /** Seconds. */
  readonly maxAge?: number | undefined
  readonly domain?: ServerName | undefined
  readonly secure?: boolean | undefined
  readonly sameSite?: 'None' | 'Lax' | 'Strict' | undefined
  readonly conditionalSameSiteNone?: boolean | undefined
  readonly changeOnFailure?: boolean | undefined
}

/** The backends of the Ingress are for some of the requests of another's paths. */
export type CanaryPatch = {
  readonly isOn?: boolean | undefined
  readonly weight?: number | undefined
  readonly weightTotal?: number | undefined
  readonly header?: HeaderName | undefined
  readonly headerValue?: HeaderValue | undefined
  readonly headerPattern?: HeaderPattern | undefined
  readonly cookie?: CookieName | undefined
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
