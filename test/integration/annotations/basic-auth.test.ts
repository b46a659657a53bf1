import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../../support/backend.ts'
import { eventually } from '../../support/eventually.ts'
import { ingress, type Manifest, options, serviceFor } from '../../support/objects.ts'
import { type Site, type SiteObject, startSite, testedNginx } from '../../support/site.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'

/** Of the password `secret`, by what NGINX or libc's crypt calls each. */
const HASHES = {
  apr1: '$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0',
  SHA: '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
  SSHA: '{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0',
  'SSHA, long salt': '{SSHA}mryHjD4SUFTO20vcIctiD5VC5EpzYWx0c2FsdHNhbHQxMjM0',
  bcrypt: '$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
  md5: '$1$saltsalt$9xy1btjgzLYfb7hivXtC//',
  sha256: '$5$saltsaltsalt$TihBZCRsJxAxHgKub.mCOdu9X7QLi980jJxe7T2aZg7',
  sha512: '$6$saltsaltsalt$PMWE8DTlam1JU37Piyk43bHcMxTJq6sgu5DKB0/tGPjanN35jcY68QkpDfPFUGPWX5uCxIQkSPzMmqEiVNgts.',
  'sha512, rounds': '$6$rounds=100000$saltsalt$W6Pjgp5jRhOycjhz1JdUTjE.eBO2c/gf64ukBCYIUsagE3B8HkkRYGvkhQw7S1S6nh6jR9hV6IhhRIHR8xSWY0',
  yescrypt: '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0',
  crypt: 'abNANd1rDfiNc',
} as const
const HASH = HASHES.apr1

const secret = (data: Readonly<Record<string, string>>, name = 'users', namespace = 'default'): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name },
  stringData: data,
})
const login = (user: string, password: string) => ({ Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })
const ANN = login('ann', 'secret')

