/** A cluster shared by tenants that behave and one that does not: each field of its objects can be set to anything. */
import type { Feature } from '../../src/annotations/define.ts'
import { createAuthority } from './certificates.ts'
import { ingress, type Manifest, service, serviceFor, tlsSecret } from './objects.ts'

/** Hosts of those that behave. */
export const goodHosts = ['blog.test', 'shop.test', '*.apps.test', 'secure.test', 'members.test'] as const

const goodBackends = ['blog', 'shop', 'apps', 'secure', 'members'].map((name, index) => ({
  name,
  address: `10.0.0.${index + 1}`,
  port: 8080,
}))

/** With what the root file knows of as well: names that are resolved, answers that are kept, and a port that is repeated. */
const MEMBERS = {
  affinity: 'cookie',
  'from-to-www-redirect': 'true',
  'auth-url': 'https://auth.example.com/check?uri=$request_uri',
  'auth-signin': 'https://auth.example.com/start',
  'auth-cache-key': '$cookie_session',
  'enable-cors': 'true',
}

const PROTECTED = {
  'auth-url': 'http://web.evil.svc.cluster.local/auth?uri=$request_uri',
  'auth-method': 'GET',
  'auth-signin': 'https://$host/start?x=y',
  'auth-signin-redirect-param': 'rd',
  'auth-response-headers': 'X-Auth-User, X-Auth-Groups',
  'auth-request-redirect': 'https://$host$request_uri',
  'auth-cache-key': '$cookie_session$http_authorization',
  'auth-cache-duration': '200 401 5m, 403 1s',
  'auth-always-set-cookie': 'true',
  'auth-proxy-set-headers': 'settings',
  'enable-cors': 'true',
  'cors-allow-origin': 'https://*.evil.test:8443, null',
  'cors-allow-methods': 'GET, POST',
  'cors-allow-headers': 'X-A',
  'cors-allow-credentials': 'true',
  'cors-expose-headers': 'X-B',
  'cors-max-age': '60',
}

/** Tenants in namespace `default`, with prefixes, exact paths, a wildcard, TLS, a gRPC backend and authentication elsewhere. */
export async function goodTenants(): Promise<readonly Manifest[]> {
  const certificate = await (await createAuthority()).issue(['secure.test'])
  return [
    ingress('blog').host('blog.test').prefix('/', 'blog').toManifest(),
    ingress('shop').host('shop.test').prefix('/cart', 'shop').exact('/cart', 'shop').exact('/pay', 'missing').toManifest(),
    ingress('apps').host('*.apps.test').implementationSpecific('/api', 'apps').toManifest(),
    ingress('secure').host('secure.test').prefix('/', 'secure').tls('secure-tls', 'secure.test').toManifest(),
    Object.entries(MEMBERS)
      .reduce(
        (built, [key, value]) => built.annotation(`nginx.ingress.kubernetes.io/${key}`, value),
        ingress('members').host('members.test').prefix('/', 'members'),
      )
      .toManifest(),
    ...goodBackends.flatMap((backend) => serviceFor(backend, backend.name === 'apps' ? { appProtocol: 'grpc' } : {})),
    tlsSecret('secure-tls', certificate.chain, certificate.key),
  ]
}

const SESSIONS = {
  'nginx.ingress.kubernetes.io/affinity': 'cookie',
  'nginx.ingress.kubernetes.io/affinity-mode': 'persistent',
  'nginx.ingress.kubernetes.io/session-cookie-name': 'route',
  'nginx.ingress.kubernetes.io/session-cookie-path': '/',
  'nginx.ingress.kubernetes.io/session-cookie-domain': 'evil.test',
  'nginx.ingress.kubernetes.io/session-cookie-max-age': '60',
  'nginx.ingress.kubernetes.io/session-cookie-samesite': 'Lax',
}

