/** What the annotations of an Ingress ask for its locations → the model's settings; what they name is looked up here. */
import type { LocationPatch } from '../annotations/patch.ts'
import { spelledIn } from '../annotations/prefixes.ts'
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import type { LocationSettings, ProxyOverrides } from '../model/location-settings.ts'
import type { Options } from '../options.ts'

/** What holds where annotations say nothing. */
export type BufferOptions = Pick<Options, 'proxyBufferSize' | 'proxyBuffersNumber'>

/** Pure; the same patch gives equal settings. */
export function settingsOf(patch: LocationPatch, options: BufferOptions): LocationSettings {
  const { proxy, body } = patch
  return { ...(proxy && { proxy: withoutMisfits(proxy, options) }), ...(body && { body }) }
}

/** What is said of that which the settings leave out. */
export function settingsIssues({ proxy }: LocationPatch, ingress: Ingress, options: BufferOptions): readonly Issue[] {
  const misfits = proxy === undefined ? [] : misfitsIn(proxy, options)
  return misfits.map(({ key, reason }) =>
    issue('invalid-annotation', ingress, { annotation: spelledIn(ingress.annotations, key), message: `${reason}; it has no effect` }),
  )
}

function withoutMisfits(proxy: ProxyOverrides, options: BufferOptions): ProxyOverrides {
  return { ...proxy, ...Object.fromEntries(misfitsIn(proxy, options).map(({ word }) => [word, undefined])) }
}

type Misfit = { readonly word: keyof ProxyOverrides; readonly key: string; readonly reason: string }

/**
 * Sizes that NGINX does not take beside the buffers, of which a part may be the ConfigMap's: it would refuse the whole
 * configuration. Both rules are of the documentation of ngx_http_proxy_module.
 */
function misfitsIn(proxy: ProxyOverrides, options: BufferOptions): readonly Misfit[] {
  const { busyBuffersSize: busy, maxTempFileSize: file } = proxy
  const one = proxy.bufferSize ?? options.proxyBufferSize
  const allButOne = ((proxy.buffersNumber ?? options.proxyBuffersNumber) - 1) * one
  const misfits: Misfit[] = []
  if (busy !== undefined && (busy < one || busy > allButOne))
    misfits.push({
      word: 'busyBuffersSize',
      key: 'proxy-busy-buffers-size',
      reason: `is not from the size of one buffer to that of all but one, ${one} to ${allButOne} bytes`,
    })
  if (file !== undefined && file !== 0 && file < one)
    misfits.push({
      word: 'maxTempFileSize',
      key: 'proxy-max-temp-file-size',
      reason: `is neither 0 nor as large as a buffer, ${one} bytes`,
    })
  return misfits
}