describe.each(await testedNginx())('Basic authentication on NGINX %s', (_version, path) => {
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

  async function serve(annotations: Readonly<Record<string, string>>, ...others: readonly SiteObject[]) {
    const shop = Object.entries(annotations).reduce(
      (built, [key, value]) => built.annotation(PREFIX + key, value),
      ingress('shop').host('shop.test').prefix('/', 'shop'),
    )
    const { issues, result } = await site.serve(serviceFor(backend), shop, ...others)
    expect(result.kind).not.toBe('refused')
    return issues
  }

  const get = (headers = {}, url = '/') => site.get('shop.test', url, { headers })
  const codes = (issues: readonly { readonly code: string }[]) => issues.map(({ code }) => code)
  const BASIC = { 'auth-type': 'basic', 'auth-secret': 'users' }

  test('asks for a login, and lets in who has one', async () => {
    expect(await serve(BASIC, secret({ auth: `ann:${HASH}\n` }))).toEqual([])
    const asked = await get()
    expect(asked.status).toBe(401)
    expect(asked.headers['www-authenticate']).toBe('Basic realm=""')
    expect(asked.seen).toBeUndefined()
    expect((await get(ANN)).status).toBe(200)
    expect((await get(login('ann', 'wrong'))).status).toBe(401)
    expect((await get(login('ann', ''))).status).toBe(401)
    expect((await get(login('bob', 'secret'))).status).toBe(401)
    expect((await get({ Authorization: 'Bearer x' })).status).toBe(401)
  })

  test('the password is not passed on', async () => {
    await serve(BASIC, secret({ auth: `ann:${HASH}` }))
    const { seen } = await get({ ...ANN, 'X-Else': 'kept' })
    expect(seen?.headers['authorization']).toBeUndefined()
    expect(seen?.headers).toMatchObject({ 'x-else': 'kept', host: 'shop.test', 'x-forwarded-proto': 'http', 'x-real-ip': '127.0.0.1' })
    await serve({})
    expect((await get(ANN)).seen?.headers['authorization']).toBe(ANN.Authorization)
  })

  test.each(Object.entries(HASHES))('a hash by %s is checked', async (_name, hash) => {
    expect(await serve(BASIC, secret({ auth: `bob:${HASH}\nann:${hash}\n` }))).toEqual([])
    expect((await get(ANN)).status).toBe(200)
    expect((await get(login('ann', 'Secret'))).status).toBe(401)
    expect((await get(login('ann', hash))).status).toBe(401)
  })

  test('a file may have comments, empty lines, notes, other line ends and names in other scripts', async () => {
    const file = `# staff\r\n\r\nann:${HASH}:since 2020\r\nЮля:${HASH}\r\n  \nsome one:${HASH}`
    expect(await serve(BASIC, secret({ auth: file }))).toEqual([])
    for (const user of ['ann', 'Юля', 'some one']) expect((await get(login(user, 'secret'))).status).toBe(200)
    expect((await get(login('# staff', 'secret'))).status).toBe(401)
  })

  test('auth-map: each key is a user', async () => {
    const map = { ...BASIC, 'auth-secret-type': 'auth-map' }
    expect(await serve(map, secret({ ann: `${HASH}\n`, 'bob.b-b_b': HASHES.bcrypt }))).toEqual([])
    for (const user of ['ann', 'bob.b-b_b']) expect((await get(login(user, 'secret'))).status).toBe(200)
    expect((await get(login('auth', 'secret'))).status).toBe(401)
    // The same Secret read as a file has nobody.
    expect(codes(await serve({ ...BASIC, 'auth-secret-type': 'auth-file' }, secret({ ann: HASH })))).toEqual(['credentials-not-found'])
    expect((await get(ANN)).status).toBe(503)
  })

  test.each([
    'user:plain',
    'user:{PLAIN}plain',
    'user:{plain}plain',
    '../../x:$1$',
    'user2',
    ':hash',
    `:${HASH}`,
    'user:',
    'user:$apr1$saltsalt$tooshort',
    `user:${HASH} x`,
    'user:$6$$2M9DchxW4txWyTYoZrH9D3VvAAQxBpEezYsLY6Cao.jwzEXpyL9xwip9hiUZX7GqTqe/E/z6iKvZqXUuqniQH.',
    `user:${HASHES.bcrypt.replace('$05$', '$13$')}`,
    `user:${HASHES.bcrypt.replace('$05$', '$31$')}`,
    `user:${HASHES['sha512, rounds'].replace('100000', '999999999')}`,
    `user:${HASHES.yescrypt.replace('j9T', 'jFT')}`,
    'user:$7$CU..../....F5Jx5fExrKuPp53xLKQ..1$whrYe9Xe1y0TuvX2p7d.1q1OxyBsKCsnXfJ.FlXyXS6',
    `us\u0000er:${HASH}`,
    `us\u0007er:${HASH}`,
    `${'u'.repeat(256)}:${HASH}`,
  ])('%j is left out, and the others can log in', async (line) => {
    const issues = await serve(BASIC, secret({ auth: `${line}\nann:${HASH}\n` }))
    expect(codes(issues)).toEqual(['invalid-credentials'])
    expect(issues[0]?.message).toContain('line 1 has')
    expect(issues[0]?.message).not.toMatch(/plain\b|salt|user:/)
    expect((await get(ANN)).status).toBe(200)
    const [user = '', password = ''] = line.split(':')
    for (const guess of [password, password.replace(/^\{\w+\}/, ''), 'secret', '']) expect((await get(login(user, guess))).status).toBe(401)

    expect(codes(await serve(BASIC, secret({ auth: line })))).toEqual(['invalid-credentials', 'credentials-not-found'])
    expect((await get(ANN)).status).toBe(503)
  })

  describe('nobody is let in', () => {
    test.each([
      ['the Secret is missing', BASIC, [], ['credentials-not-found']],
      ['it has no key auth', BASIC, [secret({ users: `ann:${HASH}` })], ['credentials-not-found']],
      ['it is empty', BASIC, [secret({ auth: '' })], ['credentials-not-found']],
      ['nobody stands in it', BASIC, [secret({ auth: '# nobody\n' })], ['credentials-not-found']],
      ['no Secret is named', { 'auth-type': 'basic' }, [], ['credentials-not-found']],
      [
        "it is another namespace's",
        { ...BASIC, 'auth-secret': 'other/users' },
        [secret({ auth: `ann:${HASH}` }, 'users', 'other')],
        ['credentials-elsewhere'],
      ],
      ['digest is asked for', { ...BASIC, 'auth-type': 'digest' }, [secret({ auth: `ann:${HASH}` })], ['protection-invalid']],
    ] as const)('when %s', async (_when, annotations, others, expected) => {
      expect(codes(await serve(annotations, ...others))).toEqual(expected)
      expect((await get()).status).toBe(503)
      expect((await get(ANN)).status).toBe(503)
    })

    test.each([
      ['auth-type', ['', 'Basic', 'basic;', 'none', 'off', 'basic digest', 'basic\nx', '$x']],
      [
        'auth-secret',
        ['', '../../var/run/secrets/token', 'a/b/c', '/users', 'default/', 'Users', 'users;', 'us ers', 'users"', '.', 'a..b'],
      ],
      ['auth-secret-type', ['', 'auth-other', 'map', 'auth-map;', 'AUTH-FILE']],
      ['auth-realm', ['', 'off', ' off ', 'a\nb', 'a\r\nSet-Cookie: x=y', 'a\u0000', 'schön', 'x'.repeat(129)]],
    ])('for a bad %s', async (key, values) => {
      for (const value of values) {
        const issues = await serve({ ...BASIC, [key]: value }, secret({ auth: `ann:${HASH}` }))
        expect([value, codes(issues), issues[0]?.annotation]).toEqual([value, ['protection-invalid'], PREFIX + key])
        expect([value, (await get(ANN)).status]).toEqual([value, 503])
      }
    })
  })

  test('until the Secret is there, and again when it is gone', async () => {
    await serve(BASIC)
    expect((await get(ANN)).status).toBe(503)
    await serve(BASIC, secret({ auth: `ann:${HASH}` }))
    expect((await get(ANN)).status).toBe(200)
    await serve(BASIC, secret({ auth: `bob:${HASH}` }))
    expect((await get(ANN)).status).toBe(401)
    await serve(BASIC)
    expect((await get(ANN)).status).toBe(503)
  })

  test('its own namespace may be named', async () => {
    expect(await serve({ ...BASIC, 'auth-secret': 'default/users' }, secret({ auth: `ann:${HASH}` }))).toEqual([])
    expect((await get(ANN)).status).toBe(200)
  })

  test('without auth-type nobody is asked, as in ingress-nginx, and an Issue says so', async () => {
    const issues = await serve({ 'auth-secret': 'users', 'auth-realm': 'x' }, secret({ auth: `ann:${HASH}` }))
    expect(issues).toEqual([expect.objectContaining({ code: 'authentication-not-asked', annotation: `${PREFIX}auth-secret` })])
    expect((await get()).status).toBe(200)
  })

  test.each([
    ['Shop staff', 'Basic realm="Shop staff"'],
    ['OFF', 'Basic realm="OFF"'],
    ['off off', 'Basic realm="off off"'],
    ['$http_authorization', 'Basic realm="$http_authorization"'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
    ['${remote_addr} \\$1', 'Basic realm="${remote_addr} \\\\$1"'],
    ['x"; return 418; #', 'Basic realm="x\\"; return 418; #"'],
    ['x\\', 'Basic realm="x\\\\"'],
    ['{{ 7 * 7 }}', 'Basic realm="{{ 7 * 7 }}"'],
  ])('auth-realm %s is text', async (realm, header) => {
    await serve({ ...BASIC, 'auth-realm': realm }, secret({ auth: `ann:${HASH}` }))
    const { status, headers } = await get({ 'X-Other': 'y' })
    expect([status, headers['www-authenticate']]).toEqual([401, header])
  })

  test('holds for all paths of its Ingress, however they are written, and no others', async () => {
    const staff = ingress('staff').host('shop.test').prefix('/staff', 'shop').exact('/door/', 'shop')
    for (const [key, value] of Object.entries(BASIC)) staff.annotation(PREFIX + key, value)
    await site.serve(serviceFor(backend), secret({ auth: `ann:${HASH}` }), staff, ingress('shop').host('shop.test').prefix('/', 'shop'))
    const paths = ['/staff', '/staff/', '/staff/x', '//staff', '/./staff/x', '/x/../staff', '/%73taff/x', '/staff%2Fx', '/door/', '/door//']
    for (const each of paths) expect([each, (await get({}, each)).status]).toEqual([each, 401])
    for (const each of ['/', '/staffroom', '/door/x']) expect([each, (await get({}, each)).status]).toEqual([each, 200])
  })

  test('nobody logs in for an ACME challenge, nor for what the ConfigMap names', async () => {
    const shop = ingress('shop')
      .host('shop.test')
      .prefix('/', 'shop')
      .prefix('/.well-known/acme-challenge/token', 'shop')
      .prefix('/.well-known/acme-challenges', 'shop')
      .prefix('/public', 'shop')
    for (const [key, value] of Object.entries(BASIC)) shop.annotation(PREFIX + key, value)
    const statuses = async () => {
      const answers = ['/', '/.well-known/acme-challenge/token', '/.well-known/acme-challenges', '/public/x'].map((each) => get({}, each))
      return (await Promise.all(answers)).map(({ status }) => status)
    }
    await site.serve(serviceFor(backend), secret({ auth: `ann:${HASH}` }), shop)
    expect(await statuses()).toEqual([401, 200, 401, 401])
    await site.serve(serviceFor(backend), secret({ auth: `ann:${HASH}` }), shop, options({ 'no-auth-locations': '/public' }))
    expect(await statuses()).toEqual([401, 401, 401, 200])
    // A challenge needs no users.
    await site.serve(serviceFor(backend), shop)
    expect(await statuses()).toEqual([503, 200, 503, 503])
  })

  test("an Ingress' users are no others', whatever dashes their names have", async () => {
    const [first, second] = [
      ingress('shop').namespace('a-b').host('first.test').prefix('/', 'shop'),
      ingress('shop').namespace('a').host('second.test').prefix('/', 'shop'),
    ]
    first.annotation(`${PREFIX}auth-type`, 'basic').annotation(`${PREFIX}auth-secret`, 'c')
    second.annotation(`${PREFIX}auth-type`, 'basic').annotation(`${PREFIX}auth-secret`, 'b-c')
    await site.serve(
      ...['a', 'a-b'].map((namespace) => serviceFor(backend, { namespace })),
      ...[secret({ auth: `ann:${HASH}` }, 'c', 'a-b'), secret({ auth: `bob:${HASH}` }, 'b-c', 'a')],
      ...[first, second],
    )
    const bob = login('bob', 'secret')
    const statuses = [ANN, bob].flatMap((headers) => ['first.test', 'second.test'].map((host) => site.get(host, '/', { headers })))
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 401, 401, 200])
  })

  test('the users stand in a file that others cannot read, and that goes when it is not used', async () => {
    const files = () => readdir(site.layout.secrets)
    await serve(BASIC, secret({ auth: `ann:${HASH}\nfiles:${HASH}` }))
    const [name = ''] = await files()
    expect((await stat(join(site.layout.secrets, name))).mode & 0o777).toBe(0o640)
    // The configuration before the running one keeps its files.
    await serve({ 'proxy-read-timeout': '11' })
    await serve({ 'proxy-read-timeout': '12' })
    await eventually(async () => expect(await files()).toEqual([]))
  })
})
