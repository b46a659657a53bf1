import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { ingress, type Manifest, options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const [HOME, AWAY] = ['127.0.0.1', '127.0.0.2']
const LOGIN = { Authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` }
const users: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'users' },
  stringData: { auth: 'ann:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n' },
}

describe.each(await testedNginx())('satisfy on NGINX %s', (_version, path) => {
  let backend: Backend
  let site: Site

  beforeAll(async () => {
    backend = await startBackend('shop')
    site = await startSite(path)
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await backend?.[Symbol.asyncDispose]()
  })

  /** Statuses of who is at home or away, with a login or without; only home is on the list. */
  async function statuses(satisfy: string | undefined, settings: Readonly<Record<string, string>> = {}, secret = 'users') {
    const shop = ingress('shop')
      .host('shop.test')
      .prefix('/', 'shop')
      .annotation(`${PREFIX}auth-type`, 'basic')
      .annotation(`${PREFIX}auth-secret`, secret)
      .annotation(`${PREFIX}whitelist-source-range`, HOME)
    if (satisfy !== undefined) shop.annotation(`${PREFIX}satisfy`, satisfy)
    const { issues } = await site.serve(serviceFor(backend), users, shop, options(settings))
    const status = async (localAddress: string, headers = {}) => (await site.get('shop.test', '/', { localAddress, headers })).status
    return {
      issues: issues.map(({ code }) => code),
      home: await status(HOME),
      homeWithLogin: await status(HOME, LOGIN),
      away: await status(AWAY),
      awayWithLogin: await status(AWAY, LOGIN),
    }
  }

  const BOTH_NEEDED = { home: 401, homeWithLogin: 200, away: 403, awayWithLogin: 403 }
  const EITHER = { home: 200, homeWithLogin: 200, away: 401, awayWithLogin: 200 }

  test.each([
    ['any', EITHER],
    [' any ', EITHER],
    ['all', BOTH_NEEDED],
    [undefined, BOTH_NEEDED],
  ])('%s', async (value, expected) => {
    expect(await statuses(value)).toEqual({ issues: [], ...expected })
  })

  test.each(['ANY', 'any;', 'any all', 'none', 'off', '', '$http_x', 'any; deny all', 'any\nsatisfy any'])(
    '%j is no value, and both are needed',
    async (value) => {
      expect(await statuses(value)).toEqual({ issues: ['invalid-annotation'], ...BOTH_NEEDED })
    },
  )

  test('who is blocked by the ConfigMap cannot log in either', async () => {
    expect(await statuses('any', { 'block-cidrs': AWAY })).toMatchObject({ home: 200, away: 403, awayWithLogin: 403 })
    // Whom the ConfigMap denies is a matter of access lists, and a login stands in for those.
    expect(await statuses('any', { 'denylist-source-range': AWAY })).toMatchObject({ home: 200, away: 401, awayWithLogin: 200 })
  })

  test('where the users are missing, an address is not enough', async () => {
    const closed = { home: 503, homeWithLogin: 503, away: 503, awayWithLogin: 503 }
    expect(await statuses('any', {}, 'nobody')).toEqual({ issues: ['credentials-not-found'], ...closed })
  })
})
