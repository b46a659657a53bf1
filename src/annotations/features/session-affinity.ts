/** Clients that come back to the endpoint they had, by a cookie. */
import { boolean, fromText, integer, oneOf, oneOfAnyCase, signedInteger } from '../../model/schemas.ts'
import { type Parsed, parseCookieName, parseCookiePath, parseServerName, type ServerName } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

const MOST_SECONDS = 2 ** 31 - 1

/** Browsers take `.shop.test` for `shop.test`: RFC 6265 section 5.2.3. */
function parseCookieDomain(given: string): Parsed<ServerName> {
  return parseServerName(given.replace(/^\./, '').toLowerCase())
}

export default defineFeature({
  scope: 'upstream',
  risk: 'medium',
  onInvalid: 'default',
  annotations: {
    affinity: annotation({
      value: oneOf('cookie'),
      summary: 'With cookie, a client keeps its endpoint by a cookie that it is given with the first answer.',
      example: 'cookie',
      ingressNginx: {
        verdict: 'better',
        difference:
          'Ingresses that ask otherwise for one Service each get what they ask for, where the first one seen decided for all. Cookies of ingress-nginx are not understood: a session may move to another endpoint once.',
      },
    }),
    'affinity-mode': annotation({
      value: oneOf('balanced', 'persistent'),
      summary:
        'With balanced, some sessions move when endpoints come or go; with persistent, a session stays for as long as its endpoint is there.',
      example: 'persistent',
      ingressNginx: { verdict: 'approximated', difference: 'persistent needs NGINX 1.29.6; before that it is balanced.' },
    }),
    'affinity-canary-behavior': annotation({
      value: oneOf('sticky', 'legacy'),
      summary:
        'With sticky, a client that was once sent to the canary, or to the main backend, stays there; with legacy, it is chosen anew each time. Of the canary, or else of the main Ingress.',
      example: 'legacy',
      ingressNginx: { verdict: 'better', difference: 'The main Ingress may say it for all of its canaries.' },
    }),
    'session-cookie-name': annotation({
      value: fromText(parseCookieName),
      summary: 'Name of the cookie.',
      example: 'route',
      ingressNginx: { verdict: 'approximated', difference: 'Without : and /, which cookies cannot have in their names.' },
    }),
    'session-cookie-path': annotation({
      value: fromText(parseCookiePath),
      summary: 'Path of the cookie; the path of the rule where it is not given.',
      example: '/',
      ingressNginx: 'same',
    }),
    'session-cookie-max-age': annotation({
      value: integer(0, MOST_SECONDS),
      summary: 'How long the cookie is kept, in seconds.',
      example: '172800',
      ingressNginx: 'same',
    }),
    'session-cookie-expires': annotation({
      value: signedInteger(-MOST_SECONDS, MOST_SECONDS),
      summary: 'The same; session-cookie-max-age counts where both are there, as in browsers.',
      example: '172800',
      ingressNginx: { verdict: 'approximated', difference: 'Said to the browser as Max-Age, which all of today understand.' },
    }),
    'session-cookie-samesite': annotation({
      value: oneOfAnyCase('None', 'Lax', 'Strict'),
      summary: 'SameSite of the cookie: None, Lax or Strict.',
      example: 'Lax',
      ingressNginx: 'same',
    }),
    'session-cookie-conditional-samesite-none': annotation({
      value: boolean,
      summary: 'Leaves SameSite=None out for browsers that take it for Strict.',
      example: 'true',
      ingressNginx: 'same',
    }),
    'session-cookie-domain': annotation({
      value: fromText(parseCookieDomain),
      summary: 'Domain of the cookie; just this host where it is not given.',
      example: 'shop.example.com',
      ingressNginx: 'same',
    }),
    'session-cookie-secure': annotation({
      value: boolean,
      summary: 'Whether the cookie is for https only; so over https, where it is not given.',
      example: 'true',
      ingressNginx: 'same',
    }),
    'session-cookie-change-on-failure': annotation({
      value: boolean,
      summary: 'Whether a session whose endpoint fails stays with the one that answered instead.',
      example: 'true',
      ingressNginx: {
        verdict: 'better',
        difference: 'Where it is false too, the request itself is tried on another endpoint; it is the next ones that go back.',
      },
    }),
  },
  apply: (values) => ({
    affinity: {
      isOn: values.affinity === undefined ? undefined : true,
      mode: values.affinityMode,
      canaries: values.affinityCanaryBehavior,
      cookieName: values.sessionCookieName,
      cookiePath: values.sessionCookiePath,
      maxAge: values.sessionCookieMaxAge ?? values.sessionCookieExpires,
      sameSite: values.sessionCookieSamesite,
      conditionalSameSiteNone: values.sessionCookieConditionalSamesiteNone,
      domain: values.sessionCookieDomain,
      secure: values.sessionCookieSecure,
      changeOnFailure: values.sessionCookieChangeOnFailure,
    },
  }),
})
