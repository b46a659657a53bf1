/** Another server decides, for each request, whether it may pass. */
import { authRequestOf, authRequestSchemas as schemas } from '../../model/auth-request.ts'
import { namedObject } from '../../model/schemas.ts'
import { annotation, defineFeature, refuse } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'high',
  onInvalid: 'unavailable',
  annotations: {
    'auth-url': annotation({
      value: schemas.url,
      summary:
        'Asked for each request: 2xx lets it pass, 401 and 403 go to the client, anything else is 500. `$host` as the host is what serves the path on this very host.',
      example: 'http://oauth2-proxy.auth.svc.cluster.local:4180/oauth2/auth',
      ingressNginx: {
        verdict: 'better',
        difference:
          'A Service of the cluster, and a path of the same host, are asked directly and need no DNS; other names need NGINX 1.27.3 and are guarded as ExternalName is. Variables are of a list, and none stands within the host or, if it can hold a query, in the path. What cannot be asked answers 503.',
      },
    }),
    'auth-method': annotation({
      value: schemas.method,
      summary: 'Method of that request.',
      example: 'GET',
      ingressNginx: { verdict: 'approximated', difference: 'Neither CONNECT nor TRACE.' },
    }),
    'auth-signin': annotation({
      value: schemas.signIn,
      summary: 'Where clients are redirected in place of a 401, with the URL they asked for as a parameter.',
      example: 'https://auth.example.com/oauth2/start?rd=$escaped_request_uri',
      ingressNginx: {
        verdict: 'approximated',
        difference:
          'Of a request URI with more than 32 characters that a query must escape, the path is kept, or nothing where even that has some; escapes of non-ASCII characters stay as they are.',
      },
    }),
    'auth-signin-redirect-param': annotation({
      value: schemas.signInParameter,
      summary: 'Name of the parameter with the URL that was asked for.',
      example: 'rd',
      ingressNginx: 'same',
    }),
    'auth-response-headers': annotation({
      value: schemas.responseHeaders,
      summary: "Headers of the answer that the backend gets; the client's own of these names never pass.",
      example: 'X-Auth-Request-User, X-Auth-Request-Email',
      ingressNginx: {
        verdict: 'approximated',
        difference:
          'Headers that frame a message, those that are set here on every request, and names of more than 40 characters, are refused.',
      },
    }),
    'auth-request-redirect': annotation({
      value: schemas.requestRedirect,
      summary: 'X-Auth-Request-Redirect of the request, in place of the URI that was asked for.',
      example: 'https://$host$request_uri',
      ingressNginx: { verdict: 'better', difference: 'A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-cache-key': annotation({
      value: schemas.cacheKey,
      summary: 'Keeps answers, for each value of these variables: cookies, headers, arguments.',
      example: '$cookie_session$http_authorization',
      ingressNginx: {
        verdict: 'better',
        difference: 'Requests for which it is empty are asked for each, where they shared one answer.',
      },
    }),
    'auth-cache-duration': annotation({
      value: schemas.cacheDurations,
      summary: 'For how long answers are kept, by status.',
      example: '200 202 10m, 401 1m',
      ingressNginx: { verdict: 'better', difference: 'At most a week. A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-always-set-cookie': annotation({
      value: schemas.alwaysSetsCookie,
      summary: "Whether a Set-Cookie of the answer goes to the client with the backend's errors too.",
      example: 'true',
      ingressNginx: { verdict: 'better', difference: 'A wrong value answers 503, where it switched authentication off.' },
    }),
    'auth-proxy-set-headers': annotation({
      value: namedObject,
      summary: 'ConfigMap with headers for that request; values may have variables.',
      example: 'auth-headers',
      ingressNginx: { verdict: 'approximated', difference: 'Of the namespace of the Ingress; variables are of a list.' },
    }),
  },
  apply: (values) => {
    const { authUrl: url } = values
    // Somebody meant to keep people out: served without, the routes would be open.
    if (url === undefined) return refuse('auth-url', 'is not there, and what stands beside it means nothing without')
    const request = authRequestOf({
      url,
      method: values.authMethod,
      signIn: values.authSignin,
      signInParameter: values.authSigninRedirectParam,
      responseHeaders: values.authResponseHeaders,
      requestRedirect: values.authRequestRedirect,
      cacheKey: values.authCacheKey,
      cacheDurations: values.authCacheDuration,
      alwaysSetsCookie: values.authAlwaysSetCookie,
    })
    return { externalAuth: { ...request, requestHeaders: values.authProxySetHeaders } }
  },
})
