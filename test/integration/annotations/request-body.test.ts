/** proxy-body-size, client-body-buffer-size, proxy-request-buffering: how large the body of a request may be, and where it is kept. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { eventually } from '../../support/eventually.ts'
import { options, serviceFor } from '../../support/objects.ts'
import { type RawBackend, startRawBackend } from '../../support/raw-backend.ts'
import { openConnection } from '../../support/raw-connection.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const MIB = 1024 * 1024
const SIZES = ['proxy-body-size', 'client-body-buffer-size']
const KEYS = [...SIZES, 'proxy-request-buffering']

describe.each(await testedNginx())('annotations of request bodies, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend
  /** Shows what has arrived before a request is whole. */
  let early: RawBackend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
    early = started.use(
      await startRawBackend('early', (_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly')),
    )
  })
  afterAll(() => started.disposeAsync())

  const shop = (annotations: Record<string, string>, service = 'web') => annotated('shop', 'shop.test', service, annotations)
  /** Younger, of the same host. */
  const sibling = (service = 'web') => annotated('sibling', 'unused.test', service, {}).host('shop.test').prefix('/sibling', service)
  const post = (path: string, bytes: number) => site.get('shop.test', path, { method: 'POST', body: Buffer.alloc(bytes) })

  describe('proxy-body-size', () => {
    test('lets larger bodies through, and not of a sibling', async () => {
      const { issues } = await site.serve(shop({ 'proxy-body-size': '3m' }), sibling(), serviceFor(web))
      expect(issues).toEqual([])
      expect(await post('/', 3 * MIB)).toComeFrom('web')
      expect(await post('/', 3 * MIB + 1)).toHaveStatus(413)
      expect(await post('/sibling', MIB + 1)).toHaveStatus(413)
    })

    test('comes before the ConfigMap, for less as for more', async () => {
      await site.serve(shop({ 'proxy-body-size': '1k' }), sibling(), serviceFor(web), options({ 'proxy-body-size': '2m' }))
      expect(await post('/', 1024)).toComeFrom('web')
      expect(await post('/', 1025)).toHaveStatus(413)
      expect(await post('/sibling', 2 * MIB)).toComeFrom('web')
    })

    test('0 lets everything through', async () => {
      await site.serve(shop({ 'proxy-body-size': '0' }), sibling(), serviceFor(web))
      expect(await post('/', 2 * MIB)).toComeFrom('web')
      expect(await post('/sibling', 2 * MIB)).toHaveStatus(413)
    })
  })

  test('client-body-buffer-size keeps in memory what went into a file, and not of a sibling', async () => {
    const inFiles = async () => (await site.errorLog()).split('a client request body is buffered to a temporary file').length - 1
    const objects = [shop({ 'client-body-buffer-size': '256k' }), sibling(), serviceFor(web)]
    await site.serve(...objects, options({ 'client-body-buffer-size': '8k' }))
    const before = await inFiles()
    expect(await post('/', 100_000)).toComeFrom('web')
    expect(await post('/sibling', 100_000)).toComeFrom('web')
    await eventually(async () => expect(await inFiles()).toBe(before + 1))
  })

  test('proxy-request-buffering off passes a body on as it comes, and not of a sibling', async () => {
    const { issues } = await site.serve(shop({ 'proxy-request-buffering': 'off' }, 'early'), sibling('early'), serviceFor(early))
    expect(issues).toEqual([])
    const half = (path: string) => `POST ${path} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhello`
    await using held = await openConnection(site.httpPort)
    await held.write(half('/sibling'))
    await using passed = await openConnection(site.httpPort)
    await passed.write(half('/'))
    // The backend answers what it has seen of the one; of the other it has seen nothing until it is whole.
    await passed.until(/early$/)
    expect(early.heads.filter((head) => head.startsWith('POST /sibling'))).toEqual([])
    await held.write('world')
    await held.until(/early$/)
  })

  test.each([
    ...SIZES.map((key) => ({
      key,
      good: ['8k', '1M', '1024', ' 1m ', '32K'],
      bad: ['-1', '8kb', '1.5m', '1 m', '0x10', '1e6', 'unlimited', '9'.repeat(20), '99999g', '', ' '],
    })),
    { key: 'proxy-body-size', good: ['0', '1g', '1024g'], bad: ['1025g', '1t'] },
    { key: 'client-body-buffer-size', good: ['1k', '64m'], bad: ['0', '1023', '65m', '1g'] },
    { key: 'proxy-request-buffering', good: ['on', 'off', ' off '], bad: ['On', 'true', 'false', '1', 'no', ''] },
  ])('$key takes $good, and not $bad', async ({ key, good, bad }) => {
    const ingresses = [...good, ...bad].map((value, index) => annotated(`i${index}`, `i${index}.test`, 'web', { [key]: value }))
    const { result, issues } = await site.serve(...ingresses, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${key}`)))
    expect(issues).toHaveLength(bad.length)
    for (const index of [good.length - 1, good.length]) expect(await site.get(`i${index}.test`, '/')).toComeFrom('web')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses(KEYS, 'web', ['0', 'off', '2130706433'])
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, KEYS))
    for (let index = 0; index < hostile.length; index += 10) expect(await site.get(`h${index}.test`, '/')).toComeFrom('web')
  })
})
