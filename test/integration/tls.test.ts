import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { type Authority, type CertificateSettings, createAuthority, encryptKey, type IssuedCertificate } from '../support/certificates.ts'
import { type Handshake, shakeHands } from '../support/handshake.ts'
import { ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const root = await createAuthority()

describe.each(await testedNginx())('the certificate of a host, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend
  /** The self-made certificate of this site. */
  let fallback: string
  const service = () => serviceFor(web)

  beforeAll(async () => {
    web = await startBackend('web')
    site = await startSite(nginx)
    fallback = new X509Certificate(await readFile(join(site.layout.root, 'self-signed.pem'))).serialNumber
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await web[Symbol.asyncDispose]()
  })

  /** The serial number of the certificate that a client asking for this name is shown. */
  async function shown(serverName: string): Promise<string> {
    return (await shakeHands(site.httpsPort, serverName)).certificate.serialNumber
  }

  /** As `shown`, by a client that trusts the test's root and nothing else and checks the name. */
  function trusted(serverName: string): Promise<Handshake> {
    return shakeHands(site.httpsPort, serverName, { ca: root.certificate, rejectUnauthorized: true })
  }

  test.each(['rsa-2048', 'ecdsa'] as const)('is that of its Secret: %s', async (key) => {
    const issued = await root.issue(['shop.test'], { key })
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'web').tls(key, 'shop.test'), secret(key, issued), service())
    expect((await trusted('shop.test')).certificate.serialNumber).toBe(issued.serial)
    expect(await site.getTls('shop.test', '/')).toComeFrom('web')
  })

  test('comes with its intermediates: a client that knows only the root is content', async () => {
    const issued = await (await root.intermediate('Test Intermediate')).issue(['shop.test'])
    const leafOnly = { ...issued, chain: new X509Certificate(issued.chain).toString() }
    await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'web').tls('whole', 'shop.test'),
      ingress('bare').host('bare.test').prefix('/', 'web').tls('leaf-only', 'bare.test'),
      secret('whole', issued),
      secret('leaf-only', leafOnly),
      service(),
    )
    expect((await trusted('shop.test')).certificate.serialNumber).toBe(issued.serial)
    await expect(trusted('bare.test')).rejects.toThrow('unable to verify the first certificate')
  })

  test('is another one for another host', async () => {
    const [a, b] = [await root.issue(['a.test']), await root.issue(['b.test'], { key: 'rsa-2048' })]
    await site.serve(
      ingress('a').host('a.test').prefix('/', 'web').tls('a', 'a.test'),
      ingress('b').host('b.test').prefix('/', 'web').tls('b', 'b.test'),
      secret('a', a),
      secret('b', b),
      service(),
    )
    expect(await shown('a.test')).toBe(a.serial)
    expect(await shown('b.test')).toBe(b.serial)
  })

  test.each(['news.test', 'registry.test', 'tools.test', 'default.test', 'include.test'])(
    'is found for %s, which begins like an escape or a word of NGINX',
    async (host) => {
      const issued = await root.issue([host])
      await site.serve(ingress('web').host(host).prefix('/', 'web').tls('web', host), secret('web', issued), service())
      expect(await shown(host)).toBe(issued.serial)
    },
  )

  test('is found without regard to case or a trailing dot', async () => {
    const [one, any] = [await root.issue(['shop.test']), await root.issue(['*.shop.test'])]
    await site.serve(
      ingress('one').host('shop.test').prefix('/', 'web').tls('one', 'SHOP.test'),
      ingress('any').host('*.shop.test').prefix('/', 'web').tls('any', '*.Shop.test'),
      secret('one', one),
      secret('any', any),
      service(),
    )
    for (const name of ['shop.test', 'Shop.TEST', 'shop.test.', 'SHOP.test.']) expect([name, await shown(name)]).toEqual([name, one.serial])
    for (const name of ['a.shop.test', 'A.Shop.TEST', 'a.shop.test.', 'A.SHOP.test.'])
      expect([name, await shown(name)]).toEqual([name, any.serial])
  })

  test('a wildcard in tls.hosts speaks of the hosts one label below', async () => {
    const issued = await root.issue(['*.shop.test'])
    await site.serve(
      ingress('shop').host('a.shop.test').prefix('/', 'web').host('a.b.shop.test').prefix('/', 'web').tls('below', '*.shop.test'),
      secret('below', issued),
      service(),
    )
    expect(await shown('a.shop.test')).toBe(issued.serial)
    expect(await shown('a.b.shop.test')).toBe(fallback)
    expect(await site.get('a.shop.test', '/')).toHaveStatus(308)
    expect(await site.get('a.b.shop.test', '/')).toComeFrom('web')
  })

  test('of a wildcard host is shown one label below and no further', async () => {
    const issued = await root.issue(['*.shop.test'])
    await site.serve(
      ingress('shop').host('*.shop.test').prefix('/', 'web').tls('wildcard', '*.shop.test'),
      secret('wildcard', issued),
      service(),
    )
    expect((await trusted('a.shop.test')).certificate.serialNumber).toBe(issued.serial)
    expect(await site.getTls('a.shop.test', '/')).toComeFrom('web')
    for (const name of ['a.b.shop.test', 'shop.test']) {
      expect(await shown(name)).toBe(fallback)
      expect(await site.getTls(name, '/')).toHaveStatus(404)
    }
  })

  test("of an exact host goes before the wildcard's", async () => {
    const [exact, wildcard] = [await root.issue(['a.shop.test']), await root.issue(['*.shop.test'])]
    await site.serve(
      ingress('wildcard').host('*.shop.test').prefix('/', 'web').tls('beside', '*.shop.test'),
      ingress('exact').host('a.shop.test').prefix('/', 'web').tls('exact', 'a.shop.test'),
      secret('beside', wildcard),
      secret('exact', exact),
      service(),
    )
    expect(await shown('a.shop.test')).toBe(exact.serial)
    expect(await shown('b.shop.test')).toBe(wildcard.serial)
  })

  test('may come from a tls entry that lists other hosts, when it is made out for this one', async () => {
    const issued = await root.issue(['shop.test', 'www.shop.test'])
    const { issues } = await site.serve(
      ingress('shop')
        .host('shop.test')
        .prefix('/', 'web')
        .host('www.shop.test')
        .prefix('/', 'web')
        .host('other.test')
        .prefix('/', 'web')
        .tls('both', 'www.shop.test'),
      secret('both', issued),
      service(),
    )
    expect(issues).toEqual([])
    for (const name of ['shop.test', 'www.shop.test']) {
      expect(await shown(name)).toBe(issued.serial)
      expect(await site.get(name, '/')).toHaveStatus(308)
    }
    expect(await shown('other.test')).toBe(fallback)
    expect(await site.get('other.test', '/')).toComeFrom('web')
  })

  test('may come from a tls entry without hosts', async () => {
    const issued = await root.issue(['shop.test'])
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'web').tls('hostless'), secret('hostless', issued), service())
    expect(await shown('shop.test')).toBe(issued.serial)
    expect(await site.get('shop.test', '/')).toHaveStatus(308)
  })

  test('comes from the entry that names the host before one that names none', async () => {
    const [a, b] = [await root.issue(['a.test']), await root.issue(['b.test'])]
    const { issues } = await site.serve(
      ingress('both').host('a.test').prefix('/', 'web').host('b.test').prefix('/', 'web').tls('for-all').tls('for-b', 'b.test'),
      secret('for-all', a),
      secret('for-b', b),
      service(),
    )
    expect(issues).toEqual([])
    expect(await shown('a.test')).toBe(a.serial)
    expect(await shown('b.test')).toBe(b.serial)
  })

  test('is shown although it is made out for another name, and its owner is told', async () => {
    const issued = await root.issue(['other.test'])
    const { issues } = await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'web').tls('misnamed', 'shop.test'),
      secret('misnamed', issued),
      service(),
    )
    expect(await shown('shop.test')).toBe(issued.serial)
    expect(issues).toEqual([
      expect.objectContaining({
        code: 'certificate-mismatch',
        severity: 'warning',
        object: { kind: 'Ingress', namespace: 'default', name: 'shop' },
        field: 'spec.tls[0].secretName',
        message: expect.stringContaining('Secret default/misnamed is not made out for shop.test'),
      }),
    ])
  })

  test('is that of the oldest Ingress, whoever comes first by name', async () => {
    const [older, younger] = [await root.issue(['shop.test']), await root.issue(['shop.test'])]
    await site.serve(
      ingress('z-older').host('shop.test').prefix('/', 'web').tls('older', 'shop.test'),
      ingress('a-younger').host('shop.test').prefix('/cart', 'web').tls('younger', 'shop.test'),
      secret('older', older),
      secret('younger', younger),
      service(),
    )
    expect(await shown('shop.test')).toBe(older.serial)
  })

  test('is the first usable one: what is missing or broken pins nothing', async () => {
    const issued = await root.issue(['shop.test'])
    const { issues } = await site.serve(
      ingress('oldest').host('shop.test').prefix('/', 'web').tls('missing', 'shop.test').tls(undefined, 'shop.test'),
      ingress('older').host('shop.test').prefix('/older', 'web').tls('broken', 'shop.test'),
      ingress('young').host('shop.test').prefix('/young', 'web').tls('good', 'shop.test'),
      tlsSecret('broken', 'no certificate', 'no key'),
      secret('good', issued),
      service(),
    )
    expect(await shown('shop.test')).toBe(issued.serial)
    expect(issues.map(({ code, object, field }) => [code, object?.name, field])).toEqual([
      ['certificate-not-found', 'oldest', 'spec.tls[0].secretName'],
      ['invalid-certificate', 'older', 'spec.tls[0].secretName'],
    ])
  })

  test('is looked for in the namespace of the Ingress only', async () => {
    const issued = await root.issue(['shop.test'])
    const { issues } = await site.serve(
      ingress('shop').namespace('shop').host('shop.test').prefix('/', 'web').tls('elsewhere', 'shop.test'),
      secret('elsewhere', issued),
      serviceFor(web, { namespace: 'shop' }),
    )
    expect(await shown('shop.test')).toBe(fallback)
    expect(issues).toEqual([
      expect.objectContaining({
        code: 'certificate-not-found',
        object: { kind: 'Ingress', namespace: 'shop', name: 'shop' },
        message: expect.stringContaining('Secret shop/elsewhere does not exist'),
      }),
    ])
  })

  test('is the default one while its Secret is missing; plain http is redirected all the same', async () => {
    const { issues } = await site.serve(ingress('shop').host('shop.test').prefix('/', 'web').tls('not-there', 'shop.test'), service())
    expect(await shown('shop.test')).toBe(fallback)
    expect(await site.getTls('shop.test', '/')).toComeFrom('web')
    expect(await site.get('shop.test', '/')).toHaveStatus(308)
    expect(issues).toEqual([
      expect.objectContaining({
        code: 'certificate-not-found',
        severity: 'error',
        object: { kind: 'Ingress', namespace: 'default', name: 'shop' },
        field: 'spec.tls[0].secretName',
        message: expect.stringContaining('Secret default/not-there does not exist'),
      }),
    ])
  })

  test('stays when the Secrets of other hosts are of no use', async () => {
    const good = await root.issue(['good.test'])
    const bad = Object.entries(await badSecrets(root))
    const { issues, result } = await site.serve(
      ingress('good').host('good.test').prefix('/', 'web').tls('stays', 'good.test'),
      secret('stays', good),
      ...bad.map(([name]) => ingress(name).host(`${name}.test`).prefix('/', 'web').tls(name, `${name}.test`)),
      ...bad.map(([name, { crt, key }]) => tlsSecret(name, crt, key)),
      service(),
    )
    expect(result.kind).toBe('applied')
    expect((await trusted('good.test')).certificate.serialNumber).toBe(good.serial)
    for (const [name] of bad) {
      expect([name, await shown(`${name}.test`)]).toEqual([name, fallback])
      expect(await site.getTls(`${name}.test`, '/')).toComeFrom('web')
    }
    expect(issues.map(({ code, object, message }) => [code, object?.name, message])).toEqual(
      expect.arrayContaining(
        bad.map(([name, { reason }]) => ['invalid-certificate', name, expect.stringContaining(`Secret default/${name} ${reason}`)]),
      ),
    )
    expect(issues).toHaveLength(bad.length)
  })
})

