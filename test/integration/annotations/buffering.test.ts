/** proxy-buffering and the buffers it takes: whether answers are kept here on their way to the client, and how. */
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Annotations, annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { startBackend } from '../../support/backend.ts'
import { eventually } from '../../support/eventually.ts'
import { type Manifest, options, serviceFor } from '../../support/objects.ts'
import { openConnection } from '../../support/raw-connection.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SIZES = ['proxy-buffer-size', 'proxy-busy-buffers-size', 'proxy-max-temp-file-size']
const KEYS = ['proxy-buffering', 'proxy-buffers-number', ...SIZES]
/** More than the sockets on the way take. */
const LARGE = 32 * MIB

describe.each(await testedNginx())('annotations of buffering, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]
  /** The paths whose whole answer the backend got rid of. */
  const sent = new Set<string>()

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    const backend = started.use(
      await startBackend('backend', {
        answer: ({ url = '' }, response) => {
          if (url.endsWith('/large')) response.end(Buffer.alloc(LARGE, 'x'), () => sent.add(url))
          else if (url.endsWith('/chunked')) response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(Buffer.alloc(4 * MIB, 'x'))
          else response.writeHead(200, { 'x-large': 'x'.repeat(6000) }).end()
        },
      }),
    )
    services = serviceFor(backend)
  })
  afterAll(() => started.disposeAsync())

  const sibling = () => annotated('sibling', 'unused.test', 'backend', {}).host('shop.test').prefix('/sibling', 'backend')
  async function serve(annotations: Annotations, configMap: Record<string, string> = {}) {
    const served = await site.serve(annotated('shop', 'shop.test', 'backend', annotations), sibling(), services, options(configMap))
    expect(served.result.kind).not.toBe('refused')
    expect(served.issues).toEqual([])
  }

  /** Asks for much and reads nothing of it for the time being. */
  async function askAndWait(path: string): Promise<IncomingMessage> {
    sent.delete(path)
    return await new Promise((resolve, reject) =>
      get({ host: '127.0.0.1', port: site.httpPort, path, headers: { host: 'shop.test' }, agent: false }, resolve).once('error', reject),
    )
  }

  /** The backend gets rid of its whole answer at the one path while the client reads nothing, and cannot at the other. */
  async function expectKept(kept: string, notKept: string) {
    const clients = [await askAndWait(notKept), await askAndWait(kept)]
    try {
      await eventually(() => expect([...sent]).toContain(kept))
      expect([...sent]).not.toContain(notKept)
    } finally {
      for (const client of clients) client.destroy()
    }
  }

  test('proxy-buffering on keeps answers, and not of a sibling', async () => {
    await serve({ 'proxy-buffering': 'on' })
    await expectKept('/large', '/sibling/large')
  })

  test('proxy-buffering off comes before the ConfigMap', async () => {
    await serve({ 'proxy-buffering': 'off' }, { 'proxy-buffering': 'on' })
    await expectKept('/sibling/large', '/large')
  })

  test('proxy-max-temp-file-size limits what is kept, and not of a sibling', async () => {
    await serve({ 'proxy-max-temp-file-size': '0' }, { 'proxy-buffering': 'on' })
    await expectKept('/sibling/large', '/large')
  })

  test('proxy-buffers-number keeps more in memory, and not of a sibling', async () => {
    // Nothing may go into a file for either, so that only buffers can hold it.
    const many = { 'proxy-buffering': 'on', 'proxy-buffers-number': '4096', 'proxy-buffer-size': '16k', 'proxy-max-temp-file-size': '0' }
    const few = { ...many, 'proxy-buffers-number': '4' }
    await site.serve(
      annotated('many', 'shop.test', 'backend', many),
      annotated('few', 'unused.test', 'backend', few).host('shop.test').prefix('/sibling', 'backend'),
      services,
    )
    await expectKept('/large', '/sibling/large')
  })

  test('proxy-buffer-size has room for larger headers, and not of a sibling', async () => {
    await serve({ 'proxy-buffer-size': '16k' })
    expect(await site.get('shop.test', '/')).toHaveStatus(200)
    expect(await site.get('shop.test', '/sibling')).toHaveStatus(502)
  })

  test('proxy-buffer-size comes before the ConfigMap', async () => {
    await serve({ 'proxy-buffer-size': '4k' }, { 'proxy-buffer-size': '16k' })
    expect(await site.get('shop.test', '/')).toHaveStatus(502)
    expect(await site.get('shop.test', '/sibling')).toHaveStatus(200)
  })

  test('proxy-busy-buffers-size is how much is sent at a time, and not of a sibling', async () => {
    await serve({ 'proxy-busy-buffers-size': '128k' }, { 'proxy-buffering': 'on', 'proxy-buffers-number': '64' })
    // NGINX makes one chunk of what it sends at once: two buffers without the annotation, and all that is left at the end.
    const largestChunk = async (path: string) => {
      await using connection = await openConnection(site.httpPort)
      await connection.write(`GET ${path} HTTP/1.1\r\nHost: shop.test\r\n\r\n`)
      const answer = await connection.until(/\r\n0\r\n\r\n$/)
      const sizes = [...answer.matchAll(/\r\n([0-9a-f]+)\r\nx/g)].map(([, size = '']) => Number.parseInt(size, 16))
      return Math.max(...sizes.slice(0, -1))
    }
    expect(await largestChunk('/chunked')).toBeGreaterThan(16 * KIB)
    expect(await largestChunk('/sibling/chunked')).toBeLessThanOrEqual(12 * KIB)
  })

  test.each([
    { key: 'proxy-buffering', good: ['on', 'off', ' on '], bad: ['ON', 'true', 'yes', '1', ''] },
    { key: 'proxy-buffer-size', good: ['1k', '8K', '4096', '1m'], bad: ['0', '1023', '2m', '8kb', '8 k', '-8k', ''] },
    { key: 'proxy-buffers-number', good: ['3', '8', '4096'], bad: ['0', '2', '4097', '8k', '4 8k', '-4', ''] },
    { key: 'proxy-busy-buffers-size', good: ['4k', '8k', '12k'], bad: ['0', '1k', '4095', '12289', '16k', '1g', ''] },
    { key: 'proxy-max-temp-file-size', good: ['0', '4k', '1024m', '1g'], bad: ['1', '4095', '-1', '1t', 'none', ''] },
  ])('$key takes $good, and not $bad', async ({ key, good, bad }) => {
    const ingresses = [...good, ...bad].map((value, index) => annotated(`i${index}`, `i${index}.test`, 'backend', { [key]: value }))
    const { result, issues } = await site.serve(...ingresses, services)
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${key}`)))
    expect(issues).toHaveLength(bad.length)
  })

  test.each([
    ['in the annotations', { 'proxy-buffer-size': '16k', 'proxy-buffers-number': '3', 'proxy-busy-buffers-size': '8k' }, {}, false],
    ['with one in the ConfigMap', { 'proxy-busy-buffers-size': '8k' }, { 'proxy-buffer-size': '16k' }, false],
    ['that the ConfigMap has room for', { 'proxy-busy-buffers-size': '32k' }, { 'proxy-buffers-number': '16' }, true],
  ])('sizes that go together or not: %s', async (_, annotations, configMap, fits) => {
    const objects = [annotated('shop', 'shop.test', 'backend', annotations), services, options(configMap)]
    const { result, issues } = await site.serve(...objects)
    expect(result.kind).not.toBe('refused')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(fits ? [] : ['shop proxy-busy-buffers-size']))
    expect(await site.get('shop.test', '/chunked')).toHaveStatus(200)
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses(KEYS, 'backend', ['0', 'off', '2130706433'])
    const { result, issues } = await site.serve(...hostile, services)
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, KEYS))
  })
})
