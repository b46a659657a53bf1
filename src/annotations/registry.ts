// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import accessLists from './features/access-lists.ts'
import appRoot from './features/app-root.ts'
import backendProtocol from './features/backend-protocol.ts'
import basicAuth from './features/basic-auth.ts'
import buffering from './features/buffering.ts'
import canary from './features/canary.ts'
import canaryRules from './features/canary-rules.ts'
import cors from './features/cors.ts'
import externalAuth from './features/external-auth.ts'
import globalAuth from './features/global-auth.ts'
import httpVersion from './features/http-version.ts'
import httpsRedirect from './features/https-redirect.ts'
import limits from './features/limits.ts'
import loadBalancing from './features/load-balancing.ts'
import nextUpstream from './features/next-upstream.ts'
import proxySsl from './features/proxy-ssl.ts'
import redirect from './features/redirect.ts'
import requestBody from './features/request-body.ts'
import rewrite from './features/rewrite.ts'
import satisfy from './features/satisfy.ts'
import serviceUpstream from './features/service-upstream.ts'
import sessionAffinity from './features/session-affinity.ts'
import timeouts from './features/timeouts.ts'
import upstreamHash from './features/upstream-hash.ts'
import upstreamVhost from './features/upstream-vhost.ts'
import wwwRedirect from './features/www-redirect.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  'access-lists': accessLists,
  'app-root': appRoot,
  'backend-protocol': backendProtocol,
  'basic-auth': basicAuth,
  buffering,
  canary,
  'canary-rules': canaryRules,
  cors,
  'external-auth': externalAuth,
  'global-auth': globalAuth,
  'http-version': httpVersion,
  'https-redirect': httpsRedirect,
  limits,
  'load-balancing': loadBalancing,
  'next-upstream': nextUpstream,
  'proxy-ssl': proxySsl,
  redirect,
  'request-body': requestBody,
  rewrite,
  satisfy,
  'service-upstream': serviceUpstream,
  'session-affinity': sessionAffinity,
  timeouts,
  'upstream-hash': upstreamHash,
  'upstream-vhost': upstreamVhost,
  'www-redirect': wwwRedirect,
}
