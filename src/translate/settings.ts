/** What the annotations of an Ingress ask for its locations → the model's settings; what they name is looked up here. */
import type { LocationPatch } from '../annotations/patch.ts'
import type { Ingress } from '../cluster/objects.ts'
import type { Issue } from '../model/issue.ts'
import type { LimitZone } from '../model/limits.ts'
import type { LocationSettings } from '../model/location-settings.ts'
import type { SecretFile } from '../model/model.ts'
import { basicAuthOf } from './basic-auth.ts'
import { type BufferOptions, withoutMisfits } from './buffers.ts'
import { limitsOf } from './limits.ts'
import type { Lookup } from './lookup.ts'

/** Settings, and what they need beside their location. */
export type FoundSettings = {
  readonly settings: LocationSettings
  /** Something that keeps people out cannot be built: nobody is served. */
  readonly isClosed: boolean
  readonly secretFiles: readonly SecretFile[]
  readonly limitZones: readonly LimitZone[]
  readonly issues: readonly Issue[]
}

/** Of a location that nobody's annotations speak of. */
export const NO_SETTINGS: FoundSettings = { settings: {}, isClosed: false, secretFiles: [], limitZones: [], issues: [] }

/** Whose patch it is, and whether its location is one that people may be asked to log in for. */
export type SettingsAsker = { readonly ingress: Ingress; readonly canAuthenticate: boolean }

/** Pure; the same patch and objects give equal settings. */
export function settingsOf(
  patch: LocationPatch,
  { ingress, canAuthenticate }: SettingsAsker,
  lookup: Lookup,
  options: BufferOptions,
): FoundSettings {
  const { proxy, body, access, satisfy, cors } = patch
  const basicAuth = patch.basicAuth && canAuthenticate ? basicAuthOf(patch.basicAuth, ingress, lookup) : undefined
  const limits = patch.limits && limitsOf(patch.limits, ingress)
  return {
    settings: {
      ...(proxy && { proxy: withoutMisfits(proxy, options) }),
      ...(body && { body }),
      ...(access && { access }),
      ...(satisfy && { satisfy }),
      ...(basicAuth?.kind === 'found' && { basicAuth: basicAuth.settings }),
      ...(limits && { limits: limits.settings }),
      ...(cors && { cors }),
    },
    isClosed: basicAuth?.kind === 'missing',
    secretFiles: basicAuth?.kind === 'found' ? [basicAuth.file] : [],
    limitZones: limits?.zones ?? [],
    issues: basicAuth?.issues ?? [],
  }
}
