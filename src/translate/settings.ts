/** What the annotations of an Ingress ask for its locations → the model's settings; what they name is looked up here. */
import type { LocationPatch } from '../annotations/patch.ts'
import type { LocationSettings } from '../model/location-settings.ts'

/** Pure; the same patch gives equal settings. */
export function settingsOf(patch: LocationPatch): LocationSettings {
  const { proxy, body, cors } = patch
  return { ...(proxy && { proxy }), ...(body && { body }), ...(cors && { cors }) }
}
