// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/**
 * Values grow when they are printed: a variable gets its longer name, a dollar sign another one, a wildcard an expression.
 * Whatever is accepted fits into a configuration, and what does not is an Issue of the one who wrote it.
 */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { z } from 'zod'
import { configMapKeys } from '../../src/options/keys.ts'
import { type Configuration, configurationOf, serverTexts } from '../support/configuration.ts'
import { ingressesWith, type LongAnnotation, longAnnotations, longestValues } from '../support/longest-values.ts'
import { CONFIG_MAP_KEY, endpointSlice, type IngressBuilder, ingress, type Manifest, options, service } from '../support/objects.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const LONG_SERVICE = 'w'.repeat(63)
const FIVE_NAMES = Array(5).fill('$service_name').join('.')

type Annotations = Readonly<Record<string, string>>

function annotated(name: string, annotations: Annotations): IngressBuilder {
  return ingress(name).host('shop.test').annotations(annotations, PREFIX)
}

const serviceOn = (name: string, port: number) => [
  service(name, [{ port }]),
  endpointSlice(name, [{ address: '10.0.0.1' }], { port: 8080 }),
]
const neighbour: readonly Manifest[] = [
  ingress('neighbour').host('neighbour.test').prefix('/', 'web').toManifest(),
  ...serviceOn('web', 80),
]

function told({ issues }: Configuration): readonly (string | undefined)[] {
  return issues.map(({ code, object, annotation, field }) => `${code} ${object?.name} ${annotation?.replace(PREFIX, '') ?? field}`)
}

/** What somebody with these annotations gets, beside a neighbour who is served whatever they say. */
function serve(annotations: Annotations, { name = 'web', port = 80, beside = [] as readonly Manifest[] } = {}): Configuration {
  const shop = annotated('shop', annotations).prefix('/', name, port).toManifest()
  const configuration = configurationOf([...neighbour, shop, ...(name === 'web' ? [] : serviceOn(name, port)), ...beside])
  expect(serverTexts(configuration).get('neighbour.test')).toContain('Ingress default/neighbour')
  return configuration
}

const shopOf = (configuration: Configuration) => serverTexts(configuration).get('shop.test') ?? ''

describe('upstream-vhost whose variables make it no host', () => {
  test.each([
    ['a name that is too long', FIVE_NAMES, LONG_SERVICE, 80],
    ['a port that is none', 'x:1$service_port', 'short', 65_530],
  ])('%s', (_, value, name, port) => {
    const configuration = serve({ 'upstream-vhost': value }, { name, port })
    expect(told(configuration)).toEqual(['invalid-annotation shop upstream-vhost'])
    expect(shopOf(configuration)).not.toContain('proxy_set_header Host "')
  })

  test('is told of a canary where it is the canary that has such a name', () => {
    const canary = annotated('green', { canary: 'true', 'canary-weight': '10' }).prefix('/', LONG_SERVICE).toManifest()
    const configuration = serve({ 'upstream-vhost': FIVE_NAMES }, { beside: [canary, ...serviceOn(LONG_SERVICE, 80)] })
    expect(told(configuration)).toEqual(['invalid-annotation green spec.rules[0].http.paths[0].backend'])
  })
})

