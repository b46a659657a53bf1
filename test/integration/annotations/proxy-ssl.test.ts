/** proxy-ssl-…: TLS towards backends, which certificate they are shown, and which of theirs is taken. */
import { readdir, stat } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Annotations, annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { type Authority, createAuthority, encryptKey, type IssuedCertificate } from '../../support/certificates.ts'
import type { Answer } from '../../support/client.ts'
import { callGrpc, type GrpcBackend, startGrpcBackend } from '../../support/grpc-backend.ts'
import { type IngressBuilder, type Manifest, options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEYS = [
  ...['proxy-ssl-secret', 'proxy-ssl-verify', 'proxy-ssl-verify-depth', 'proxy-ssl-name', 'proxy-ssl-server-name'],
  ...['proxy-ssl-protocols', 'proxy-ssl-ciphers'],
]
const SECRET = { 'proxy-ssl-secret': 'default/client' }
const VERIFIED = { ...SECRET, 'proxy-ssl-verify': 'on' }

/** What a backend saw of the connection. */
type Connection = { readonly client: string; readonly sni: string; readonly protocol: string; readonly cipher: string }

const sayConnection: RequestListener = ({ socket }, response) => {
  if (!(socket instanceof TLSSocket)) return void response.end()
  const sni = (socket as TLSSocket & { readonly servername?: string | false }).servername || ''
  const client = socket.getPeerCertificate().subject?.CN ?? ''
  const connection: Connection = { client: String(client), sni, protocol: socket.getProtocol() ?? '', cipher: socket.getCipher().name }
  response.end(JSON.stringify(connection))
}

const connectionOf = ({ body }: Answer): Connection => JSON.parse(body)

function secret(name: string, data: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name }, stringData: data }
}

