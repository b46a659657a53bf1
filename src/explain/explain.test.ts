import { describe, expect, test } from '@jest/globals'
import { annotationIn, explainObjects, ingressIn } from '../../test/support/explain.ts'
import { type IngressBuilder, ingress, ingressClass, service } from '../../test/support/objects.ts'
import { otherNames } from '../annotations/other-names.ts'
import { explanationSchema } from './schema.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const shop = (name = 'shop') => ingress(name).host(`${name}.test`).prefix('/', name)

/** The shop with these annotations below ingress-nginx's prefix. */
function annotated(annotations: Readonly<Record<string, string>>, object: IngressBuilder = shop()): IngressBuilder {
  return Object.entries(annotations).reduce((one, [key, value]) => one.annotation(PREFIX + key, value), object)
}

function explainOne(annotations: Readonly<Record<string, string>>) {
  return explainObjects([annotated(annotations)])
}

describe('an annotation gets one verdict', () => {
  test.each([
    ['same', 'fine', 'proxy-body-size', '8m'],
    ['approximated', 'different', 'proxy-buffer-size', '16k'],
    ['better', 'fine', 'service-upstream', 'true'],
    ['default', 'fine', 'proxy-read-timeout', '60'],
    ['default', 'fine', 'enable-websockets', 'true'],
    ['invalid', 'ignored', 'proxy-read-timeout', '60s'],
    ['unknown', 'ignored', 'proxy-read-time-out', '60'],
    ['refused', 'blocked', 'server-snippet', 'return 200;'],
    ['refused', 'ignored', 'secure-backends', 'true'],
    ['needs', 'blocked', 'enable-modsecurity', 'true'],
  ])('%s, %s: %s', (verdict, level, key, value) => {
    const explanation = explainOne({ [key]: value })
    expect(annotationIn(explanation, key)).toMatchObject({ verdict, level, value })
    expect(ingressIn(explanation, 'shop').level).toBe(level)
    expect(explanation.summary.verdicts[verdict as 'same']).toEqual({ annotations: 1, ingresses: 1 })
  })

  test('every name that has no feature gets that of its list, and is told in its words', () => {
    for (const [key, { verdict, message }] of Object.entries(otherNames)) {
      const found = annotationIn(explainOne({ [key]: 'asks' }), key)
      expect([key, found.verdict]).toEqual([key, { 'not yet': 'not-yet', needs: 'needs', never: 'refused' }[verdict]])
      expect(found.message).toBe(message)
    }
  })

  test("another controller's", () => {
    const explanation = explainObjects([shop().annotation('traefik.ingress.kubernetes.io/router.tls', 'true')])
    expect(annotationIn(explanation, 'router.tls')).toMatchObject({ verdict: 'foreign', level: 'fine' })
  })

  test('that our own prefix overrides, and whether it says otherwise', () => {
    const both = (own: string, theirs: string) => {
      const object = annotated({ 'proxy-body-size': theirs }).annotation('nginx-ts.io/proxy-body-size', own)
      return explainObjects([object]).ingresses[0]?.annotations.map(({ verdict, level }) => `${verdict} ${level}`)
    }
    expect(both('8m', '8m')).toEqual(expect.arrayContaining(['same fine', 'overridden fine']))
    expect(both('8m', '9m')).toEqual(expect.arrayContaining(['same fine', 'overridden different']))
  })

  test('a misspelt one names the key that may be meant', () => {
    expect(annotationIn(explainOne({ 'proxy-body-sizes': '8m' }), 'proxy-body-sizes')).toMatchObject({ suggestion: 'proxy-body-size' })
  })

  test('those that stand under no prefix of a controller get none', () => {
    const explanation = explainObjects([shop().annotation('cert-manager.io/cluster-issuer', 'le').annotation('example.test/a', 'b')])
    expect(explanation.ingresses[0]?.annotations).toEqual([])
  })

  test('a value comes out on one line, harmless to a terminal', () => {
    const { value } = annotationIn(explainOne({ 'server-snippet': 'a;\nb;\u001b[2J' }), 'server-snippet')
    expect(value).toBe('a;\\u000ab;\\u001b[2J')
  })
})

