/** proxy-next-upstream, its tries and its timeout: when a request is tried on another endpoint. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { startBackend } from '../../support/backend.ts'
import { endpointSlice, type Manifest, options, service } from '../../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'

const KEYS = ['proxy-next-upstream', 'proxy-next-upstream-tries', 'proxy-next-upstream-timeout']

describe.each(await testedNginx())('annotations of next-upstream, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  /** Service `both` has an endpoint that answers 503 and one that answers 200; those of `silent` only count. */
  let services: readonly Manifest[]
  let asked = 0

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    const web = started.use(await startBackend('web'))
    const failing = started.use(await startBackend('failing', { answer: (_, response) => response.writeHead(503).end() }))
    const say = { answer: () => void asked++ }
    const [silent, sameSilent] = [started.use(await startBackend('silent', say)), started.use(await startBackend('silent', say))]
    const slice = (name: string, { address, port }: { readonly address: string; readonly port: number }, suffix: string) =>
      endpointSlice(name, [{ address }], { port }, { suffix })
    services = [
      service('both'),
      slice('both', failing, '1'),
      slice('both', web, '2'),
      service('silent'),
      slice('silent', silent, '1'),
      slice('silent', sameSilent, '2'),
    ]
  })
  afterAll(() => started.disposeAsync())

  /** With one worker, whose round robin takes turns. */
  async function serve(configMap: Record<string, string>, ...objects: readonly SiteObject[]) {
    const served = await site.serve(...objects, services, options({ 'worker-processes': '1', ...configMap }))
    expect(served.result.kind).toBe('applied')
    expect(served.issues).toEqual([])
  }
  const shop = (annotations: Record<string, string>, name = 'both') => annotated('shop', 'shop.test', name, annotations)
  const sibling = () => annotated('sibling', 'unused.test', 'both', {}).host('shop.test').prefix('/sibling', 'both')

  async function statusesAt(path: string, method = 'GET') {
    const statuses = new Set<number>()
    for (let turn = 0; turn < 4; turn++) statuses.add((await site.get('shop.test', path, { method })).status)
    return [...statuses].sort()
  }

  test('proxy-next-upstream tries after what it names, and not for a sibling', async () => {
    await serve({}, shop({ 'proxy-next-upstream': 'error http_503' }), sibling())
    expect(await statusesAt('/')).toEqual([200])
    expect(await statusesAt('/', 'POST')).toEqual([200, 503])
    expect(await statusesAt('/sibling')).toEqual([200, 503])
  })

  test('non_idempotent takes POST along', async () => {
    await serve({}, shop({ 'proxy-next-upstream': 'error http_503 non_idempotent' }))
    expect(await statusesAt('/', 'POST')).toEqual([200])
  })

  test('proxy-next-upstream comes before the ConfigMap', async () => {
    await serve({ 'proxy-next-upstream': 'error http_503' }, shop({ 'proxy-next-upstream': 'off' }), sibling())
    expect(await statusesAt('/')).toEqual([200, 503])
    expect(await statusesAt('/sibling')).toEqual([200])
  })

  test('proxy-next-upstream-tries ends them, and not for a sibling', async () => {
    await serve({ 'proxy-next-upstream': 'error http_503' }, shop({ 'proxy-next-upstream-tries': '1' }), sibling())
    expect(await statusesAt('/')).toEqual([200, 503])
    expect(await statusesAt('/sibling')).toEqual([200])
  })

  test('proxy-next-upstream-timeout ends them', async () => {
    const triesOf = async (annotations: Record<string, string>) => {
      await serve({ 'proxy-read-timeout': '1', 'proxy-next-upstream': 'timeout' }, shop(annotations, 'silent'))
      asked = 0
      expect(await site.get('shop.test', '/')).toHaveStatus(504)
      return asked
    }
    // The first try takes a second, after which the time of all tries is over.
    expect(await triesOf({ 'proxy-next-upstream-timeout': '1' })).toBe(1)
    expect(await triesOf({})).toBe(2)
  })

  test.each([
    {
      key: 'proxy-next-upstream',
      good: [
        'off',
        'error timeout',
        'http_429  http_500',
        'error timeout invalid_header http_500 http_502 http_503 http_504 http_403 http_404 http_429 non_idempotent',
      ],
      bad: ['on', 'error, timeout', 'http_501', 'error;', 'ERROR', ''],
    },
    { key: 'proxy-next-upstream-tries', good: ['0', '1', '100', ' 3 '], bad: ['-1', '101', '1.5', 'three', ''] },
    { key: 'proxy-next-upstream-timeout', good: ['0', '1', '600'], bad: ['-1', '5s', '1m', 'none', ''] },
  ])('$key takes $good, and not $bad', async ({ key, good, bad }) => {
    const ingresses = [...good, ...bad].map((value, index) => annotated(`i${index}`, `i${index}.test`, 'both', { [key]: value }))
    const { result, issues } = await site.serve(...ingresses, services)
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${key}`)))
    expect(issues).toHaveLength(bad.length)
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses(KEYS, 'both', ['0', 'off'])
    const { result, issues } = await site.serve(...hostile, services)
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, KEYS))
  })
})
