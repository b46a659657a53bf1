/**
 * What features ask for, by scope. A patch names things of the cluster as the Ingress does; translate looks them up and
 * makes the model's settings of it. Each noun is one feature's or shared by several that set different words of it.
 */
import type { BodyOverrides, ProxyOverrides } from '../model/location-settings.ts'
import type { LocalPath, RedirectStatus, RedirectTarget, RewriteTarget } from '../model/redirect.ts'

/** For each path of the Ingress. */
export type LocationPatch = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
  /** Paths that are expressions, and what takes their place. */
  readonly rewrite?: {
    readonly target?: { readonly to: RewriteTarget; readonly reach: RegexReach } | undefined
    readonly regex?: RegexReach | undefined
  }
  /** In place of the backend's answer. */
  readonly redirect?: { readonly status: RedirectStatus; readonly to: RedirectTarget }
  /** Of plain http: where the host has TLS, and whether it has or not. */
  readonly httpsRedirect?: { readonly withTls?: boolean | undefined; readonly always?: boolean | undefined }
}

/** Whose paths become expressions: those of all Ingresses of the host, as in ingress-nginx, or those of the Ingress that asks. */
export type RegexReach = 'host' | 'own'

/** For the whole host: of several Ingresses, the oldest one that asks for a noun has it. */
export type ServerPatch = {
  /** Where / of the host is redirected to. */
  readonly appRoot?: { readonly path: LocalPath }
  /** The name with or without www. in front. */
  readonly www?: { readonly redirects: boolean }
}

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