describe('names of headers', () => {
  const AUTH = { 'auth-url': 'http://web.default.svc/' }

  test.each(['HTTP', 'GRPC'])('auth-response-headers with a name that no hash of gRPC holds, %s', (protocol) => {
    const long = serve({ ...AUTH, 'backend-protocol': protocol, 'auth-response-headers': `X-${'a'.repeat(39)}` })
    expect(told(long)).toEqual(['protection-invalid shop auth-response-headers'])
    expect(shopOf(long)).toContain('return 503')
    expect(told(serve({ ...AUTH, 'backend-protocol': protocol, 'auth-response-headers': `X-${'a'.repeat(38)}` }))).toEqual([])
  })

  test('auth-response-headers that underscores would spell in thousands of ways', () => {
    const dashes = (count: number) => `X${'-a'.repeat(count)}`
    const serveWith = (names: string) =>
      configurationOf(
        [
          ...neighbour,
          annotated('shop', { ...AUTH, 'auth-response-headers': names })
            .prefix('/', 'web')
            .toManifest(),
          options({ 'enable-underscores-in-headers': 'true' }),
        ],
        { options: { configmap: CONFIG_MAP_KEY } },
      )
    expect(told(serveWith(dashes(19)))).toEqual(['protection-invalid shop auth-response-headers'])
    expect(told(serveWith(Array.from({ length: 10 }, (_, index) => `${dashes(7)}${index}`).join(',')))).toEqual([
      'protection-invalid shop auth-response-headers',
    ])
    expect(told(serveWith(Array.from({ length: 50 }, (_, index) => `${dashes(4)}${index}`).join(',')))).toEqual([])
  })

  test('canary-by-header with a name that no variable has', () => {
    const canaryBy = (header: string) => annotated('green', { canary: 'true', 'canary-by-header': header }).prefix('/', 'web').toManifest()
    const long = serve({}, { beside: [canaryBy('a'.repeat(76))] })
    expect(told(long)).toEqual(['invalid-annotation green canary-by-header'])
    const longest = serve({}, { beside: [canaryBy('a'.repeat(75))] })
    expect(told(longest)).toEqual([])
    expect(longest.configSet.files.map(({ text }) => text).join()).toContain(`\${http_${'a'.repeat(75)}}`)
  })

  test('forwarded-for-header with such a name', () => {
    const configuration = configurationOf([...neighbour, options({ 'forwarded-for-header': 'a'.repeat(76) })], {
      options: { configmap: CONFIG_MAP_KEY },
    })
    expect(told(configuration)).toEqual(['invalid-option options data.forwarded-for-header'])
  })
})

describe('more canaries of a path than a map can tell apart', () => {
  const MOST = 64
  const canary = (annotations: Annotations) => (_: unknown, index: number) =>
    Object.entries(annotations)
      .reduce(
        (built, [key, value]) => built.annotation(PREFIX + key, value.replace('#', String(index))),
        annotated(`green-${index}`, { canary: 'true' }),
      )
      .prefix('/', 'web')
      .toManifest()

  test.each([
    ['by header', { 'canary-by-header': 'X-#' }, {}],
    ['by header and cookie', { 'canary-by-header': 'X-#', 'canary-by-cookie': 'c#' }, {}],
    ['with sessions', { 'canary-by-header': 'X-#', 'canary-by-cookie': 'c#', 'canary-weight': '1' }, { affinity: 'cookie' }],
  ])('the youngest are left out, %s', (_, annotations, main) => {
    const beside = Array.from({ length: MOST + 2 }, canary(annotations))
    const configuration = serve(main, { beside })
    const leftOut = configuration.issues.filter(({ code }) => code !== 'canary-weight')
    expect(leftOut.map(({ code, object }) => `${code} ${object?.name}`)).toEqual([
      `too-many-canaries green-${MOST}`,
      `too-many-canaries green-${MOST + 1}`,
    ])
  })
})

