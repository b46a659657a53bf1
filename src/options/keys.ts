/**
 * The keys of the controller's ConfigMap that have a meaning here: names, defaults and meanings are ingress-nginx's. One
 * schema a key gives its value, its default and its line in the reference page.
 */
import { z } from 'zod'
import { authRequestSchemas as auth } from '../model/auth-request.ts'
import { nextUpstreamWords } from '../model/http-settings.ts'
import { parseLogFormat, parseStreamLogFormat } from '../model/log-format.ts'
import {
  boolean,
  buffers,
  countOrAuto,
  duration,
  durationOrZero,
  fromText,
  headerName,
  headerNames,
  integer,
  mediaTypes,
  networks,
  oneOf,
  onOff,
  orNothing,
  paths,
  requestUris,
  seconds,
  size,
  wordsOf,
} from '../model/schemas.ts'
import { tlsCiphers, tlsCurves, tlsProtocols } from '../model/tls-settings.ts'

const KIB = 1024
const MIB = 1024 * KIB
const TIB = 1024 ** 2 * MIB

/** What ingress-nginx writes for each request. */
const LOG_FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id'

/** What it writes for each connection, or session of UDP. */
const STREAM_LOG_FORMAT = '[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time'

const GZIP_TYPES =
  'application/atom+xml application/javascript application/x-javascript application/json application/rss+xml application/vnd.ms-fontobject application/x-font-ttf application/x-web-app-manifest+json application/xhtml+xml application/xml font/opentype image/svg+xml image/x-icon text/css text/javascript text/plain text/x-component'

function key<Schema extends z.ZodType<unknown, string>>(schema: Schema, fallback: string, description: string): z.ZodPrefault<Schema> {
  return schema.prefault(fallback as z.input<Schema>).meta({ description })
}

/** A list in which one suite at least works with every certificate that is shown here. */
const ciphers = wordsOf(/:/, tlsCiphers, 'the cipher suites that may be named').refine(
  (names) => names.some((name) => name.startsWith('ECDHE-RSA-')) && names.some((name) => name.startsWith('ECDHE-ECDSA-')),
  'has no ECDHE suite for RSA or none for ECDSA certificates, whose hosts would lose TLS 1.2',
)

const curves = fromText((given) => (given === 'auto' ? { ok: true, value: undefined } : { ok: true, value: given })).pipe(
  z.union([z.undefined(), wordsOf(/:/, tlsCurves, tlsCurves.join(', '))]),
)

