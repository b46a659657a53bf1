/**
 * Annotations that ingress-nginx has or had, or that people write by mistake, and that are no feature here: what is said
 * of each, and what becomes of the route. A name leaves this list when it gets a feature.
 */

export type OtherName = {
  /** `not yet`: work that is planned. `needs`: a stock NGINX cannot. `never`: and what to use instead, where there is something. */
  readonly verdict: 'not yet' | 'needs' | 'never'
  /** Ends the sentence that begins with the annotation, and says what happens meanwhile. */
  readonly message: string
  /** The values that ask for nothing, ingress-nginx's default among them. */
  readonly idle: readonly string[]
  /** Keeps somebody out, or may: the route answers 503 rather than be served without. */
  readonly protects: boolean
}

type Extra = Partial<Pick<OtherName, 'idle' | 'protects'>>

function other(verdict: OtherName['verdict'], message: string, { idle = [], protects = false }: Extra = {}): OtherName {
  const meanwhile = protects ? 'requests get 503 rather than pass unchecked' : 'it has no effect'
  return { verdict, message: `${message}; ${meanwhile}`, idle, protects }
}

const notYet = (message: string, extra?: Extra) => other('not yet', message, extra)
const needs = (message: string, extra?: Extra) => other('needs', message, extra)
const never = (message: string, extra?: Extra) => other('never', message, extra)
const all = (names: readonly string[], entry: OtherName) => Object.fromEntries(names.map((name) => [name, entry]))

const OFF: Extra = { idle: ['false'] }
const PROTECTS: Extra = { protects: true }
const CONFIG_MAP = "is a key of the controller's ConfigMap and was never an annotation; set it there"
const SNIPPET = 'would put text into the configuration unread, which is never done'

export const otherNames: Readonly<Record<string, OtherName>> = {
  // Planned
  'ssl-passthrough': notYet('waits for passthrough by server name; TLS ends here', OFF),
  ...all(
    ['auth-tls-secret', 'auth-tls-verify-client', 'auth-tls-verify-depth', 'auth-tls-match-cn'],
    notYet('waits for client certificates', PROTECTS),
  ),
  ...all(
    ['auth-tls-pass-certificate-to-upstream', 'auth-tls-error-page'],
    notYet('waits for client certificates', { idle: ['false'], protects: true }),
  ),
  ...all(['custom-http-errors', 'default-backend', 'disable-proxy-intercept-errors'], notYet('waits for error pages', OFF)),
  ...all(['mirror-target', 'mirror-host', 'mirror-request-body'], notYet('waits for mirrored requests')),
  'server-alias': notYet('waits for further names of a host; write a rule for each name instead'),
  ...all(['fastcgi-index', 'fastcgi-params-configmap'], notYet('waits for FastCGI backends')),
  ...all(['enable-opentelemetry', 'opentelemetry-operation-name', 'opentelemetry-trust-incoming-span'], notYet('waits for tracing', OFF)),
  'custom-headers': notYet('waits for response headers from ConfigMaps'),
  'x-forwarded-prefix': notYet('waits for further request headers'),
  'connection-proxy-header': notYet('waits for further request headers'),
  ...all(['limit-rate', 'limit-rate-after'], notYet('waits for limits of bandwidth', { idle: ['0'] })),
  ...all(
    ['proxy-cookie-domain', 'proxy-cookie-path', 'proxy-redirect-from', 'proxy-redirect-to'],
    notYet('waits for changes to response headers', { idle: ['off', 'default'] }),
  ),
  ...all(['enable-access-log', 'enable-rewrite-log'], notYet('waits for logs by location', { idle: ['true', 'false'] })),
  ...all(['relative-redirects', 'use-port-in-redirects', 'preserve-trailing-slash'], notYet('waits for further redirects', OFF)),
  'ssl-ciphers': notYet('waits for TLS settings by host; the ConfigMap has them for all hosts'),
  ...all(
    ['auth-keepalive', 'auth-keepalive-requests', 'auth-keepalive-timeout', 'auth-keepalive-share-vars'],
    notYet('waits for connections that are kept to an authentication service'),
  ),

  // What a stock NGINX lacks
  ...all(
    ['enable-modsecurity', 'enable-owasp-core-rules', 'modsecurity-transaction-id'],
    needs('needs the ModSecurity module', { idle: ['false'], protects: true }),
  ),
  ...all(
    ['upstream-hash-by-subset', 'upstream-hash-by-subset-size'],
    needs('needs a balancer that chooses among a part of the endpoints; upstream-hash-by without it comes closest', OFF),
  ),
  ...all(
    ['global-rate-limit', 'global-rate-limit-window', 'global-rate-limit-key', 'global-rate-limit-ignored-cidrs'],
    needs(
      'needs a store that replicas share, and was removed from ingress-nginx; limit-rps divided by the number of replicas comes closest',
    ),
  ),

  // Text for the configuration
  'configuration-snippet': never(`${SNIPPET}; there are annotations for headers, redirects, rewrites, limits and access`, PROTECTS),
  'server-snippet': never(`${SNIPPET}; there are annotations for redirects, rewrites and access`, PROTECTS),
  'auth-snippet': never(`${SNIPPET}; auth-proxy-set-headers sets headers of the request for authentication`, PROTECTS),
  'stream-snippet': never(SNIPPET),
  'modsecurity-snippet': never(SNIPPET, PROTECTS),

  // Gone, or never there
  'http2-push-preload': never(
    'asks for server push, which browsers and NGINX have dropped; send Link headers with early hints instead',
    OFF,
  ),
  'ssl-prefer-server-ciphers': never('chooses nothing: of the suites that are left all are good, and clients know what they do fastest', {
    idle: ['true', 'false', 'on', 'off'],
  }),
  'session-cookie-hash': never('was removed; the cookie of affinity has no hash to choose'),
  'add-base-url': never('was removed; let the application know its path, or rewrite it with rewrite-target'),
  'secure-backends': never('was removed; write backend-protocol: HTTPS', OFF),
  'secure-verify-ca-secret': never('was removed; write proxy-ssl-secret and proxy-ssl-verify'),
  'ssl-verify': never('is no annotation; write proxy-ssl-verify'),
  'enable-websockets': never('is not needed: websockets work without', { idle: ['true'] }),
  'websocket-services': never("is another controller's; websockets work without"),
  'enable-influxdb': never('was removed; metrics are there for Prometheus', OFF),
  'lua-resty-waf': never('was removed, and there is nothing that does the same', { protects: true, idle: ['inactive'] }),
  ...all(['enable-opentracing', 'opentracing-trust-incoming-span'], never('was removed; tracing is by OpenTelemetry', OFF)),
  ...all(
    ['large-client-header-buffers', 'hsts', 'proxy-set-headers', 'client-header-buffer-size', 'ssl-protocols', 'use-forwarded-headers'],
    never(CONFIG_MAP),
  ),
}
