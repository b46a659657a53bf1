// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import buffering from './features/buffering.ts'
import canary from './features/canary.ts'
import canaryRules from './features/canary-rules.ts'
import httpVersion from './features/http-version.ts'
import loadBalancing from './features/load-balancing.ts'
import nextUpstream from './features/next-upstream.ts'
import requestBody from './features/request-body.ts'
import serviceUpstream from './features/service-upstream.ts'
import sessionAffinity from './features/session-affinity.ts'
import timeouts from './features/timeouts.ts'
import upstreamHash from './features/upstream-hash.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  buffering,
  canary,
  'canary-rules': canaryRules,
  'http-version': httpVersion,
  'load-balancing': loadBalancing,
  'next-upstream': nextUpstream,
  'request-body': requestBody,
  'service-upstream': serviceUpstream,
  'session-affinity': sessionAffinity,
  timeouts,
  'upstream-hash': upstreamHash,
}