export const configMapKeys = z.object({
  // Requests of clients
  'proxy-body-size': key(size(0, TIB), '1m', 'Largest request body; 0 for no limit.'),
  'client-body-buffer-size': key(size(KIB, 64 * MIB), '8k', 'Part of a request body that is kept in memory.'),
  'client-body-timeout': key(seconds(), '60', 'Longest silence between two reads of a request body.'),
  'client-header-buffer-size': key(size(KIB, MIB), '1k', 'Buffer for the headers of most requests.'),
  'client-header-timeout': key(seconds(), '60', 'Longest time that a client takes to send its headers.'),
  'large-client-header-buffers': key(buffers, '4 8k', 'Number and size of the buffers for larger headers.'),
  'enable-underscores-in-headers': key(
    boolean,
    'false',
    'Takes headers with underscores in their names. Aliases of the headers that are set here, such as `X_Forwarded_For`, stay out.',
  ),
  'keep-alive': key(seconds(0), '75', 'How long an idle connection of a client is kept; 0 closes after each request.'),
  'keep-alive-requests': key(integer(1, 1_000_000_000), '1000', 'Requests that a connection of a client may carry.'),
  'use-http2': key(boolean, 'true', 'Speaks HTTP/2 over TLS.'),
  'http2-max-concurrent-streams': key(integer(1, 10_000), '128', 'Requests at once on an HTTP/2 connection.'),
  'disable-ipv6': key(boolean, 'false', 'Listens on IPv4 only.'),

  // Backends
  'proxy-connect-timeout': key(seconds(), '5', 'Longest time to connect to an endpoint.'),
  'proxy-read-timeout': key(seconds(), '60', 'Longest silence between two reads from an endpoint.'),
  'proxy-send-timeout': key(seconds(), '60', 'Longest silence between two writes to an endpoint.'),
  'proxy-buffering': key(onOff, 'off', 'Buffers responses.'),
  'proxy-buffer-size': key(size(KIB, MIB), '4k', "Buffer for the headers of a response, and size of each of the body's."),
  'proxy-buffers-number': key(integer(3, 4096), '4', 'Buffers for the body of a response; NGINX needs three.'),
  'proxy-next-upstream': key(
    wordsOf(/\s+/, nextUpstreamWords, nextUpstreamWords.join(' ')),
    'error timeout',
    'After what a request is tried on another endpoint.',
  ),
  'proxy-next-upstream-timeout': key(seconds(0), '0', 'Longest time of all tries; 0 for no limit.'),
  'proxy-next-upstream-tries': key(integer(0, 100), '3', 'Most tries of a request; 0 for no limit.'),
  'retry-non-idempotent': key(boolean, 'false', 'Tries POST, LOCK and PATCH again too.'),
  'load-balance': key(
    oneOf('round_robin', 'least_conn', 'ewma'),
    'round_robin',
    'How an endpoint is chosen. `ewma` needs what NGINX does not have and is `least_conn` here.',
  ),
  'service-upstream': key(boolean, 'false', "Sends to a Service's cluster IP rather than to its endpoints."),
  'upstream-keepalive-connections': key(
    integer(0, 10_000),
    '320',
    'Idle connections that a worker keeps to a Service; 0 for none. Fewer than these in a cluster of hundreds of Services, down to 32.',
  ),
  'upstream-keepalive-timeout': key(seconds(), '60', 'How long an idle connection to an endpoint is kept.'),
  'upstream-keepalive-requests': key(integer(1, 1_000_000_000), '10000', 'Requests that a connection to an endpoint may carry.'),
  'upstream-keepalive-time': key(duration, '1h', 'Age at which a connection to an endpoint is given up.'),
  'hide-headers': key(headerNames, '', 'Headers of responses that clients do not get to see.'),
  'disable-ipv6-dns': key(boolean, 'false', 'Asks for IPv4 addresses only when a name is resolved.'),

  // TLS and redirects
  'ssl-protocols': key(wordsOf(/\s+/, tlsProtocols, tlsProtocols.join(' ')), 'TLSv1.2 TLSv1.3', 'Versions of TLS; older ones are refused.'),
  'ssl-ciphers': key(
    ciphers,
    'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
    'Cipher suites of TLS 1.2, by the names of OpenSSL. Without the DHE suites that ingress-nginx lists: they need parameters.',
  ),
  'ssl-ecdh-curve': key(curves, 'auto', `Groups of the key exchange: auto, or of ${tlsCurves.join(':')}.`),
  'ssl-session-cache': key(boolean, 'true', 'Keeps TLS sessions for resumption, shared by workers.'),
  'ssl-session-cache-size': key(size(64 * KIB, 1024 * MIB), '10m', 'Size of that cache; a megabyte has room for some 4000 sessions.'),
  'ssl-session-timeout': key(duration, '10m', 'How long a TLS session may be resumed.'),
  'ssl-session-tickets': key(boolean, 'false', 'Gives sessions to clients as tickets.'),
  'ssl-reject-handshake': key(boolean, 'false', 'Refuses TLS to clients that name no host of ours, or none at all.'),
  'ssl-redirect': key(boolean, 'true', 'Redirects plain http of hosts with TLS.'),
  'force-ssl-redirect': key(boolean, 'false', 'Redirects plain http of every host.'),
  'http-redirect-code': key(oneOf('301', '302', '307', '308').transform(Number), '308', 'Status of those redirects.'),
  'no-tls-redirect-locations': key(paths, '/.well-known/acme-challenge', 'Paths that are not redirected, with what is below them.'),
  hsts: key(boolean, 'true', 'Sends Strict-Transport-Security over https from hosts with a certificate of their own.'),
  'hsts-max-age': key(integer(0, 1_000_000_000), '31536000', 'Seconds for which browsers remember it.'),
  'hsts-include-subdomains': key(boolean, 'true', 'Says that it holds for names below the host too.'),
  'hsts-preload': key(boolean, 'false', "Asks to be put into browsers' lists."),

  // Who the client is, and who may come in
  'use-forwarded-headers': key(boolean, 'false', 'Believes X-Forwarded-For, -Proto, -Host and -Port, but only from `proxy-real-ip-cidr`.'),
  'compute-full-forwarded-for': key(boolean, 'false', 'Appends to X-Forwarded-For rather than replacing it, with `use-forwarded-headers`.'),
  'enable-real-ip': key(boolean, 'false', "Takes the client's address, and nothing else, from `forwarded-for-header`."),
  'forwarded-for-header': key(headerName, 'X-Forwarded-For', "Header with the client's address."),
  'proxy-real-ip-cidr': key(networks, '0.0.0.0/0', 'Proxies in front that are believed.'),
  'use-proxy-protocol': key(boolean, 'false', 'Expects the PROXY protocol on every connection, http and https.'),
  'whitelist-source-range': key(
    networks,
    '',
    'Clients that are let in where an Ingress does not say who is; all others get 403. Unreadable: nobody is let in.',
  ),
  'denylist-source-range': key(networks, '', 'Clients that get 403 where an Ingress does not say who does. Unreadable: everybody gets it.'),
  'block-cidrs': key(networks, '', 'Clients that get 403 whatever an Ingress says. Unreadable: everybody gets it.'),
  'no-auth-locations': key(
    paths,
    '/.well-known/acme-challenge',
    'Paths of rules that nobody is asked to log in for, with what is below them.',
  ),
  'global-auth-url': key(
    orNothing(auth.url),
    '',
    'Asked for each request to an Ingress that has no `auth-url` of its own, unless it says `enable-global-auth: "false"`. A wrong value here or in `global-auth-*` closes all routes.',
  ),
  'global-auth-method': key(orNothing(auth.method), '', 'Method of that request; GET when empty.'),
  'global-auth-signin': key(orNothing(auth.signIn), '', 'Where clients are redirected in place of a 401.'),
  'global-auth-signin-redirect-param': key(auth.signInParameter, 'rd', 'Name of the parameter with the URL that was asked for.'),
  'global-auth-response-headers': key(orNothing(auth.responseHeaders), '', 'Headers of the answer that backends get.'),
  'global-auth-request-redirect': key(orNothing(auth.requestRedirect), '', 'X-Auth-Request-Redirect of that request.'),
  'global-auth-cache-key': key(orNothing(auth.cacheKey), '', 'Keeps answers, for each value of these variables.'),
  'global-auth-cache-duration': key(auth.cacheDurations, '200 202 401 5m', 'For how long answers are kept, by status.'),
  'global-auth-always-set-cookie': key(
    auth.alwaysSetsCookie,
    'false',
    "Whether a Set-Cookie of the answer goes to the client with the backend's errors too.",
  ),
  'limit-req-status-code': key(integer(400, 599), '503', 'Status of a request above a rate limit.'),
  'limit-conn-status-code': key(integer(400, 599), '503', 'Status of a request above a limit of connections.'),

  // Responses
  'use-gzip': key(boolean, 'false', 'Compresses responses.'),
  'gzip-level': key(integer(1, 9), '1', 'Effort of compression.'),
  'gzip-min-length': key(integer(0, 1_000_000_000), '256', 'Shortest response that is compressed, in bytes.'),
  'gzip-types': key(mediaTypes, GZIP_TYPES, 'Media types that are compressed, beside text/html.'),
  'server-tokens': key(boolean, 'false', "Shows NGINX's version in the Server header and error pages; the header itself always stays."),

  // Log
  'log-format-upstream': key(fromText(parseLogFormat), LOG_FORMAT, 'Line that is logged for a request: text and variables.'),
  'log-format-escape-json': key(boolean, 'false', 'Escapes variables in it as JSON wants it.'),
  'log-format-escape-none': key(boolean, 'false', 'Escapes nothing; `log-format-escape-json` comes first.'),
  'disable-access-log': key(boolean, 'false', 'Logs no requests.'),
  'skip-access-log-urls': key(requestUris, '', 'Request URIs that are not logged, whole and with their query.'),
  'error-log-level': key(
    oneOf('debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'),
    'notice',
    "Least severity of what NGINX's error log takes.",
  ),
  'generate-request-id': key(boolean, 'true', 'Makes an X-Request-ID where a client sends none that is usable.'),

  // TCP and UDP services
  'proxy-stream-timeout': key(duration, '600s', 'Longest silence of a connection, or of a session of UDP, before it is closed.'),
  'proxy-stream-next-upstream': key(boolean, 'true', 'Tries another endpoint where one does not take a connection.'),
  'proxy-stream-next-upstream-timeout': key(durationOrZero, '600s', 'Longest time of all tries; 0 for no limit.'),
  'proxy-stream-next-upstream-tries': key(integer(0, 100), '3', 'Most tries of a connection; 0 for no limit.'),
  'proxy-stream-responses': key(
    integer(0, 1_000_000),
    '1',
    'Datagrams from the endpoint that end a session of UDP, so that the next one of the client may go to another; 0 waits for none.',
  ),
  'proxy-protocol-header-timeout': key(duration, '5s', 'Longest time that a client takes to send the header of the PROXY protocol.'),
  'log-format-stream': key(fromText(parseStreamLogFormat), STREAM_LOG_FORMAT, 'Line that is logged for a connection, or a session of UDP.'),
  'disable-stream-access-log': key(boolean, 'false', 'Logs none of them; nor does `disable-access-log`.'),

  // Workers
  'worker-processes': key(countOrAuto, 'auto', 'Worker processes; auto for one a CPU of our cgroup.'),
  'worker-shutdown-timeout': key(duration, '240s', 'How long connections live on in old workers after a reload or shutdown.'),
  'max-worker-connections': key(integer(64, 1_000_000), '16384', 'Connections of a worker, as far as the limit of open files allows.'),
  'max-worker-open-files': key(integer(0, 10_000_000), '0', 'Open files of a worker, as far as our own limit allows; 0 for that limit.'),
  'enable-multi-accept': key(boolean, 'true', 'Accepts all waiting connections at once.'),
})

export type ConfigMapKey = keyof z.input<typeof configMapKeys>

type CamelCase<Text extends string> = Text extends `${infer Head}-${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Text

/** What the ConfigMap says, by the keys' names in camel case. */
export type ConfigMapOptions = {
  readonly [Key in ConfigMapKey as CamelCase<Key>]: z.output<typeof configMapKeys>[Key]
}

/** `proxy-read-timeout` → `proxyReadTimeout`. */
export function optionName(key: ConfigMapKey): keyof ConfigMapOptions {
  return key.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) as keyof ConfigMapOptions
}