/** The one that does not behave, while it still does: in namespace `evil`, younger than the others, every field filled in. */
export async function evilTenant(): Promise<readonly Manifest[]> {
  const certificate = await (await createAuthority()).issue(['evil.test'])
  const labels = { 'kubernetes.io/service-name': 'web', app: 'web' }
  const metadata = (name: string) => ({
    namespace: 'evil',
    name,
    uid: 'b1946ac9-2f0e-4f6b-8f0a-3f9c2a1d0e11',
    resourceVersion: '17',
    creationTimestamp: '2027-01-01T00:00:00Z',
    annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '60', 'nginx-ts.io/x': 'y', note: 'text', ...SESSIONS },
    labels,
  })
  const annotated = (annotations: Readonly<Record<string, string>>) => ({
    ...metadata('web'),
    annotations: {
      ...metadata('web').annotations,
      ...Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value])),
    },
  })
  const backend = (port: object) => ({ service: { name: 'web', port } })
  const canary = (name: string, annotations: Readonly<Record<string, string>>) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      ...metadata(name),
      annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value])),
    },
    spec: {
      ingressClassName: 'nginx-ts',
      rules: [{ host: 'evil.test', http: { paths: [{ path: '/a', pathType: 'Prefix', backend: backend({ number: 80 }) }] } }],
    },
  })
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: annotated({
        'whitelist-source-range': '0.0.0.0/0,::/0',
        'denylist-source-range': '10.0.0.1',
        'auth-type': 'basic',
        'auth-secret': 'evil/users',
        'auth-secret-type': 'auth-file',
        'auth-realm': 'evil',
        satisfy: 'any',
        'limit-rps': '10',
        'limit-rpm': '100',
        'limit-burst-multiplier': '2',
        'limit-connections': '5',
        'limit-whitelist': '10.0.0.0/8',
      }),
      spec: {
        ingressClassName: 'nginx-ts',
        defaultBackend: backend({ number: 80 }),
        rules: [
          {
            host: 'evil.test',
            http: {
              paths: [
                { path: '/a', pathType: 'Prefix', backend: backend({ number: 80 }) },
                { path: '/b', pathType: 'Exact', backend: backend({ name: 'http' }) },
                {
                  path: '/c',
                  pathType: 'ImplementationSpecific',
                  backend: { resource: { apiGroup: 'storage.test', kind: 'Bucket', name: 'b' } },
                },
              ],
            },
          },
          { host: '*.evil.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend({ number: 80 }) }] } },
        ],
        tls: [{ hosts: ['evil.test', '*.evil.test'], secretName: 'evil-tls' }],
      },
    },
    canary('canary', {
      canary: 'true',
      'canary-weight': '20',
      'canary-weight-total': '200',
      'canary-by-header': 'X-Canary',
      'canary-by-header-value': 'v2',
      'canary-by-cookie': 'canary',
      'load-balance': 'ewma',
    }),
    canary('pattern', {
      canary: 'true',
      'canary-by-header': 'X-Canary',
      'canary-by-header-pattern': '^v[3-9]$',
      'upstream-hash-by': '$request_uri',
    }),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...metadata('protected'),
        annotations: Object.fromEntries(Object.entries(PROTECTED).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value])),
      },
      spec: {
        ingressClassName: 'nginx-ts',
        rules: [{ host: 'evil.test', http: { paths: [{ path: '/protected', pathType: 'Prefix', backend: backend({ number: 80 }) }] } }],
      },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: metadata('evil-class'),
      spec: { controller: 'evil.test/controller' },
    },
    {
      ...service('web', []),
      metadata: metadata('web'),
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.96.0.1',
        externalName: 'evil.test',
        ports: [{ name: 'http', port: 80, targetPort: 'web', protocol: 'TCP', appProtocol: 'http' }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: metadata('web-1'),
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.1.1'], conditions: { ready: true }, hostname: 'a', nodeName: 'n', zone: 'z' },
        { addresses: ['10.0.1.2'] },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http' }],
    },
    { ...tlsSecret('evil-tls', certificate.chain, certificate.key, 'evil'), metadata: metadata('evil-tls') },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('users'), stringData: { auth: 'evil:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0' } },
    annotatedIngress(metadata('backends'), 'backends.evil.test', {
      'backend-protocol': 'HTTPS',
      'upstream-vhost': '$service_name.$namespace.test:$service_port',
      'proxy-ssl-secret': 'evil/evil-tls',
      'proxy-ssl-verify': 'off',
      'proxy-ssl-verify-depth': '2',
      'proxy-ssl-name': 'backend.test',
      'proxy-ssl-server-name': 'on',
      'proxy-ssl-protocols': 'TLSv1.2 TLSv1.3',
      'proxy-ssl-ciphers': 'HIGH:!aNULL',
    }),
    annotatedIngress(metadata('ways'), 'ways.evil.test', { 'backend-protocol': 'AUTO_HTTP', 'proxy-ssl-server-name': 'on' }),
    annotatedIngress(metadata('ways-canary'), 'ways.evil.test', { canary: 'true', 'canary-weight': '20' }, '/', 'other'),
    ...serviceFor({ name: 'other', address: '10.0.1.3', port: 8080 }, { namespace: 'evil' }),
    annotatedIngress(
      metadata('patterns'),
      'patterns.evil.test',
      {
        'use-regex': 'true',
        'rewrite-target': '/$2',
        'app-root': '/app',
        'from-to-www-redirect': 'true',
        'ssl-redirect': 'false',
        'force-ssl-redirect': 'true',
      },
      '/api(/|$)(.*)',
    ),
    annotatedIngress(metadata('own-patterns'), 'own.evil.test', { 'rewrite-target': 'https://evil.test/$1' }, '/x/([a-z]+)'),
    annotatedIngress(metadata('redirects'), 'redirects.evil.test', {
      'permanent-redirect': 'https://evil.test/x',
      'permanent-redirect-code': '308',
    }),
    annotatedIngress(metadata('temporal-redirects'), 'temporal.evil.test', {
      'temporal-redirect': '/x',
      'temporal-redirect-code': '307',
    }),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('settings'), data: { key: 'value' } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { ...metadata('evil'), namespace: undefined } },
  ]
}

