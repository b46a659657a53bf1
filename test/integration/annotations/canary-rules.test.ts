/** Which requests a canary gets: live, on each NGINX. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import canaryRules from '../../../src/annotations/features/canary-rules.ts'
import { startBackend } from '../../support/backend.ts'
import { hostileTexts } from '../../support/hostile.ts'
import { type IngressBuilder, ingress, type Manifest, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'nginx.ingress.kubernetes.io/'

const PATTERNS = [
  '^(alpha|beta)-',
  'v[3-9]$',
  '.*(Chrome|Firefox).*',
  '^[a-z0-9_.\\-]+@shop\\.test$',
  '\\bx\\b',
  'a{2,3}?',
  '(?:a|b)?',
  '[\\w.-]{1,100}',
  '"',
  '\\\\',
  '$',
  '[^\\s]+;{0,1}',
  '[:]',
  '[^:a:]',
  '[a:=]',
  `(${'[ab]'.repeat(7)}){100}`,
  `(${'a'.repeat(140)}){100}`,
  '[ab]{100}'.repeat(22),
  `(?:${'(ab|c)?'.repeat(20)})?`,
]

describe('values', () => {
  const schemas = canaryRules.annotations
  test.each([
    ['canary-weight', '20', 20],
    ['canary-weight-total', '1000', 1000],
    ['canary-by-header', 'X-Canary', 'X-Canary'],
    ['canary-by-header-value', 'default', 'default'],
    ['canary-by-cookie', 'my-canary.v2', 'my-canary.v2'],
    ...PATTERNS.map((pattern) => ['canary-by-header-pattern', pattern, pattern] as const),
  ])('%s: %s', (key, value, meaning) => {
    expect(schemas[key]?.value.parse(value)).toBe(meaning)
  })

  test.each([
    ['canary-weight', 'NaN'],
    ['canary-weight', '-1'],
    ['canary-weight', '20%'],
    ['canary-weight', '1e9'],
    ['canary-weight-total', '0'],
    ['canary-by-header', 'X-C"; return 418; #'],
    ['canary-by-header', 'X_Canary'],
    ['canary-by-header-value', 'a\nb'],
    ['canary-by-header-value', 'é'],
    ['canary-by-cookie', 'a=b'],
    ['canary-by-cookie', 'a; b'],
    ...[
      '[',
      '(a+)+$',
      '(a|b)*',
      '(a',
      'a)',
      '*',
      'a**',
      '(?=a)',
      '(?<n>a)',
      '(?i)a',
      '\\1',
      '\\x00',
      '\\',
      'a{3,2}',
      'a{1000}',
      '[z-a]',
      '[[:alpha:]]',
      '[:alpha:]',
      '[.a.]',
      '[=a=]',
      '[::]',
      '[:\\]:]',
      '[^]',
      `(${'[ab]'.repeat(45)}){100}`,
      `(${'[ab]'.repeat(20)}){0,100}`,
      '[\\d-z]',
      '[.-\\-]',
      '.*.*.*.*',
      '(*UTF8)',
      '((((((((((((a))))))))))))',
      '()',
      '{',
      'a\tb',
    ].map((pattern) => ['canary-by-header-pattern', pattern] as const),
  ])('%s: %j is refused', (key, value) => {
    expect(schemas[key]?.value.safeParse(value).success).toBe(false)
  })
})

describe.each(await testedNginx())('canary rules, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: Manifest[] = []

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    for (const name of ['main', 'one', 'two']) services = [...services, ...serviceFor(started.use(await startBackend(name)))]
  })
  afterAll(() => started.disposeAsync())

  const shop = () => ingress('shop').host('shop.test').prefix('/', 'main')
  const canary = (service: string, rules: Readonly<Record<string, string>>, name = service): IngressBuilder =>
    Object.entries({ canary: 'true', ...rules }).reduce(
      (built, [key, value]) => built.annotation(KEY + key, value),
      ingress(name).host('shop.test').prefix('/', service),
    )
  const backendOf = async (headers: Readonly<Record<string, string>> = {}) => (await site.get('shop.test', '/', { headers })).seen?.backend

  /** How many of so many requests each backend got. */
  async function counts(requests: number, headers: Readonly<Record<string, string>> = {}) {
    const found = { main: 0, one: 0, two: 0 }
    for (let sent = 0; sent < requests; sent += 20) {
      const backends = await Promise.all(Array.from({ length: 20 }, () => backendOf(headers)))
      for (const backend of backends) found[backend as keyof typeof found]++
    }
    // Every one was answered by a backend.
    expect(found.main + found.one + found.two).toBe(requests)
    return found
  }

  describe('by weight', () => {
    test.each([
      ['0', undefined, 0, 0],
      ['100', undefined, 200, 200],
      ['1000', '1000', 200, 200],
      // Six standard deviations around the half of 400.
      ['50', undefined, 140, 260],
      ['50', '20', 140, 260],
      ['500', '1000', 140, 260],
    ])('%s of %s', async (weight, total, least, most) => {
      const rules = total === undefined ? { 'canary-weight': weight } : { 'canary-weight': weight, 'canary-weight-total': total }
      const { issues, result } = await site.serve(shop(), canary('one', rules), services)
      expect(issues).toEqual([])
      // Equal shares of another total are the same configuration.
      expect(['applied', 'unchanged']).toContain(result.kind)
      const { main, one } = await counts(most === least ? 200 : 400)
      expect(one).toBeGreaterThanOrEqual(least)
      expect(one).toBeLessThanOrEqual(most)
      expect(main + one).toBe(most === least ? 200 : 400)
    })

    test('the least of a large total is not nothing', async () => {
      const { issues, result } = await site.serve(
        shop(),
        canary('one', { 'canary-weight': '1', 'canary-weight-total': '1000000' }),
        services,
      )
      expect({ issues, kind: result.kind }).toMatchObject({ issues: [], kind: 'applied' })
      expect((await counts(40)).main).toBeGreaterThan(20)
    })

    test('more than the total is none, and is told', async () => {
      const { issues, result } = await site.serve(shop(), canary('one', { 'canary-weight': '101' }), services)
      expect(result.kind).not.toBe('refused')
      expect(issues).toMatchObject([{ code: 'canary-weight', object: { name: 'one' } }])
      expect(await counts(40)).toEqual({ main: 40, one: 0, two: 0 })
    })

    test('an invalid weight leaves what else is said', async () => {
      const { issues } = await site.serve(shop(), canary('one', { 'canary-weight': 'NaN', 'canary-by-header': 'X-Canary' }), services)
      expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: `${KEY}canary-weight` }])
      expect(await backendOf()).toBe('main')
      expect(await backendOf({ 'X-Canary': 'always' })).toBe('one')
    })
  })

  test('of more canaries than a path has, the oldest are asked for, and the others told', async () => {
    const many = Array.from({ length: 65 }, (_, index) =>
      canary('one', { 'canary-by-header': `X-${'a'.repeat(70)}${index}`, 'canary-by-cookie': `c${index}` }, `many-${index}`),
    )
    const { issues, result } = await site.serve(shop(), ...many, services)
    expect(result.kind).toBe('applied')
    expect(issues).toMatchObject([{ code: 'too-many-canaries', object: { name: 'many-64' } }])
    expect(await backendOf({ [`X-${'a'.repeat(70)}63`]: 'always' })).toBe('one')
    expect(await backendOf({ cookie: 'c0=always' })).toBe('one')
    expect(await backendOf({ [`X-${'a'.repeat(70)}64`]: 'always' })).toBe('main')
  })

  test('by header: always and never, in these letters; anything else leaves it to the weight', async () => {
    await site.serve(shop(), canary('one', { 'canary-by-header': 'X-Canary' }), services)
    expect(await backendOf({ 'x-canary': 'always' })).toBe('one')
    for (const value of ['never', 'Always', 'ALWAYS', 'alwayss', 'yes', '']) expect(await backendOf({ 'X-Canary': value })).toBe('main')
    await site.serve(shop(), canary('one', { 'canary-by-header': 'X-Canary', 'canary-weight': '100' }), services)
    expect(await backendOf({ 'X-Canary': 'never' })).toBe('main')
    for (const value of ['always', 'other']) expect(await backendOf({ 'X-Canary': value })).toBe('one')
  })

  test('by header value: exactly that, and always and never mean nothing', async () => {
    const rules = { 'canary-by-header': 'X-Region', 'canary-by-header-value': 'eu.west-1+(a)' }
    await site.serve(shop(), canary('one', rules), services)
    expect(await backendOf({ 'X-Region': 'eu.west-1+(a)' })).toBe('one')
    for (const value of ['EU.WEST-1+(A)', 'euxwest-1+(a)', 'eu.west-1+(a)b', 'always'])
      expect(await backendOf({ 'X-Region': value })).toBe('main')
    await site.serve(shop(), canary('one', { ...rules, 'canary-weight': '100' }), services)
    expect(await backendOf({ 'X-Region': 'never' })).toBe('one')
  })

  test.each(['include', 'default', 'hostnames', 'volatile', '~.*', '\\', '"; return 418; #', '$host', '*.x'])(
    'by header value: %s is a value like others',
    async (value) => {
      const { result } = await site.serve(shop(), canary('one', { 'canary-by-header': 'X-V', 'canary-by-header-value': value }), services)
      expect(result.kind).not.toBe('refused')
      expect(await backendOf({ 'X-V': value })).toBe('one')
      expect(await backendOf({ 'X-V': 'x' })).toBe('main')
      expect(await backendOf()).toBe('main')
    },
  )

  test('by header pattern, unless a value is given too', async () => {
    const rules = { 'canary-by-header': 'X-Version', 'canary-by-header-pattern': '^v[3-9]' }
    await site.serve(shop(), canary('one', rules), services)
    expect(await backendOf({ 'X-Version': 'v3.1' })).toBe('one')
    for (const value of ['v2', 'V3', 'xv3', 'always']) expect(await backendOf({ 'X-Version': value })).toBe('main')
    await site.serve(shop(), canary('one', { ...rules, 'canary-by-header-value': 'beta' }), services)
    expect(await backendOf({ 'X-Version': 'v3.1' })).toBe('main')
    expect(await backendOf({ 'X-Version': 'beta' })).toBe('one')
  })

  test('a pattern that could keep NGINX busy or does not compile has no effect, and is told', async () => {
    for (const pattern of ['(a+)+$', '[']) {
      const { issues, result } = await site.serve(
        shop(),
        canary('one', { 'canary-by-header': 'X-Version', 'canary-by-header-pattern': pattern }),
        services,
      )
      expect(result.kind).not.toBe('refused')
      expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: `${KEY}canary-by-header-pattern` }])
      expect(await backendOf({ 'X-Version': `${'a'.repeat(50)}!` })).toBe('main')
    }
  })

  test('by cookie: always and never, among others, and with a dash in its name', async () => {
    await site.serve(shop(), canary('one', { 'canary-by-cookie': 'my-canary', 'canary-weight': '0' }), services)
    for (const cookie of ['my-canary=always', 'a=b; my-canary=always; c=d', 'a=b;my-canary=always'])
      expect(await backendOf({ cookie })).toBe('one')
    for (const cookie of ['my-canary=never', 'xmy-canary=always', 'my-canary=alwaysx', 'a=my-canary=always', 'MY-CANARY=always'])
      expect(await backendOf({ cookie })).toBe('main')
    await site.serve(shop(), canary('one', { 'canary-by-cookie': 'my-canary', 'canary-weight': '100' }), services)
    expect(await backendOf({ cookie: 'my-canary=never' })).toBe('main')
    expect(await backendOf({ cookie: 'my-canary=maybe' })).toBe('one')
  })

  test('the header comes before the cookie, the cookie before the weight', async () => {
    const rules = { 'canary-by-header': 'X-Canary', 'canary-by-cookie': 'canary', 'canary-weight': '100' }
    await site.serve(shop(), canary('one', rules), services)
    expect(await backendOf()).toBe('one')
    expect(await backendOf({ cookie: 'canary=never' })).toBe('main')
    expect(await backendOf({ cookie: 'canary=never', 'X-Canary': 'always' })).toBe('one')
    expect(await backendOf({ cookie: 'canary=always', 'X-Canary': 'never' })).toBe('main')
    expect(await backendOf({ cookie: 'canary=never', 'X-Canary': 'other' })).toBe('main')
  })

  test('rules without canary: true have no effect', async () => {
    await site.serve(shop().annotation(`${KEY}canary-weight`, '100').annotation(`${KEY}canary-by-header`, 'X-Canary'), services)
    expect(await backendOf({ 'X-Canary': 'always' })).toBe('main')
  })

  describe('several canaries of one path', () => {
    test('each by its header; where both are asked for, the older one', async () => {
      const [one, two] = [canary('one', { 'canary-by-header': 'X-One' }), canary('two', { 'canary-by-header': 'X-Two' })]
      const { issues } = await site.serve(shop(), one, two, services)
      expect(issues).toEqual([])
      expect(await backendOf({ 'X-One': 'always' })).toBe('one')
      expect(await backendOf({ 'X-Two': 'always' })).toBe('two')
      expect(await backendOf({ 'X-One': 'always', 'X-Two': 'always' })).toBe('one')
      expect(await backendOf({ 'X-One': 'never', 'X-Two': 'always' })).toBe('two')
      expect(await backendOf()).toBe('main')
    })

    test('who asks for one gets it, whatever the weights of the others', async () => {
      await site.serve(shop(), canary('one', { 'canary-weight': '100' }), canary('two', { 'canary-by-cookie': 'two' }), services)
      expect(await backendOf({ cookie: 'two=always' })).toBe('two')
      expect(await backendOf()).toBe('one')
    })

    test('weights add up', async () => {
      await site.serve(shop(), canary('one', { 'canary-weight': '30' }), canary('two', { 'canary-weight': '50' }), services)
      const { main, one, two } = await counts(600)
      // Six standard deviations around 180, 300 and 120.
      expect(one).toBeGreaterThan(112)
      expect(one).toBeLessThan(248)
      expect(two).toBeGreaterThan(226)
      expect(two).toBeLessThan(374)
      expect(main).toBeGreaterThan(61)
      expect(main).toBeLessThan(179)
    })

    test('to the whole and no further, and the younger one is told', async () => {
      const { issues, result } = await site.serve(
        shop(),
        canary('one', { 'canary-weight': '70' }),
        canary('two', { 'canary-weight': '50' }),
        services,
      )
      expect(result.kind).not.toBe('refused')
      expect(issues).toMatchObject([{ code: 'canary-weight', object: { name: 'two' } }])
      expect(issues[0]?.message).toContain('this one gets 30 %')
      const { main, two } = await counts(200)
      expect(main).toBe(0)
      expect(two).toBeGreaterThan(20)
    })

    test('one that is not wanted leaves its share to the main backend', async () => {
      const one = canary('one', { 'canary-weight': '50', 'canary-by-header': 'X-One' })
      await site.serve(shop(), one, canary('two', { 'canary-weight': '50' }), services)
      const { main, one: ofOne, two } = await counts(200, { 'X-One': 'never' })
      expect(ofOne).toBe(0)
      expect(main).toBeGreaterThan(50)
      expect(two).toBeGreaterThan(50)
    })
  })

  test('NGINX compiles every pattern that is taken, hostile ones too', async () => {
    const schema = canaryRules.annotations['canary-by-header-pattern']?.value
    const taken = [...PATTERNS, ...hostileTexts].filter((text) => schema?.safeParse(text.trim()).success === true)
    expect(taken.length).toBeGreaterThan(20)
    const canaries = taken.map((pattern, index) =>
      canary('one', { 'canary-by-header': `X-${index}`, 'canary-by-header-pattern': pattern }, `c${index}`),
    )
    const { result } = await site.serve(shop(), ...canaries, services)
    expect(result.kind).toBe('applied')
    expect(await backendOf({ 'X-0': 'alpha-1' })).toBe('one')
  })
})
