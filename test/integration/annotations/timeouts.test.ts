/** proxy-connect-timeout, proxy-read-timeout, proxy-send-timeout: how long a backend may take. */
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { startDeafBackend } from '../../support/deaf-backend.ts'
import { eventually } from '../../support/eventually.ts'
import { options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'
import { startUnreachableBackend } from '../../support/unreachable-backend.ts'

const KEYS = ['proxy-connect-timeout', 'proxy-read-timeout', 'proxy-send-timeout']
const MONTH = String(30 * 24 * 3600)

describe.each(await testedNginx())('annotations of timeouts, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  /** What the slow backend has not answered yet. */
  let held: ServerResponse[] = []
  let site: Site
  let web: Backend
  let slow: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
    slow = started.use(await startBackend('slow', { answer: (_, response) => void held.push(response) }))
  })
  afterAll(() => started.disposeAsync())

  const hasty = (annotations: Record<string, string>, service = 'slow') => annotated('hasty', 'hasty.test', service, annotations)
  /** Younger, of the same host. */
  const patient = (service = 'slow') => annotated('patient', 'unused.test', service, {}).host('hasty.test').prefix('/patient', service)

  async function answerAll(count: number) {
    await eventually(() => expect(held.length).toBeGreaterThanOrEqual(count))
    for (const response of held.splice(0)) response.end('late')
  }

  test('proxy-read-timeout ends what takes longer, and not of a sibling', async () => {
    held = []
    const { issues } = await site.serve(hasty({ 'proxy-read-timeout': '1', 'proxy-next-upstream-tries': '1' }), patient(), serviceFor(slow))
    expect(issues).toEqual([])
    const waiting = site.get('hasty.test', '/patient')
    expect(await site.get('hasty.test', '/')).toHaveStatus(504)
    await answerAll(2)
    expect(await waiting).toHaveStatus(200)
  })

  test('comes before the ConfigMap', async () => {
    held = []
    await site.serve(
      hasty({ 'proxy-read-timeout': '600' }),
      patient(),
      serviceFor(slow),
      options({ 'proxy-read-timeout': '1', 'proxy-next-upstream-tries': '1' }),
    )
    const waiting = site.get('hasty.test', '/')
    expect(await site.get('hasty.test', '/patient')).toHaveStatus(504)
    await answerAll(2)
    expect(await waiting).toHaveStatus(200)
  })

  test('proxy-send-timeout ends what the backend does not read, and not of a sibling', async () => {
    // Some megabytes more than the buffers of sockets take.
    const body = Buffer.alloc(32 * 1024 * 1024)
    await using deaf = await startDeafBackend('deaf')
    const annotations = { 'proxy-send-timeout': '1', 'proxy-next-upstream-tries': '1' }
    await site.serve(hasty(annotations, 'deaf'), patient('deaf'), serviceFor(deaf), options({ 'proxy-body-size': '0' }))
    const post = (path: string) => site.get('hasty.test', path, { method: 'POST', body })
    const waiting = post('/patient')
    expect(await post('/')).toHaveStatus(504)
    deaf.listen()
    expect(await waiting).toHaveStatus(200)
  })

  test('proxy-connect-timeout ends what cannot be connected to', async () => {
    await using unreachable = await startUnreachableBackend('unreachable')
    const annotations = { 'proxy-connect-timeout': '1', 'proxy-next-upstream-tries': '1' }
    await site.serve(
      hasty(annotations, 'unreachable'),
      serviceFor(unreachable),
      // So that no other time can be the one that is seen.
      options({ 'proxy-connect-timeout': '600', 'proxy-read-timeout': '600', 'proxy-send-timeout': '600' }),
    )
    expect(await site.get('hasty.test', '/')).toHaveStatus(504)
  })

  test.each(KEYS)('%s takes seconds without a unit, and nothing else', async (key) => {
    const [good, bad] = [
      ['1', '60', ' 3600 ', '007', MONTH],
      ['0', '-1', '+5', '5s', '1m', '1.5', '0x10', '1e3', '60 60', '9'.repeat(30), '', '  ', '６０'],
    ]
    const ingresses = [...good, ...bad].map((value, index) => annotated(`i${index}`, `i${index}.test`, 'web', { [key]: value }))
    const { result, issues } = await site.serve(...ingresses, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${key}`)))
    expect(issues).toHaveLength(bad.length)
    for (const index of [good.length - 1, good.length]) expect(await site.get(`i${index}.test`, '/')).toComeFrom('web')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses(KEYS, 'web')
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, KEYS))
    for (let index = 0; index < hostile.length; index += 10) expect(await site.get(`h${index}.test`, '/')).toComeFrom('web')
  })
})
