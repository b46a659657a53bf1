// Written by `npm run generate` from the files of features/.
import type { Feature } from './define.ts'
import appRoot from './features/app-root.ts'
import buffering from './features/buffering.ts'
import httpVersion from './features/http-version.ts'
import httpsRedirect from './features/https-redirect.ts'
import nextUpstream from './features/next-upstream.ts'
import redirect from './features/redirect.ts'
import requestBody from './features/request-body.ts'
import rewrite from './features/rewrite.ts'
import serviceUpstream from './features/service-upstream.ts'
import timeouts from './features/timeouts.ts'
import wwwRedirect from './features/www-redirect.ts'

/** Every feature, by the name of its file. */
export const features: Readonly<Record<string, Feature>> = {
  'app-root': appRoot,
  buffering,
  'http-version': httpVersion,
  'https-redirect': httpsRedirect,
  'next-upstream': nextUpstream,
  redirect,
  'request-body': requestBody,
  rewrite,
  'service-upstream': serviceUpstream,
  timeouts,
  'www-redirect': wwwRedirect,
}
