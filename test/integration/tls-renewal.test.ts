import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority, type IssuedCertificate } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const root = await createAuthority()

describe.each(await testedNginx())('a change of Secrets, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend
  const service = () => serviceFor(web)

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx)
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  async function shown(serverName: string): Promise<string> {
    return (await shakeHands(site.httpsPort, serverName)).certificate.serialNumber
  }

  test('a certificate renewed with its key kept is shown at later handshakes, with no reload', async () => {
    const [before, after] = [await root.issue(['shop.test']), await root.issue(['shop.test'])]
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('renewed', 'shop.test')
    await site.serve(shop, secret('renewed', before), service())
    expect(await shown('shop.test')).toBe(before.serial)

    const { result } = await site.serve(shop, secret('renewed', after), service())
    expect(result.kind).toBe('unchanged')
    await eventually(async () => expect(await shown('shop.test')).toBe(after.serial))
    expect((await shakeHands(site.httpsPort, 'shop.test', { ca: root.certificate, rejectUnauthorized: true })).authorized).toBe(true)
  })

  test('a certificate renewed with another key, or one of another kind, is shown after a reload', async () => {
    const issued = [
      await root.issue(['shop.test']),
      await root.issue(['shop.test'], { keyNumber: 1 }),
      await root.issue(['shop.test'], { key: 'rsa-2048' }),
    ]
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('rekeyed', 'shop.test')
    for (const next of issued) {
      expect((await site.serve(shop, secret('rekeyed', next), service())).result.kind).toBe('applied')
      expect(await shown('shop.test')).toBe(next.serial)
    }
  })

  test.each([
    ['its key kept', 'rotated', () => 0],
    ['a new key each time', 'rekeyed-often', (turn: number) => turn % 2],
  ])('no handshake fails while a certificate is renewed again and again with %s', async (_how, name, keyNumberOf) => {
    const issued = await Promise.all([1, 2, 3, 4].map((turn) => root.issue(['shop.test'], { keyNumber: keyNumberOf(turn) })))
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls(name, 'shop.test')
    const serveWith = (certificate: IssuedCertificate) => site.serve(shop, secret(name, certificate), service())
    await serveWith(issued[0]!)

    const seen = new Set<string>()
    let isRotating = true
    const handshakes = (async () => {
      while (isRotating) seen.add(await shown('shop.test'))
    })()
    try {
      for (const next of issued) {
        await serveWith(next)
        await eventually(() => expect(seen).toContain(next.serial))
      }
    } finally {
      isRotating = false
      await handshakes
    }
    expect([...seen]).toEqual(issued.map(({ serial }) => serial))
  })

  test('a Secret that comes after its Ingress is shown, one that goes is shown no more', async () => {
    const issued = await root.issue(['shop.test'])
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('late', 'shop.test')
    const first = await site.serve(shop, service())
    const fallback = await shown('shop.test')
    expect(first.issues.map(({ code }) => code)).toEqual(['certificate-not-found'])

    const { issues } = await site.serve(shop, secret('late', issued), service())
    expect(issues).toEqual([])
    expect(await shown('shop.test')).toBe(issued.serial)

    await site.serve(shop, service())
    expect(await shown('shop.test')).toBe(fallback)
  })

  test('a renewal that is of no use is not shown: the default certificate is, and the owner is told', async () => {
    const issued = await root.issue(['shop.test'])
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('spoiled', 'shop.test')
    await site.serve(ingress('none').host('none.test').prefix('/', 'web'), service())
    const fallback = await shown('shop.test')
    await site.serve(shop, secret('spoiled', issued), service())
    const { issues } = await site.serve(shop, tlsSecret('spoiled', issued.chain, ''), service())
    expect(issues.map(({ code }) => code)).toEqual(['invalid-certificate'])
    expect(await shown('shop.test')).toBe(fallback)
  })

  test('a Secret that no Ingress names changes nothing', async () => {
    const [issued, unrelated] = [await root.issue(['shop.test']), await root.issue(['shop.test'])]
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('named', 'shop.test')
    await site.serve(shop, secret('named', issued), service())
    for (const others of [[secret('unrelated', unrelated)], [tlsSecret('unrelated', 'hello', 'hello')], []]) {
      const { result, issues } = await site.serve(shop, secret('named', issued), ...others, service())
      expect(result).toMatchObject({ kind: 'unchanged', bytesWritten: 0 })
      expect(issues).toEqual([])
    }
    expect(await shown('shop.test')).toBe(issued.serial)
  })
})

function secret(name: string, { chain, key }: IssuedCertificate): Manifest {
  return tlsSecret(name, chain, key)
}
