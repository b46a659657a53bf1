// biome-ignore-all lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
/** Endpoints by hash: live, on each NGINX. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import upstreamHash from '../../../src/annotations/features/upstream-hash.ts'
import { hostileTexts } from '../../support/hostile.ts'
import { ingress } from '../../support/objects.ts'
import { type Pods, startPods } from '../../support/pods.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'nginx.ingress.kubernetes.io/upstream-hash-by'

describe('values', () => {
  const schema = upstreamHash.annotations['upstream-hash-by']?.value
  const [text, variable] = [(value: string) => ({ kind: 'text', text: value }), (name: string) => ({ kind: 'variable', name })]
  test.each([
    ['$request_uri', [variable('request_uri')]],
    ['${remote_addr}', [variable('remote_addr')]],
    ['${request_uri}-text/$arg_userId', [variable('request_uri'), text('-text/'), variable('arg_userid')]],
    ['$http_x_tenant$cookie_id', [variable('http_x_tenant'), variable('cookie_id')]],
  ])('%s', (value, parts) => {
    expect(schema?.parse(value)).toEqual(parts)
  })

  test.each([
    'text',
    '$',
    '$upstream_addr',
    '$nobody_knows',
    '$request_uri;',
    '$request_uri"',
    '$request_uri consistent; server 127.0.0.1:1',
    '${request_uri',
    '$request_uri\\',
    `$${'a'.repeat(600)}`,
    ...hostileTexts.filter((text) => text.trim() !== '' && text !== '$host' && text !== '/$request_uri'),
  ])('%j is refused', (value) => {
    expect(schema?.safeParse(value.trim()).success).toBe(false)
  })
})

describe.each(await testedNginx())('upstream-hash-by, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let pods: Pods

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    pods = await startPods(started, 'shop', 4)
  })
  afterAll(() => started.disposeAsync())

  const route = (value: string) => ingress('shop').host('shop.test').prefix('/', 'shop').annotation(KEY, value)
  const endpointOf = async (path: string, headers = {}) => (await site.get('shop.test', path, { headers })).seen?.backend

  test('equal keys go to the same endpoint, different ones to all of them', async () => {
    await site.serve(route('$request_uri'), ...pods.manifests())
    const paths = Array.from({ length: 40 }, (_, index) => `/${index}`)
    const first = await Promise.all(paths.map((path) => endpointOf(path)))
    expect(await Promise.all(paths.map((path) => endpointOf(path)))).toEqual(first)
    expect(new Set(first)).toEqual(new Set(pods.names))
  })

  test('few keys move when an endpoint goes', async () => {
    await site.serve(route('$request_uri'), ...pods.manifests())
    const paths = Array.from({ length: 80 }, (_, index) => `/${index}`)
    const before = await Promise.all(paths.map((path) => endpointOf(path)))
    await site.serve(route('$request_uri'), ...pods.manifests(...pods.names.slice(1)))
    const after = await Promise.all(paths.map((path) => endpointOf(path)))
    const moved = paths.filter((_, index) => before[index] !== after[index] && before[index] !== pods.names[0])
    expect(moved).toEqual([])
  })

  test('by text, header and argument together', async () => {
    await site.serve(route('tenant:${http_x_tenant}/$arg_user'), ...pods.manifests())
    const all = new Set<string | undefined>()
    for (let user = 0; user < 20; user++) {
      const headers = { 'X-Tenant': `t${user}` }
      const endpoint = await endpointOf(`/a?user=${user}`, headers)
      expect(await endpointOf(`/b?user=${user}`, headers)).toBe(endpoint)
      all.add(endpoint)
    }
    expect(all.size).toBeGreaterThan(1)
  })

  test('a key that is none leaves the default, and is told', async () => {
    const { issues, result } = await site.serve(route('$nobody_knows'), ...pods.manifests())
    expect(result.kind).toBe('applied')
    expect(issues).toMatchObject([{ code: 'invalid-annotation', annotation: KEY }])
    const seen = new Set(await Promise.all(Array.from({ length: 12 }, () => endpointOf('/same'))))
    expect(seen.size).toBeGreaterThan(1)
  })
})