/** An Ingress of that tenant which is there for a feature's annotations, at their examples. */
export function annotatedTenant(name: string, { annotations }: Feature): Manifest {
  const examples = Object.fromEntries(Object.entries(annotations).map(([key, { example }]) => [key, example]))
  return annotatedIngress({ namespace: 'evil', name: `feature-${name}` }, `${name}.features.test`, examples)
}

/** An Ingress of one path that is there for its annotations. */
function annotatedIngress(
  metadata: object,
  host: string,
  annotations: Readonly<Record<string, string>>,
  path = '/',
  service = 'web',
): Manifest {
  const named = Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value])
  const paths = [
    { path, pathType: path === '/' ? 'Prefix' : 'ImplementationSpecific', backend: { service: { name: service, port: { number: 80 } } } },
  ]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { ...metadata, annotations: Object.fromEntries(named) },
    spec: { ingressClassName: 'nginx-ts', rules: [{ host, http: { paths } }] },
  }
}

/** Where something stands in an object: its keys and indexes from the outside in. */
export type FieldPath = readonly (string | number)[]

/** Every place of a text, a number or a boolean in a value. */
export function fieldsOf(value: unknown, path: FieldPath = []): readonly FieldPath[] {
  if (typeof value !== 'object' || value === null) return value === undefined ? [] : [path]
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return entries.flatMap(([key, inner]) => fieldsOf(inner, [...path, key]))
}

/** The same value with another one in that place. */
export function withField(value: unknown, [key, ...rest]: FieldPath, replacement: unknown): unknown {
  if (key === undefined) return replacement
  if (Array.isArray(value)) return value.map((inner, index) => (index === key ? withField(inner, rest, replacement) : inner))
  return changeEntry(value, key, ([name, inner]) => [name, withField(inner, rest, replacement)])
}

/** The same value with another name for the field in that place. */
export function withKey(value: unknown, [key, ...rest]: FieldPath, name: string): unknown {
  if (key === undefined) return value
  if (Array.isArray(value)) return value.map((inner, index) => (index === key ? withKey(inner, rest, name) : inner))
  return changeEntry(value, key, ([old, inner]) => (rest.length === 0 ? [name, inner] : [old, withKey(inner, rest, name)]))
}

/** Object.fromEntries makes own properties even of `__proto__`. */
function changeEntry(value: unknown, key: string | number, change: (entry: [string, unknown]) => [string, unknown]): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map((entry) => (entry[0] === key ? change(entry) : entry)))
}
