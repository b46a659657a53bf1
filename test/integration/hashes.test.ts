/** NGINX keeps names, keys and variables in hash tables: it never has to warn that they are too small. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated } from '../support/annotations.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { options, serviceFor } from '../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../support/site.ts'

const MANY = 200

describe.each(await testedNginx())('hash tables, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
  })
  afterAll(() => started.disposeAsync())

  const many = (annotations: (index: number) => Readonly<Record<string, string>>) =>
    Array.from({ length: MANY }, (_, index) => annotated(`many-${index}`, `h${index}.test`, 'web', annotations(index)))

  const cases: readonly (readonly [string, () => readonly SiteObject[]])[] = [
    ['nothing but a path', () => []],
    [
      'every option that adds variables',
      () => [
        annotated('cors', 'cors.test', 'web', { 'enable-cors': 'true', 'from-to-www-redirect': 'true' }),
        options({
          'use-forwarded-headers': 'true',
          'proxy-real-ip-cidr': '10.0.0.0/8',
          'compute-full-forwarded-for': 'true',
          'block-cidrs': '192.0.2.1',
          'skip-access-log-urls': '/health',
        }),
      ],
    ],
    ['limits with exemptions', () => many((index) => ({ 'limit-rps': '100', 'limit-whitelist': `192.0.2.${index}` }))],
    ['authentication elsewhere', () => [annotated('auth', 'auth.test', 'web', { 'auth-url': 'http://web.default.svc/' })]],
    ['sessions', () => many((index) => ({ affinity: 'cookie', 'session-cookie-name': `c${index}` }))],
    [
      'canaries',
      () => [
        ...many(() => ({})),
        ...Array.from({ length: MANY }, (_, index) =>
          annotated(`canary-${index}`, `h${index}.test`, 'web', { canary: 'true', 'canary-by-header': `X-${index}` }),
        ),
      ],
    ],
  ]
  test.each(cases)('have room: %s', async (_, objects) => {
    const { result } = await site.serve(annotated('shop', 'shop.test', 'web', {}), ...objects(), serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(await site.get('shop.test', '/')).toComeFrom('web')
    expect((await site.errorLog()).split('\n').filter((line) => line.includes('could not build optimal'))).toEqual([])
  })
})
