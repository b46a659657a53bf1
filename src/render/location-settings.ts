/** The settings of a location → their views: every word is there, undefined for those that are as in the http block. */
import type { HttpSettings } from '../model/http-settings.ts'
import { type BodyOverrides, bodyWords, type LocationSettings, type ProxyOverrides, proxyWords } from '../model/location-settings.ts'
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
  return { ...whole(proxy, proxyWords), buffers: hasBuffers ? { number: buffersNumber, size: bufferSize } : undefined }
}

function bodyView(body: BodyOverrides) {
  return whole(body, bodyWords)
}

/** The noun with all its words; templates throw where one is not even undefined. */
function whole<Noun extends object>(noun: Noun, words: Readonly<Record<keyof Noun, true>>): Required<Noun> {
  return Object.fromEntries(Object.keys(words).map((word) => [word, noun[word as keyof Noun]])) as Required<Noun>
}