describe.each(await testedNginx())('annotations of proxy-ssl, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let authority: Authority
  let client: IssuedCertificate
  /** Made out for shop.default.svc and shop.example, with one intermediate above it. */
  let shop: Backend
  /** The same, signed by somebody else. */
  let stranger: Backend
  /** With two intermediates above it. */
  let deep: Backend
  let greeter: GrpcBackend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    authority = await createAuthority('Backends')
    const intermediate = await authority.intermediate('Intermediate')
    client = await authority.issue(['client.example'], { keyNumber: 7 })
    const startTls = async (name: string, { chain, key }: IssuedCertificate) =>
      started.use(
        await startBackend(name, { tls: { cert: chain, key, requestCert: true, rejectUnauthorized: false }, answer: sayConnection }),
      )
    const names = ['shop.default.svc', 'shop.example']
    shop = await startTls('shop', await intermediate.issue(names))
    stranger = await startTls('shop', await (await createAuthority('Stranger')).issue(names))
    deep = await startTls('shop', await (await intermediate.intermediate('Lower')).issue(names))
    const { chain: cert, key } = await authority.issue(['greeter.default.svc'])
    const ca = authority.certificate
    greeter = started.use(await startGrpcBackend('greeter', { cert, key, ca, requestCert: true, rejectUnauthorized: true }))
  })
  afterAll(() => started.disposeAsync())

  const https = (annotations: Annotations, service = 'shop') =>
    annotated('shop', 'shop.test', service, { 'backend-protocol': 'HTTPS', ...annotations })
  const sibling = (annotations: Annotations = {}) =>
    annotated('sibling', 'unused.test', 'shop', { 'backend-protocol': 'HTTPS', ...annotations })
      .host('shop.test')
      .prefix('/sibling', 'shop')
  const whole = () => secret('client', { 'tls.crt': client.chain, 'tls.key': client.key, 'ca.crt': authority.certificate })
  const caOnly = () => secret('client', { 'ca.crt': authority.certificate })
  const get = async (path = '/') => await site.get('shop.test', path)

  test('proxy-ssl-secret: its certificate is shown to the backend, and not for a sibling, even on connections that are kept', async () => {
    const { issues } = await site.serve(https(SECRET), sibling(), serviceFor(shop), whole(), options({ 'worker-processes': '1' }))
    expect(issues).toEqual([])
    for (let turn = 0; turn < 3; turn++) {
      expect(connectionOf(await get()).client).toBe('client.example')
      expect(connectionOf(await get('/sibling')).client).toBe('')
    }
  })

  test('a renewed certificate is shown once it is there', async () => {
    await site.serve(https(SECRET), serviceFor(shop), whole())
    const renewed = await authority.issue(['renewed.example'], { keyNumber: 7 })
    await site.serve(https(SECRET), serviceFor(shop), secret('client', { 'tls.crt': renewed.chain, 'tls.key': renewed.key }))
    expect(connectionOf(await get()).client).toBe('renewed.example')
  })

  test('only NGINX can read the files of a Secret', async () => {
    await site.serve(https(SECRET), serviceFor(shop), whole())
    const files = await readdir(site.layout.secrets)
    expect(files).not.toEqual([])
    for (const file of files) expect((await stat(join(site.layout.secrets, file))).mode & 0o777).toBe(0o640)
  })

  describe('proxy-ssl-verify on', () => {
    test.each([
      ['with the whole Secret', whole],
      ['with the authority alone', caOnly],
    ])('takes a certificate of that authority, made out for the Service: %s', async (_, make) => {
      const { issues } = await site.serve(https(VERIFIED), serviceFor(shop), make())
      expect(issues).toEqual([])
      expect(await get()).toHaveStatus(200)
    })

    test('takes no other, and a sibling does, even where that has opened connections before', async () => {
      await site.serve(sibling(), https(VERIFIED), serviceFor(stranger), whole(), options({ 'worker-processes': '1' }))
      expect(await get('/sibling')).toHaveStatus(200)
      expect(await get()).toHaveStatus(502)
      expect(await get('/sibling')).toHaveStatus(200)
      expect(await get()).toHaveStatus(502)
    })

    test('off is off', async () => {
      await site.serve(https({ ...SECRET, 'proxy-ssl-verify': 'off' }), serviceFor(stranger), whole())
      expect(await get()).toHaveStatus(200)
    })

    test('proxy-ssl-name: the certificate must be made out for it', async () => {
      const statusFor = async (name: string) => {
        await site.serve(https({ ...VERIFIED, 'proxy-ssl-name': name }), serviceFor(shop), whole())
        return (await get()).status
      }
      expect(await statusFor('shop.example')).toBe(200)
      expect(await statusFor('Shop.Example')).toBe(200)
      expect(await statusFor('other.example')).toBe(502)
    })

    test('proxy-ssl-verify-depth: so many intermediate certificates', async () => {
      const statusFor = async (depth: Annotations) => {
        await site.serve(https({ ...VERIFIED, ...depth }), serviceFor(deep), whole())
        return (await get()).status
      }
      expect(await statusFor({})).toBe(502)
      expect(await statusFor({ 'proxy-ssl-verify-depth': '2' })).toBe(200)
    })
  })

  describe('of canaries, each backend goes by the name of its own Service', () => {
    let [main, one, two]: Backend[] = []

    beforeAll(async () => {
      const start = async (name: string, made = name) => {
        const issued = await authority.issue([`${made}.default.svc`])
        const tls = { cert: issued.chain, key: issued.key, requestCert: true, rejectUnauthorized: false }
        return started.use(await startBackend(name, { tls, answer: sayConnection }))
      }
      main = await start('main')
      one = await start('one')
      // Shows the certificate of the main one.
      two = await start('two', 'main')
    })

    const route = (name: string, annotations: Annotations) => annotated(name, 'shop.test', name, annotations)
    const canary = (name: string) => route(name, { canary: 'true', 'canary-by-header': `X-${name}` })
    const services = () => [main, one, two].flatMap((backend) => (backend === undefined ? [] : serviceFor(backend)))
    const ask = async (scheme: 'http' | 'https', name?: string) =>
      await (scheme === 'https' ? site.getTls : site.get)('shop.test', '/', {
        headers: name === undefined ? {} : { [`X-${name}`]: 'always' },
      })

    test.each(['HTTPS', 'AUTO_HTTP'])('%s: its certificate must be made out for that, and it is what is sent', async (protocol) => {
      const terms = { ...VERIFIED, 'backend-protocol': protocol, 'proxy-ssl-server-name': 'on' }
      const { issues } = await site.serve(route('main', terms), canary('one'), canary('two'), ...services(), whole())
      expect(issues).toEqual([])
      for (let turn = 0; turn < 2; turn++) {
        expect(connectionOf(await ask('https'))).toMatchObject({ sni: 'main.default.svc', client: 'client.example' })
        expect(connectionOf(await ask('https', 'one'))).toMatchObject({ sni: 'one.default.svc', client: 'client.example' })
        expect(await ask('https', 'two')).toHaveStatus(502)
      }
    })

    test('of a main Service without TLS, too', async () => {
      const plain = started.use(await startBackend('plain'))
      const terms = { ...VERIFIED, 'proxy-ssl-server-name': 'on' }
      const overTls = [main, one].flatMap((backend) => (backend === undefined ? [] : serviceFor(backend, { appProtocol: 'https' })))
      const canaryOfMain = annotated('main', 'shop.test', 'main', { canary: 'true', 'canary-by-header': 'X-main' })
      const { result } = await site.serve(route('plain', terms), canaryOfMain, canary('one'), ...overTls, serviceFor(plain), whole())
      expect(result.kind).toBe('applied')
      expect(await ask('http')).toComeFrom('plain')
      expect(connectionOf(await ask('http', 'main')).sni).toBe('main.default.svc')
      expect(connectionOf(await ask('http', 'one')).sni).toBe('one.default.svc')
    })

    test('unless proxy-ssl-name gives one for all', async () => {
      const terms = { ...VERIFIED, 'backend-protocol': 'HTTPS', 'proxy-ssl-name': 'main.default.svc', 'proxy-ssl-server-name': 'on' }
      await site.serve(route('main', terms), canary('one'), canary('two'), ...services(), whole())
      expect(connectionOf(await ask('http')).sni).toBe('main.default.svc')
      expect(await ask('http', 'one')).toHaveStatus(502)
      expect(connectionOf(await ask('http', 'two')).sni).toBe('main.default.svc')
    })

    test('in gRPC, too', async () => {
      const issued = await authority.issue(['caller.default.svc'])
      const ca = authority.certificate
      const tls = { cert: issued.chain, key: issued.key, ca, requestCert: true, rejectUnauthorized: true }
      const caller = started.use(await startGrpcBackend('caller', tls))
      const main = annotated('greeter', 'shop.test', 'greeter', { ...VERIFIED, 'backend-protocol': 'GRPCS' })
      const beside = annotated('caller', 'shop.test', 'caller', { canary: 'true', 'canary-weight': '100' })
      const answeredBy = async (...objects: readonly IngressBuilder[]) => {
        await site.serve(...objects, serviceFor(greeter), serviceFor(caller), whole())
        await using call = await callGrpc(site.httpsPort, 'shop.test', '/shop.Greeter/Greet')
        call.send('hello')
        call.end()
        return [await call.status(), await call.messages(1)]
      }
      expect(await answeredBy(main)).toEqual(['0', ['greeter: hello']])
      expect(await answeredBy(main, beside)).toEqual(['0', ['caller: hello']])
    })
  })

  test('GRPCS backends are shown a certificate and verified alike', async () => {
    const statusWith = async (annotations: Annotations) => {
      const grpc = annotated('grpc', 'grpc.test', 'greeter', { 'backend-protocol': 'GRPCS', ...annotations })
      const { issues } = await site.serve(grpc, serviceFor(greeter), whole())
      expect(issues).toEqual([])
      await using call = await callGrpc(site.httpsPort, 'grpc.test', '/shop.Greeter/Greet')
      call.end()
      return await call.status()
    }
    expect(await statusWith(VERIFIED)).toBe('0')
    expect(await statusWith({ ...VERIFIED, 'proxy-ssl-name': 'other.example' })).toBeUndefined()
    // This one lets in nobody without a certificate.
    expect(await statusWith({})).toBeUndefined()
  })

  test('proxy-ssl-server-name: the name is sent, and without it none is', async () => {
    const sniFor = async (annotations: Annotations) => {
      const { issues } = await site.serve(https(annotations), serviceFor(shop))
      expect(issues).toEqual([])
      return connectionOf(await get()).sni
    }
    expect(await sniFor({ 'proxy-ssl-server-name': 'on' })).toBe('shop.default.svc')
    expect(await sniFor({ 'proxy-ssl-server-name': 'on', 'proxy-ssl-name': 'shop.example' })).toBe('shop.example')
    expect(await sniFor({ 'proxy-ssl-server-name': 'off', 'proxy-ssl-name': 'shop.example' })).toBe('')
    expect(await sniFor({})).toBe('')
  })

  test('proxy-ssl-protocols and proxy-ssl-ciphers, and not for a sibling', async () => {
    const connectionWith = async (annotations: Annotations) => {
      const { issues } = await site.serve(https(annotations), sibling(), serviceFor(shop))
      expect(issues).toEqual([])
      expect(connectionOf(await get('/sibling')).protocol).toBe('TLSv1.3')
      return connectionOf(await get())
    }
    expect(await connectionWith({ 'proxy-ssl-protocols': 'TLSv1.2' })).toMatchObject({ protocol: 'TLSv1.2' })
    expect(await connectionWith({ 'proxy-ssl-protocols': 'TLSv1.2 TLSv1.3' })).toMatchObject({ protocol: 'TLSv1.3' })
    const cipher = 'ECDHE-ECDSA-CHACHA20-POLY1305'
    expect(await connectionWith({ 'proxy-ssl-protocols': 'TLSv1.2', 'proxy-ssl-ciphers': cipher })).toMatchObject({ cipher })
  })

  describe('what cannot be had closes the route, and nobody else', () => {
    const closed: readonly (readonly [string, Annotations, () => readonly Manifest[], string])[] = [
      ['a Secret that does not exist', SECRET, () => [], 'secret-not-found'],
      ['a Secret without anything', SECRET, () => [secret('client', { other: 'x' })], 'protection-invalid'],
      ['no key', SECRET, () => [secret('client', { 'tls.crt': client.chain })], 'protection-invalid'],
      [
        "another's key",
        SECRET,
        () => [secret('client', { 'tls.crt': client.chain, 'tls.key': 'x', 'ca.crt': authority.certificate })],
        'protection-invalid',
      ],
      [
        'a key under a passphrase',
        SECRET,
        () => [secret('client', { 'tls.crt': client.chain, 'tls.key': encryptKey(client.key, 'x') })],
        'protection-invalid',
      ],
      ['an authority that cannot be read', SECRET, () => [secret('client', { 'ca.crt': 'x' })], 'protection-invalid'],
      [
        'a certificate among the authorities that cannot be read',
        SECRET,
        () => [secret('client', { 'ca.crt': `${authority.certificate}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` })],
        'protection-invalid',
      ],
      ['nobody to verify by', VERIFIED, () => [secret('client', { 'tls.crt': client.chain, 'tls.key': client.key })], 'protection-invalid'],
      ['proxy-ssl-verify without a Secret', { 'proxy-ssl-verify': 'on' }, () => [], 'protection-invalid'],
      ['a Secret of another namespace', { 'proxy-ssl-secret': 'other/client' }, () => [whole()], 'protection-invalid'],
      ['a malformed secondary value', { ...VERIFIED, 'proxy-ssl-verify-depth': 'deep' }, () => [whole()], 'protection-invalid'],
    ]
    test.each(closed)('%s', async (_, annotations, secrets, code) => {
      const { result, issues } = await site.serve(https(annotations), sibling(), serviceFor(shop), ...secrets())
      expect(result.kind).not.toBe('refused')
      expect(issues.map((found) => found.code)).toEqual([code])
      expect(await get()).toHaveStatus(503)
      expect(await get('/sibling')).toHaveStatus(200)
    })
  })

  test('the name of the Secret alone is enough', async () => {
    await site.serve(https({ 'proxy-ssl-secret': 'client' }), serviceFor(shop), whole())
    expect(connectionOf(await get()).client).toBe('client.example')
  })

  test('for a backend without TLS they are told to have no effect', async () => {
    await using web = await startBackend('web')
    const { issues } = await site.serve(annotated('web', 'web.test', 'web', { 'proxy-ssl-server-name': 'on' }), serviceFor(web))
    expect(issues).toMatchObject([{ code: 'backend-without-tls', object: { name: 'web' } }])
    expect(await site.get('web.test', '/')).toComeFrom('web')
  })

  test.each([
    { key: 'proxy-ssl-secret', good: [], bad: ['', 'a/b/c', '/client', 'default/', 'Client', 'default/../client', 'a b'] },
    { key: 'proxy-ssl-verify', good: ['off'], bad: ['', 'yes', 'true', 'ON', 'optional'] },
    { key: 'proxy-ssl-verify-depth', good: ['1', '10'], bad: ['', '0', '11', '-1', '1.5'] },
    { key: 'proxy-ssl-name', good: ['a', 'shop.example'], bad: ['', '*.example', '$host', 'a_b', 'a:443', 'http://a'] },
    { key: 'proxy-ssl-server-name', good: ['on', 'off'], bad: ['', 'true', 'shop.example'] },
    { key: 'proxy-ssl-protocols', good: ['TLSv1.2', 'TLSv1.3', 'TLSv1.3  TLSv1.2'], bad: ['', 'TLSv1.1', 'SSLv3', 'TLSv1.2,TLSv1.3'] },
    {
      key: 'proxy-ssl-ciphers',
      good: ['DEFAULT', 'HIGH', 'HIGH:!aNULL:!MD5', 'DEFAULT:!3DES', 'AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256', 'HIGH:HIGH'],
      bad: ['', '!aNULL', 'HIGH:DEFAULT', 'ALL', 'HIGH:@SECLEVEL=0', 'HIGH:!HIGH', 'HIGH !MD5', 'nope', ':'],
    },
  ])('$key takes $good, and not $bad', async ({ key, good, bad }) => {
    const ingresses = [...good, ...bad].map((value, index) =>
      annotated(`i${index}`, `i${index}.test`, 'shop', { 'backend-protocol': 'HTTPS', [key]: value }),
    )
    const { result, issues } = await site.serve(...ingresses, serviceFor(shop))
    expect(result.kind).not.toBe('refused')
    expect(toldOf(issues, 'protection-invalid')).toEqual(new Set(bad.map((_, index) => `i${good.length + index} ${key}`)))
    expect(issues).toHaveLength(bad.length)
    for (const [index] of good.entries()) expect(await site.get(`i${index}.test`, '/')).toHaveStatus(200)
    for (const [index] of bad.entries()) expect(await site.get(`i${good.length + index}.test`, '/')).toHaveStatus(503)
  })

  test('a hostile value closes the route, is told, and stops nobody', async () => {
    const keys = KEYS.filter((key) => !['proxy-ssl-secret', 'proxy-ssl-name'].includes(key))
    const hostile = hostileIngresses(keys, 'shop', ['off', '0'])
    const names = hostileIngresses(['proxy-ssl-secret'], 'shop').map((built) => built.namespace('default'))
    const { result, issues } = await site.serve(...hostile, sibling(), serviceFor(shop))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'protection-invalid')).toEqual(eachOf(hostile, keys))
    for (let index = 0; index < hostile.length; index += 10) expect(await site.get(`h${index}.test`, '/')).toHaveStatus(503)

    const served = await site.serve(...names, serviceFor(shop))
    expect(served.result.kind).toBe('applied')
    for (let index = 0; index < names.length; index += 10) expect(await site.get(`h${index}.test`, '/')).toHaveStatus(503)
  })
})