describe('directives', () => {
  const added = (annotations: Readonly<Record<string, string>>, key: string) => annotationIn(explainOne(annotations), key).directives

  test('are the lines that the annotation brings', () => {
    expect(added({ 'proxy-body-size': '8m', 'proxy-read-timeout': '300' }, 'proxy-body-size')).toEqual([
      { context: 'location', added: ['client_max_body_size 8m;'], removed: [] },
    ])
  })

  test('and those that it takes the place of', () => {
    expect(added({ 'proxy-buffer-size': '16k', 'proxy-buffers-number': '8' }, 'proxy-buffers-number')).toEqual([
      { context: 'location', added: ['proxy_buffers 8 16k;'], removed: ['proxy_buffers 4 16k;'] },
    ])
  })

  test('are shown for an upstream, too', () => {
    const contexts = added({ 'service-upstream': 'true' }, 'service-upstream').map(({ context }) => context)
    expect(contexts).toContain('upstream')
  })

  test('are shown of one location, with the number of all', () => {
    const object = annotated({ 'proxy-body-size': '8m' }, shop().exact('/a', 'a').prefix('/b', 'b'))
    expect(annotationIn(explainObjects([object]), 'proxy-body-size')).toMatchObject({
      directives: [{ context: 'location', added: ['client_max_body_size 8m;'], removed: [] }],
      locations: 3,
    })
  })

  test('do not hide behind what closes the Ingress', () => {
    const explanation = explainOne({ 'server-snippet': 'return 200;', 'proxy-read-timeout': '300' })
    expect(ingressIn(explanation, 'shop').outcome).toBe('unavailable')
    expect(annotationIn(explanation, 'proxy-read-timeout').directives).toEqual([
      { context: 'location', added: ['proxy_read_timeout 300s;'], removed: [] },
    ])
  })

  test('need no Service, and say what they do although another Ingress has the path', () => {
    const [older, younger] = [
      ingress('older').host('one.test').prefix('/', 'a'),
      ingress('younger').host('one.test').prefix('/', 'b').prefix('/c', 'c'),
    ]
    const explanation = explainObjects([older, annotated({ 'proxy-body-size': '8m' }, younger)])
    expect(annotationIn(explanation, 'proxy-body-size')).toMatchObject({ verdict: 'same', locations: 1 })
    expect(ingressIn(explanation, 'younger').findings).toEqual([expect.objectContaining({ code: 'path-claimed', level: 'blocked' })])
  })

  test('of an Ingress that shares its host with many are its own', () => {
    const many = Array.from({ length: 50 }, (_, number) =>
      annotated(
        { 'proxy-body-size': `${number + 2}m` },
        ingress(`a-${number}`).host('one.test').prefix(`/${number}`, 'a').exact('/same', 'a'),
      ),
    )
    const { ingresses } = explainObjects(many)
    const lines = ingresses.map(({ name, annotations }) => `${name} ${annotations[0]?.directives.flatMap(({ added }) => added)}`)
    expect(lines.sort()).toEqual(many.map((_, number) => `a-${number} client_max_body_size ${number + 2}m;`).sort())
  })

  test('of an Ingress that has nothing to say change nothing', () => {
    const [older, younger] = [ingress('older').host('one.test').prefix('/', 'a'), ingress('younger').host('one.test').prefix('/', 'b')]
    const explanation = explainObjects([older, annotated({ 'proxy-body-size': '8m' }, younger)])
    expect(annotationIn(explanation, 'proxy-body-size')).toMatchObject({ verdict: 'default', message: 'changes nothing here' })
    expect(ingressIn(explanation, 'younger').outcome).toBe('nothing')
  })
})

describe('what is not in the input', () => {
  const objects = [shop().tls('shop-tls', 'shop.test'), service('other')]

  test('of manifests is taken to be there, and named', () => {
    const explanation = explainObjects(objects)
    expect(explanation.summary.absent).toEqual({ services: ['default/shop'], secrets: ['default/shop-tls'], configMaps: [] })
    expect(ingressIn(explanation, 'shop')).toMatchObject({ level: 'fine', outcome: 'served', findings: [] })
  })

  test('of a cluster is missing', () => {
    const explanation = explainObjects(objects, { presumed: new Set() })
    expect(explanation.summary.absent).toEqual({ services: [], secrets: [], configMaps: [] })
    expect(ingressIn(explanation, 'shop')).toMatchObject({ level: 'blocked', outcome: 'unavailable' })
    expect(
      ingressIn(explanation, 'shop')
        .findings.map(({ code }) => code)
        .sort(),
    ).toEqual(['backend-not-found', 'certificate-not-found'])
  })

  test('of what may not be read nothing is held against anybody, and all else is', () => {
    const explanation = explainObjects(objects, { presumed: new Set(['Secret'] as const), unread: ['Secret objects may not be read'] })
    expect(ingressIn(explanation, 'shop').findings.map(({ code }) => code)).toEqual(['backend-not-found'])
    expect(explanation.findings).toEqual([{ code: 'access-denied', level: 'different', message: 'Secret objects may not be read' }])
  })

  test('a port that the Service has not is a mistake all the same', () => {
    const explanation = explainObjects([shop(), service('shop', [{ port: 8080 }])])
    expect(ingressIn(explanation, 'shop').findings).toEqual([expect.objectContaining({ code: 'backend-port-not-found', level: 'blocked' })])
  })
})