function secret(name: string, { chain, key }: IssuedCertificate): Manifest {
  return tlsSecret(name, chain, key)
}

type BadSecret = { readonly crt: string; readonly key: string; readonly reason: string }

async function badSecrets(authority: Authority): Promise<Record<string, BadSecret>> {
  const issue = (settings: CertificateSettings) => authority.issue(['shop.test'], settings)
  const [one, another, small] = [await issue({}), await issue({ keyNumber: 1 }), await issue({ key: 'rsa-1024' })]
  return {
    'no-certificate': { crt: '', key: one.key, reason: 'has no tls.crt' },
    'no-key': { crt: one.chain, key: '', reason: 'has no tls.key' },
    'no-pem': { crt: 'hello', key: one.key, reason: 'has no PEM certificate' },
    'wrong-key': { crt: one.chain, key: another.key, reason: 'has a tls.key that is not the key' },
    'encrypted-key': { crt: one.chain, key: encryptKey(one.key, 'secret'), reason: 'has an encrypted tls.key' },
    'leaked-key': { crt: one.chain + one.key, key: one.key, reason: 'has a private key in tls.crt' },
    'small-key': { crt: small.chain, key: small.key, reason: 'is refused by OpenSSL' },
    'long-chain': { crt: one.chain.repeat(11), key: one.key, reason: 'has 11 certificates' },
  }
}
