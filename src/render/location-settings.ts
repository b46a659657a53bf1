/** The settings of a location → their views: every word is there, undefined for those that are as in the http block. */
import type { HttpSettings } from '../model/http-settings.ts'
import type { BodyOverrides, LocationSettings, ProxyOverrides } from '../model/location-settings.ts'
import { accessView } from './access.ts'
import { corsView } from './cors.ts'
import { authRequestView } from './external-auth.ts'

/** What the macros of location-settings.njk and its siblings print, a noun each. */
export function locationSettingsView(settings: LocationSettings, http: HttpSettings) {
  const { proxy, body, externalAuth, cors } = settings
  return {
    proxy: proxy && proxyView(proxy, http),
    body: body && bodyView(body),
    ...accessView(settings, http),
    externalAuth: externalAuth && authRequestView(externalAuth, http),
    cors: cors && corsView(cors),
  }
}

/** `proxy_buffers` says two things at once, so one of them takes the other along. */
function proxyView(proxy: ProxyOverrides, http: HttpSettings) {
  const { bufferSize = http.proxy.bufferSize, buffersNumber = http.proxy.buffersNumber } = proxy
  const hasBuffers = proxy.bufferSize !== undefined || proxy.buffersNumber !== undefined
  return {
    connectTimeout: proxy.connectTimeout,
    readTimeout: proxy.readTimeout,
    sendTimeout: proxy.sendTimeout,
    buffering: proxy.buffering,
    bufferSize: proxy.bufferSize,
    buffers: hasBuffers ? { number: buffersNumber, size: bufferSize } : undefined,
    busyBuffersSize: proxy.busyBuffersSize,
    maxTempFileSize: proxy.maxTempFileSize,
    httpVersion: proxy.httpVersion,
    nextUpstream: proxy.nextUpstream,
    nextUpstreamTries: proxy.nextUpstreamTries,
    nextUpstreamTimeout: proxy.nextUpstreamTimeout,
  }
}

function bodyView({ maxSize, bufferSize, buffering }: BodyOverrides) {
  return { maxSize, bufferSize, buffering }
}
