/** Buffers of annotations beside those of the ConfigMap: NGINX refuses a whole configuration for sizes that do not go together. */
import { spelledUnder } from '../annotations/prefixes.ts'
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import type { ProxyOverrides } from '../model/location-settings.ts'
import type { Options } from '../options.ts'

/** What holds where annotations say nothing. */
export type BufferOptions = Pick<Options, 'proxyBufferSize' | 'proxyBuffersNumber'>

/** The overrides without what NGINX would not take. */
export function withoutMisfits(proxy: ProxyOverrides, options: BufferOptions): ProxyOverrides {
  return { ...proxy, ...Object.fromEntries(misfitsIn(proxy, options).map(({ word }) => [word, undefined])) }
}

/** What is said of it. */
export function misfitIssues(proxy: ProxyOverrides, ingress: Ingress, options: BufferOptions): readonly Issue[] {
  return misfitsIn(proxy, options).map(({ key, reason }) =>
    issue('invalid-annotation', ingress, { annotation: spelledUnder(ingress.annotations, key), message: `${reason}; it has no effect` }),
  )
}

type Misfit = { readonly word: keyof ProxyOverrides; readonly key: string; readonly reason: string }

/** Both rules are of the documentation of ngx_http_proxy_module. */
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