describe('what Ingresses come to', () => {
  const codesOf = (...objects: readonly IngressBuilder[]) =>
    explainObjects(objects).ingresses.flatMap(({ findings }) => findings.map(({ code }) => code))

  test.each([
    ['a wildcard', 'wildcard-is-one-label', ingress('a').host('*.a.test').prefix('/', 'a')],
    ['a path by characters', 'prefix-by-segments', ingress('a').host('a.test').implementationSpecific('/api', 'a')],
    ['a tls entry without Secret', 'tls-without-secret', shop('a').tls(undefined, 'a.test')],
    ['a host of a tls entry that nobody serves', 'tls-host-unused', shop('a').tls('a', 'a.test', 'b.test')],
    ['no class', 'no-class', shop('a').class(undefined)],
  ])('%s is told: %s', (_, code, object) => {
    expect(codesOf(object)).toEqual([code])
  })

  test.each([
    ['a wildcard certificate for hosts below it', shop('a').host('x.a.test').prefix('/', 'a').tls('a', 'a.test', '*.a.test')],
    ['paths that end with a slash, and /', ingress('a').host('a.test').implementationSpecific('/', 'a').implementationSpecific('/b/', 'b')],
  ])('%s are nothing to tell', (_, object) => {
    expect(codesOf(object)).toEqual([])
  })

  test('the second certificate of a host is told to whoever brings it', () => {
    const [older, younger] = [
      ingress('older').host('a.test').prefix('/a', 'a').tls('one', 'a.test'),
      ingress('younger').host('a.test').prefix('/b', 'b'),
    ]
    const explanation = explainObjects([older, younger.tls('two', 'a.test')])
    expect(ingressIn(explanation, 'older').findings).toEqual([])
    expect(ingressIn(explanation, 'younger').findings).toEqual([
      expect.objectContaining({ code: 'second-certificate', message: expect.stringContaining('default/one') }),
    ])
  })

  test('a host of several namespaces is worth knowing', () => {
    const [one, two] = [ingress('one').host('a.test').prefix('/', 'a'), ingress('two').namespace('other').host('A.test').prefix('/b', 'b')]
    const { findings } = explainObjects([one, two])
    expect(findings).toEqual([expect.objectContaining({ code: 'shared-host', level: 'fine', ingresses: ['default/one', 'other/two'] })])
  })

  test('classes are counted, with the flag that serves them', () => {
    const objects = [shop('a').class('nginx'), shop('b').class('nginx'), shop('c'), shop('d').class(undefined), shop('e').class('traefik')]
    const { classes } = explainObjects([...objects, ingressClass('nginx', 'k8s.io/ingress-nginx')]).summary
    expect(classes).toEqual([
      { name: 'nginx', ingresses: 2, servedWith: '--takeover' },
      { name: 'nginx-ts', ingresses: 1 },
      { ingresses: 1, servedWith: '--watch-ingress-without-class' },
      { name: 'traefik', ingresses: 1, servedWith: '--ingress-class traefik' },
    ])
  })
})

test('what stops a migration comes first, the most frequent before others', () => {
  const snippet = { 'server-snippet': 'return 200;' }
  const explanation = explainObjects([
    annotated({ 'proxy-read-timeout': '60s' }, shop('a')),
    annotated({ 'proxy-body-size': '8m' }, shop('b')),
    annotated({ 'auth-tls-secret': 'default/ca', ...snippet }, shop('c')),
    annotated(snippet, shop('d')),
  ])
  expect(explanation.ingresses.map(({ name }) => name)).toEqual(['c', 'd', 'a', 'b'])
  expect(explanation.summary.levels).toEqual({ blocked: 2, ignored: 1, different: 0, fine: 1 })
  const [first, ...others] = explanation.summary.first
  expect(first).toMatchObject({
    what: ['server-snippet'],
    verdict: 'refused',
    level: 'blocked',
    ingresses: 2,
    examples: ['default/c', 'default/d'],
  })
  expect(others.at(-1)).toMatchObject({ what: ['proxy-read-timeout'], verdict: 'invalid', level: 'ignored' })
})

test('only what is chosen is explained, and all bear on it', () => {
  const [older, younger] = [
    ingress('older').host('a.test').prefix('/', 'a'),
    ingress('younger').namespace('other').host('a.test').prefix('/', 'b'),
  ]
  const explanation = explainObjects([older, younger, shop('third')], { isChosen: ({ namespace }) => namespace === 'other' })
  expect(explanation.ingresses.map(({ name }) => name)).toEqual(['younger'])
  expect(explanation.ingresses[0]?.findings).toEqual([expect.objectContaining({ code: 'path-claimed' })])
  expect(explanation.summary).toMatchObject({ ingresses: 1, absent: { services: ['other/b'] } })
  expect(explanation.findings).toEqual([expect.objectContaining({ code: 'shared-host' })])
})

test('is the same each time, and what its schema says', () => {
  const objects = [annotated({ 'proxy-body-size': '8m', nonsense: '1' }), shop('a').host('*.a.test').prefix('/', 'a')]
  const explanation = explainObjects(objects)
  expect(explanationSchema.parse(JSON.parse(JSON.stringify(explanation)))).toEqual(explanation)
  expect(explainObjects(objects)).toEqual(explanation)
})
