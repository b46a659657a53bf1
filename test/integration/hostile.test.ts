/** Tenants that will not behave beside ones that do, on a real NGINX: it takes the configuration, and everybody else is served. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parsePath } from '../../src/model/values.ts'
import { hostileTexts } from '../support/hostile.ts'
import { endpointSlice, ingress, type Manifest, service } from '../support/objects.ts'
import { startServices } from '../support/services.ts'
import { type Served, type Site, startSite, testedNginx } from '../support/site.ts'

/** Written as paths, the texts that are one and those that become one behind a slash. */
const writtenPaths = [...new Set(hostileTexts.flatMap((text) => [text, `/${text}`]))]
/** What is asked for below, by what the rule says; decoded paths are distinct. */
const literalPaths = [
  ...new Set(
    writtenPaths.flatMap((text) => {
      const parsed = parsePath(text)
      return parsed.ok && parsed.value !== '/' ? [parsed.value as string] : []
    }),
  ),
]
/** The corpus has nothing longer, so the limit of 254 bytes is met too. */
const longestHost = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`

function encoded(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/** By the letter of RFC 1123, and no other way. */
function isHost(text: string): boolean {
  const name = text.replace(/^\*\./, '')
  return (
    name.length <= 253 &&
    name.split('.').every((label) => /^[a-z0-9-]{1,63}$/.test(label) && !label.startsWith('-') && !label.endsWith('-'))
  )
}

/** Everything of the corpus as a name: of Services, ports, Secrets, classes, annotations, addresses. */
function namesEverywhere(): readonly Manifest[] {
  return hostileTexts.flatMap((text, index) => {
    const name = text === '' ? 'empty' : text
    return [
      ingress(name).namespace('evil').host(`name-${index}.test`).prefix('/', 'web').toManifest(),
      ingress(`n${index}`).namespace(name).host(`namespace-${index}.test`).prefix('/', 'web').defaultBackend('web').toManifest(),
      ingress(`s${index}`)
        .namespace('evil')
        .host(`service-${index}.test`)
        .prefix('/', text)
        .prefix('/port', 'web', text)
        .tls(text, text)
        .toManifest(),
      ingress(`a${index}`)
        .namespace('evil')
        .host(`annotation-${index}.test`)
        .prefix('/', 'web')
        .annotation(name, text)
        .annotation(`nginx-ts.io/${text}`, text)
        .toManifest(),
      ingress(`c${index}`).namespace('evil').class(text).host(`class-${index}.test`).prefix('/', 'web').toManifest(),
      service(name, [{ name: text, port: 80, appProtocol: text }], 'evil'),
      service(`odd-${index}`, [{ name: text, port: 80, appProtocol: text }], 'evil'),
      endpointSlice(`odd-${index}`, [{ address: text }], { name: text, port: 8080 }, { namespace: 'evil', addressType: text }),
      ingress(`o${index}`).namespace('evil').host(`odd-${index}.test`).prefix('/', `odd-${index}`).toManifest(),
    ]
  })
}

describe.each(await testedNginx())('hostile objects, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let served: Served

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    const good = await startServices(started, ['shop', 'rest'])
    const web = (await startServices(started, ['web'])).map((object) => ({
      ...object,
      metadata: { ...(object['metadata'] as object), namespace: 'evil' },
    }))

    const paths = ingress('paths').namespace('evil').host('paths.test')
    for (const path of writtenPaths) paths.exact(path, 'web')
    const prefixes = ingress('prefixes').namespace('evil').host('prefixes.test')
    for (const path of writtenPaths) prefixes.prefix(path, 'web')
    const hosts = ingress('hosts').namespace('evil')
    for (const host of hostileTexts) if (host !== '') hosts.host(host).prefix('/', 'web')
    served = await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'shop').exact('/pay', 'shop'),
      ingress('apps').host('*.apps.test').prefix('/', 'shop'),
      ingress('rest').host('paths.test').prefix('/', 'rest'),
      ...good,
      ...web,
      paths,
      prefixes,
      hosts,
      ingress('longest')
        .namespace('evil')
        .host(longestHost)
        .prefix('/', 'web')
        .host(`*.${longestHost.slice(2)}`)
        .prefix('/', 'web'),
      ...namesEverywhere(),
    )
  })
  afterAll(() => started.disposeAsync())

  test('NGINX takes the configuration', () => {
    expect(served.result).toMatchObject({ kind: 'applied' })
  })

  test('those that behave are served', async () => {
    for (const path of ['/', '/pay', '/x?y=1']) expect(await site.get('shop.test', path)).toComeFrom('shop')
    expect(await site.get('one.apps.test', '/')).toComeFrom('shop')
    expect(await site.get('nobody.test', '/')).not.toComeFrom('shop')
  })

  test('a literal path is served when it is asked for, and nothing beside it', async () => {
    expect(literalPaths.length).toBeGreaterThan(100)
    for (const path of literalPaths) {
      const answer = await site.get('paths.test', encoded(path))
      expect([path, answer.status, answer.seen?.backend, answer.seen?.url]).toEqual([path, 200, 'web', encoded(path)])
      if (path.length < 250) expect(await site.get('paths.test', `${encoded(path)}beside`)).toComeFrom('rest')
    }
    for (const path of ['/x', '/a', '/aa', '/y', '/admin', '/a2', '/ab']) {
      if (!literalPaths.includes(path)) expect(await site.get('paths.test', path)).toComeFrom('rest')
    }
  })

  test('and as a prefix with what is below it', async () => {
    for (const path of literalPaths) {
      const below = `${encoded(path.replace(/\/$/, ''))}/below`
      const answer = await site.get('prefixes.test', below)
      expect([path, answer.status, answer.seen?.backend, answer.seen?.url]).toEqual([path, 200, 'web', below])
    }
  })

  test('a host is served when it is a name, and is answered with an Issue when it is none', async () => {
    const rules = hostileTexts.filter((text) => text !== '')
    for (const [index, host] of rules.entries()) {
      const refusal = {
        code: 'invalid-host',
        object: { kind: 'Ingress', namespace: 'evil', name: 'hosts' },
        field: `spec.rules[${index}].host`,
      }
      if (isHost(host)) expect(await site.get(host, '/')).toComeFrom('web')
      else
        expect(served.issues).toContainEqual(
          expect.objectContaining({ ...refusal, message: expect.stringMatching(/; the rule is left out$/) }),
        )
    }
    expect(await site.get(longestHost, '/')).toComeFrom('web')
  })

  test('a path that is not served is answered with an Issue', () => {
    for (const [index, path] of writtenPaths.entries()) {
      if (path === '' || parsePath(path).ok) continue
      const refusal = {
        code: 'invalid-path',
        object: { kind: 'Ingress', namespace: 'evil', name: 'paths' },
        field: `spec.rules[0].http.paths[${index}].path`,
      }
      expect(served.issues).toContainEqual(expect.objectContaining({ ...refusal, message: expect.stringMatching(/; it is left out$/) }))
    }
  })

  test('what the status socket says is said nowhere else', async () => {
    for (const path of ['/generation', '/stub_status']) {
      expect((await site.get('nobody.test', path)).body).not.toMatch(/^\d+ |Active connections/)
      expect(await site.get('shop.test', path)).toComeFrom('shop')
    }
  })
})
