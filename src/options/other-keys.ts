/** Keys that ingress-nginx has and that have no effect here: not yet, or not at all, and why. */

/** `protects`: keeps somebody out, so that requests get 503 rather than pass without it. */
export type OtherKey = {
  readonly kind: 'not yet' | 'no effect' | 'refused'
  readonly reason: string
  /** The values that ask for nothing, ingress-nginx's default among them. */
  readonly idle: readonly string[]
  readonly protects: boolean
}

const notYet = (reason: string, ...idle: string[]): OtherKey => ({ kind: 'not yet', reason, idle: ['', ...idle], protects: false })
const protecting = (reason: string, ...idle: string[]): OtherKey => ({ ...notYet(reason, ...idle), protects: true })
const noEffect = (reason: string, ...idle: string[]): OtherKey => ({ kind: 'no effect', reason, idle: ['', ...idle], protects: false })
const refused = (reason: string, ...idle: string[]): OtherKey => ({ kind: 'refused', reason, idle: ['', ...idle], protects: false })

const SNIPPET = 'Text goes into the configuration through parsers only'
const COMPUTED = 'Computed from the names that are served'
const MODULE = 'Needs a module that a stock NGINX does not have'

export const otherKeys: Readonly<Record<string, OtherKey>> = {
  'access-log-path': noEffect('The log goes to standard output, or into the state directory', '/var/log/nginx/access.log'),
  'add-headers': notYet('Waits for headers from ConfigMaps'),
  'allow-cross-namespace-resources': refused('What a namespace keeps secret is not for others to use', 'false'),
  'allow-snippet-annotations': refused(SNIPPET, 'false'),
  'annotation-value-word-blocklist': noEffect('Every value is read by an allow-list of its own'),
  'annotations-risk-level': notYet('Waits for a choice of the annotations that may be used', 'High', 'Critical'),
  'bind-address': notYet('An address that is not there stops every reload, and NGINX cannot move to another one while it runs'),
  'block-referers': protecting('Waits for expressions that are known to compile'),
  'block-user-agents': protecting('Waits for expressions that are known to compile'),
  'custom-http-errors': notYet('Waits for error pages'),
  'enable-access-log-for-default-backend': noEffect('Requests to the default backend are always logged', 'false', 'true'),
  'enable-brotli': refused(MODULE, 'false'),
  'enable-modsecurity': protecting(MODULE, 'false'),
  'enable-ocsp': notYet('Waits for stapled responses', 'false'),
  'enable-opentelemetry': notYet('Waits for tracing', 'false'),
  'enable-owasp-modsecurity-crs': protecting(MODULE, 'false'),
  'global-allowed-response-headers': notYet('Waits for response headers from ConfigMaps'),
  'global-auth-snippet': refused(SNIPPET),
  'http-snippet': refused(SNIPPET),
  'http2-max-field-size': noEffect('NGINX has no such limit since 1.19.7; see `large-client-header-buffers`'),
  'http2-max-header-size': noEffect('NGINX has no such limit since 1.19.7; see `large-client-header-buffers`'),
  'http2-max-requests': noEffect('NGINX has no such limit since 1.19.7; see `keep-alive-requests`'),
  'ignore-invalid-headers': refused(
    'Headers with characters that no header has are always dropped: backends read them in ways of their own',
    'true',
  ),
  'limit-conn-zone-variable': refused(
    'Clients are counted by their address; what else a request says is theirs to choose',
    '$binary_remote_addr',
  ),
  'location-snippet': refused(SNIPPET),
  'lua-shared-dicts': noEffect('There is no Lua here'),
  'main-snippet': refused(SNIPPET),
  'map-hash-bucket-size': noEffect(COMPUTED, '64'),
  'otlp-collector-host': notYet('Waits for tracing'),
  'proxy-add-original-uri-header': notYet('Waits for further request headers', 'false'),
  'proxy-headers-hash-bucket-size': noEffect('Fixed: header names are limited to what fits', '64'),
  'proxy-set-headers': notYet('Waits for headers from ConfigMaps'),
  'reuse-port': noEffect('It was measured and gains nothing', 'true', 'false'),
  'server-name-hash-bucket-size': noEffect(COMPUTED),
  'server-name-hash-max-size': noEffect(COMPUTED, '1024'),
  'server-snippet': refused(SNIPPET),
  'ssl-dh-param': notYet('Waits for DHE cipher suites; ECDHE needs no parameters'),
  'stream-access-log-path': noEffect('Logged where requests are'),
  'stream-snippet': refused(SNIPPET),
  'strict-validate-path-type': noEffect(
    'Paths are always checked; whether an API server refuses one is the webhook’s matter, which is not there yet',
    'true',
    'false',
  ),
  'use-geoip2': refused(MODULE, 'false'),
  'variables-hash-bucket-size': noEffect('Fixed: no user names a variable', '256'),
}
