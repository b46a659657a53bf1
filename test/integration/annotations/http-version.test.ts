/** proxy-http-version: the version of HTTP that backends are spoken to in. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'proxy-http-version'

describe.each(await testedNginx())('annotation proxy-http-version, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web', { answer: (request, response) => response.end(request.httpVersion) }))
  })
  afterAll(() => started.disposeAsync())

  const versionAt = async (host: string, path = '/') => (await site.get(host, path)).body

  test('1.0 is spoken where it is asked for, and not for a sibling', async () => {
    const { issues } = await site.serve(
      annotated('old', 'old.test', 'web', { [KEY]: '1.0' }),
      annotated('sibling', 'unused.test', 'web', {}).host('old.test').prefix('/sibling', 'web'),
      serviceFor(web),
    )
    expect(issues).toEqual([])
    expect(await versionAt('old.test')).toBe('1.0')
    expect(await versionAt('old.test', '/sibling')).toBe('1.1')
  })

  test('takes 1.0 and 1.1, and nothing else', async () => {
    const [good, bad] = [
      ['1.0', '1.1', ' 1.0 '],
      ['1', '2', '2.0', '1.2', '1,0', 'HTTP/1.0', '1.0 1.1', '', '1.10'],
    ]
    const ingresses = [...good, ...bad].map((value, index) => annotated(`i${index}`, `i${index}.test`, 'web', { [KEY]: value }))
    const { result, issues } = await site.serve(...ingresses, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${KEY}`)))
    expect(await Promise.all(good.map((_, index) => versionAt(`i${index}.test`)))).toEqual(['1.0', '1.1', '1.0'])
    expect(await versionAt(`i${good.length}.test`)).toBe('1.1')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses([KEY], 'web')
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    for (let index = 0; index < hostile.length; index += 10) expect(await versionAt(`h${index}.test`)).toBe('1.1')
  })
})