describe('values that grow when they are printed', () => {
  const AUTH = { 'auth-url': 'http://web.default.svc/' }

  test.each<[string, Annotations]>([
    ['auth-url', { 'auth-url': `http://web.default.svc/?x=${'$scheme'.repeat(205)}` }],
    ['auth-url', { 'auth-url': `http://web.default.svc/${'$scheme'.repeat(205)}` }],
    ['auth-signin', { ...AUTH, 'auth-signin': `https://a.test/?x=${'$scheme'.repeat(205)}` }],
    ['auth-request-redirect', { ...AUTH, 'auth-request-redirect': '$scheme'.repeat(214) }],
    ['auth-cache-key', { ...AUTH, 'auth-cache-key': '$scheme'.repeat(214) }],
  ])('%s', (key, annotations) => {
    const configuration = serve(annotations)
    expect(told(configuration)).toEqual([`protection-invalid shop ${key}`])
    expect(shopOf(configuration)).toContain('return 503')
  })

  test.each<[string, Annotations]>([
    ['session-cookie-path', { affinity: 'cookie', 'session-cookie-path': `/${'$'.repeat(460)}` }],
    ['cors-allow-origin', { 'enable-cors': 'true', 'cors-allow-origin': Array(250).fill('a://*.a').join(',').slice(0, 1999) }],
  ])('%s', (key, annotations) => {
    expect(told(serve(annotations))).toEqual([`invalid-annotation shop ${key}`])
  })

  test('log-format-upstream', () => {
    const fields = Array.from({ length: 205 }, (_, index) => `"k${index}":"$host"`)
    const configuration = configurationOf([...neighbour, options({ 'log-format-upstream': `{${fields.join(',')}}` })], {
      options: { configmap: CONFIG_MAP_KEY },
    })
    expect(told(configuration)).toEqual(['invalid-option options data.log-format-upstream'])
  })
})

describe('the longest and oddest values that are accepted', () => {
  const values = longAnnotations()
  const paths = ['/', `/${'$'.repeat(253)}`, `/${'"\\'.repeat(100)}`, '/(.*)', '/a(b)?(c)(d)', `/${'\\"'.repeat(400)}`, '/[ab]{100}']

  /** Some of them on an Ingress, others on a canary of it, in whatever company. */
  const anyOfThem = fc.record({
    main: fc.array(fc.constantFrom(...values), { maxLength: 12 }),
    canary: fc.array(fc.constantFrom(...values), { maxLength: 6 }),
    path: fc.constantFrom(...paths),
    type: fc.constantFrom('Exact', 'Prefix', 'ImplementationSpecific'),
    appProtocol: fc.constantFrom('http', 'https', 'grpc', 'grpcs'),
    underscores: fc.constantFrom('true', 'false'),
  })
  const together = (chosen: readonly LongAnnotation[]): Annotations =>
    Object.assign({}, ...chosen.map(({ key, value, companions }) => ({ ...companions, [key]: value })))

  test('are printed, in any company', () => {
    fc.assert(
      fc.property(anyOfThem, ({ main, canary, path, type, appProtocol, underscores }) => {
        const to = (name: string, annotations: Annotations) =>
          annotated(name, annotations)
            .path(type as 'Exact', path, LONG_SERVICE, 65_535)
            .toManifest()
        const configuration = configurationOf(
          [
            ...neighbour,
            service(LONG_SERVICE, [{ port: 65_535, appProtocol }]),
            endpointSlice(LONG_SERVICE, [{ address: '10.0.0.1' }], { port: 8080 }),
            to('shop', { ...together(main), canary: 'false' }),
            to('green', { ...together(canary), canary: 'true' }),
            options({ 'enable-underscores-in-headers': underscores }),
          ],
          { options: { configmap: CONFIG_MAP_KEY } },
        )
        expect(serverTexts(configuration).get('neighbour.test')).toContain('Ingress default/neighbour')
      }),
      { numRuns: 200 },
    )
  })

  test('are printed, each by itself', () => {
    const built = ingressesWith(values, ['web', LONG_SERVICE]).map((each) => each.toManifest())
    const { configSet } = configurationOf([...neighbour, ...built, ...serviceOn(LONG_SERVICE, 80)])
    expect(configSet.servers.length).toBeGreaterThan(values.length)
  })

  test('of the ConfigMap, are printed', () => {
    for (const [key, schema] of Object.entries(configMapKeys.shape))
      for (const value of longestValues(schema as unknown as z.ZodType<unknown, string>, '')) {
        const data = { 'global-auth-url': 'http://web.default.svc/', 'use-forwarded-headers': 'true', 'use-gzip': 'true', [key]: value }
        const { configSet } = configurationOf([...neighbour, options(data)], {
          options: { configmap: CONFIG_MAP_KEY },
        })
        expect(configSet.servers.length).toBeGreaterThan(1)
      }
  })
})
