// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import accessLists from './features/access-lists.ts'
import backendProtocol from './features/backend-protocol.ts'
import basicAuth from './features/basic-auth.ts'
import buffering from './features/buffering.ts'
import cors from './features/cors.ts'
import externalAuth from './features/external-auth.ts'
import httpVersion from './features/http-version.ts'
import limits from './features/limits.ts'
import nextUpstream from './features/next-upstream.ts'
import proxySsl from './features/proxy-ssl.ts'
import requestBody from './features/request-body.ts'
import satisfy from './features/satisfy.ts'
import serviceUpstream from './features/service-upstream.ts'
import timeouts from './features/timeouts.ts'
import upstreamVhost from './features/upstream-vhost.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  'access-lists': accessLists,
  'backend-protocol': backendProtocol,
  'basic-auth': basicAuth,
  buffering,
  cors,
  'external-auth': externalAuth,
  'http-version': httpVersion,
  limits,
  'next-upstream': nextUpstream,
  'proxy-ssl': proxySsl,
  'request-body': requestBody,
  satisfy,
  'service-upstream': serviceUpstream,
  timeouts,
  'upstream-vhost': upstreamVhost,
}
