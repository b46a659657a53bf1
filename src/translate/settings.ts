/** What the annotations of an Ingress ask for its locations → the model's settings; what they name is looked up here. */
import type { LocationPatch } from '../annotations/patch.ts'
import type { LocationSettings } from '../model/location-settings.ts'
import { type BufferOptions, withoutMisfits } from './buffers.ts'

/** Pure; the same patch gives equal settings. */
export function settingsOf(patch: LocationPatch, options: BufferOptions): LocationSettings {
  const { proxy, body } = patch
  return { ...(proxy && { proxy: withoutMisfits(proxy, options) }), ...(body && { body }) }
}
