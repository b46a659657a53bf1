/**
 * What features ask for, by scope. A patch names things of the cluster as the Ingress does; translate looks them up and
 * makes the model's settings of it. Each noun is one feature's or shared by several that set different words of it.
 */
import type { AccessOverrides, SatisfySettings } from '../model/access.ts'
import type { AuthRequest } from '../model/auth-request.ts'
import type { VariableText } from '../model/balancing.ts'
import type { Cors } from '../model/cors.ts'
import type { BodyOverrides, ProxyOverrides } from '../model/location-settings.ts'
import type { BackendProtocol } from '../model/model.ts'
import type { LocalPath, RedirectStatus, RedirectTarget, RewriteTarget } from '../model/redirect.ts'
import type { NamedObject } from '../model/schemas.ts'
import type { BackendCipher, TlsProtocol } from '../model/tls-settings.ts'
import type { Cidr, CookieName, CookiePath, HeaderName, HeaderPattern, HeaderValue, HostTemplate, ServerName } from '../model/values.ts'

/** For each path of the Ingress. */
export type LocationPatch = {
  readonly proxy?: ProxyOverrides
  readonly body?: BodyOverrides
  readonly access?: AccessOverrides
  readonly satisfy?: SatisfySettings
  readonly basicAuth?: BasicAuthPatch
  readonly limits?: LimitPatch
  readonly backend?: BackendPatch
  readonly backendTls?: BackendTlsPatch
  readonly externalAuth?: ExternalAuthPatch
  /** Whether the server that is asked for all hosts is asked here too. */
  readonly globalAuth?: { readonly isWanted: boolean | undefined }
  readonly cors?: Cors
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

/** Users and passwords of a Secret. Without `isWanted` nobody is asked for them. */
export type BasicAuthPatch = {
  readonly isWanted?: boolean | undefined
  readonly secret?: NamedObject | undefined
  /** `file`: lines of `user:hash` under the key `auth`; `map`: each key a user, its value the hash. */
  readonly format?: 'file' | 'map' | undefined
  readonly realm?: string | undefined
}

/** What a client may do, counted over all paths of the Ingress. */
export type LimitPatch = {
  readonly perSecond?: number | undefined
  readonly perMinute?: number | undefined
  readonly connections?: number | undefined
  /** Of the rate: as many requests may come at once. */
  readonly burstMultiplier?: number | undefined
  /** Whose requests are not counted. */
  readonly exempt?: readonly Cidr[] | undefined
}

/** How backends are spoken to. */
export type BackendPatch = {
  /** `as-client`: over TLS where the client came over TLS. Undefined for what the Service says. */
  readonly protocol?: BackendProtocol | 'as-client' | undefined
  readonly host?: HostTemplate | undefined
}

/** TLS towards backends. The Secret has `ca.crt`, or `tls.crt` and `tls.key`, or all three. */
export type BackendTlsPatch = {
  readonly secret?: NamedObject | undefined
  readonly verify?: boolean | undefined
  readonly depth?: number | undefined
  readonly name?: ServerName | undefined
  readonly sendsName?: boolean | undefined
  readonly protocols?: readonly TlsProtocol[] | undefined
  readonly ciphers?: readonly BackendCipher[] | undefined
}

/** Who is asked for each request whether it may pass, and how. */
export type ExternalAuthPatch = AuthRequest & {
  /** A ConfigMap of headers that the request for authentication gets. */
  readonly requestHeaders: NamedObject | undefined
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
