// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import buffering from './features/buffering.ts'
import cors from './features/cors.ts'
import externalAuth from './features/external-auth.ts'
import httpVersion from './features/http-version.ts'
import nextUpstream from './features/next-upstream.ts'
import requestBody from './features/request-body.ts'
import serviceUpstream from './features/service-upstream.ts'
import timeouts from './features/timeouts.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  buffering,
  cors,
  'external-auth': externalAuth,
  'http-version': httpVersion,
  'next-upstream': nextUpstream,
  'request-body': requestBody,
  'service-upstream': serviceUpstream,
  timeouts,
}
