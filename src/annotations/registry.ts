// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import backendProtocol from './features/backend-protocol.ts'
import buffering from './features/buffering.ts'
import httpVersion from './features/http-version.ts'
import nextUpstream from './features/next-upstream.ts'
import proxySsl from './features/proxy-ssl.ts'
import requestBody from './features/request-body.ts'
import serviceUpstream from './features/service-upstream.ts'
import timeouts from './features/timeouts.ts'
import upstreamVhost from './features/upstream-vhost.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  'backend-protocol': backendProtocol,
  buffering,
  'http-version': httpVersion,
  'next-upstream': nextUpstream,
  'proxy-ssl': proxySsl,
  'request-body': requestBody,
  'service-upstream': serviceUpstream,
  timeouts,
  'upstream-vhost': upstreamVhost,
}
