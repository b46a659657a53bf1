/**
 * How a value is written into nginx.conf: one filter a sink. Each refuses what has no right form there, so that a mistake
 * upstream stops the rendering and never reaches NGINX.
 */
import { authMethods } from '../model/external-auth.ts'
import { nextUpstreamWords } from '../model/http-settings.ts'
import { isLogVariable, isStreamLogVariable } from '../model/log-format.ts'
import {
  backendCiphers as knownBackendCiphers,
  tlsCiphers as knownCiphers,
  tlsCurves as knownCurves,
  tlsProtocols as knownProtocols,
} from '../model/tls-settings.ts'
import { cidr, endpointAddress, listenAddress, nameServer, portSuffix, redirectUrl, unixAddress } from './filters/addresses.ts'
import { blockKey } from './filters/block-keys.ts'
import type { Filter } from './filters/checks.ts'
import {
  aliasedHeaderName,
  certificateKey,
  generatedName,
  generatedPath,
  headerName,
  hostHeader,
  hostName,
  mapKey,
  mediaType,
  objectName,
  owner,
  realIpHeader,
  routedHostKey,
  serverName,
} from './filters/names.ts'
import { expression, formatOf, interpolated, literal, realm, rewriteTarget, template, variableText } from './filters/tokens.ts'
import {
  hexadecimal,
  indentation,
  integer,
  keyword,
  locationModifier,
  onOff,
  percent,
  seconds,
  size,
  strictTransportSecurity,
  variable,
  wordOf,
  wordsOf,
} from './filters/words.ts'

/** Every filter that templates may use; there is none that passes a value as it is. */
export const filters = {
  literal,
  interpolated,
  realm,
  serverName,
  certificateKey,
  routedHostKey,
  hostName,
  locationModifier,
  rewriteTarget,
  redirectUrl,
  integer,
  seconds,
  size,
  onOff,
  variable,
  cidr,
  mediaType,
  tlsProtocol: wordOf('tlsProtocol', knownProtocols),
  tlsCiphers: wordsOf('tlsCiphers', knownCiphers),
  backendCiphers: wordsOf('backendCiphers', knownBackendCiphers),
  tlsCurves: wordsOf('tlsCurves', knownCurves),
  nextUpstream: wordOf('nextUpstream', nextUpstreamWords),
  httpVersion: wordOf('httpVersion', ['1.0', '1.1']),
  logFormat: formatOf('logFormat', isLogVariable),
  streamLogFormat: formatOf('streamLogFormat', isStreamLogVariable),
  template,
  expression,
  authMethod: wordOf('authMethod', authMethods),
  mapKey,
  strictTransportSecurity,
  realIpHeader,
  aliasedHeaderName,
  keyword,
  indentation,
  generatedName,
  generatedPath,
  headerName,
  hostHeader,
  listenAddress,
  unixAddress,
  endpointAddress,
  nameServer,
  portSuffix,
  owner,
  objectName,
  variableText,
  blockKey,
  hexadecimal,
  percent,
} satisfies Readonly<Record<string, Filter>>
