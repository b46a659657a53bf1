/** backend-protocol: the protocol that backends are spoken to in. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Annotations, annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { createAuthority } from '../../support/certificates.ts'
import { callGrpc, type GrpcBackend, startGrpcBackend } from '../../support/grpc-backend.ts'
import { options, serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'
import { startTlsOrNotBackend, type TlsOrNotBackend } from '../../support/tls-or-not-backend.ts'

const KEY = 'backend-protocol'

describe.each(await testedNginx())('annotation backend-protocol, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend
  let safe: Backend
  let either: TlsOrNotBackend
  let greeter: GrpcBackend
  let safeGreeter: GrpcBackend

  beforeAll(async () => {
    const { chain: cert, key } = await (await createAuthority('Unknown')).issue(['backend.invalid'])
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
    safe = started.use(await startBackend('safe', { tls: { cert, key } }))
    either = started.use(await startTlsOrNotBackend('either', { cert, key }))
    greeter = started.use(await startGrpcBackend('greeter'))
    safeGreeter = started.use(await startGrpcBackend('safe-greeter', { cert, key }))
  })
  afterAll(() => started.disposeAsync())

  const shop = (service: string, protocol: string) => annotated('shop', 'shop.test', service, { [KEY]: protocol })
  const sibling = (service: string, annotations: Annotations = {}) =>
    annotated('sibling', 'unused.test', service, annotations).host('shop.test').prefix('/sibling', service)

  test.each(['HTTPS', 'https', 'Https'])('%s: TLS is spoken, whoever signed the certificate, and not for a sibling', async (protocol) => {
    const { issues } = await site.serve(shop('safe', protocol), sibling('safe'), serviceFor(safe))
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/')).toComeFrom('safe')
    expect(await site.getTls('shop.test', '/')).toComeFrom('safe')
    expect(await site.get('shop.test', '/sibling')).toHaveStatus(502)
  })

  test('HTTP comes before the appProtocol of the Service port, and not for a sibling', async () => {
    const { issues } = await site.serve(shop('web', 'HTTP'), sibling('web'), serviceFor(web, { appProtocol: 'https' }))
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/')).toComeFrom('web')
    expect(await site.get('shop.test', '/sibling')).toHaveStatus(502)
  })

  test('HTTPS comes before an appProtocol that says otherwise, or that nobody knows', async () => {
    for (const appProtocol of ['http', 'grpc', 'example.test/pigeon']) {
      const { issues } = await site.serve(shop('safe', 'HTTPS'), serviceFor(safe, { appProtocol }))
      expect(issues).toEqual([])
      expect(await site.get('shop.test', '/')).toComeFrom('safe')
    }
  })

  test.each(['GRPC', 'GRPCS'])('%s: calls arrive, with their answers and their status', async (protocol) => {
    const backend = protocol === 'GRPC' ? greeter : safeGreeter
    const { issues } = await site.serve(shop(backend.name, protocol), sibling(backend.name), serviceFor(backend))
    expect(issues).toEqual([])
    await using call = await callGrpc(site.httpsPort, 'shop.test', '/shop.Greeter/Greet')
    call.send('hello')
    call.end()
    expect(await call.status()).toBe('0')
    expect(await call.messages(1)).toEqual([`${backend.name}: hello`])
    await using lost = await callGrpc(site.httpsPort, 'shop.test', '/sibling')
    lost.end()
    expect(await lost.status()).toBeUndefined()
  })

  test('AUTO_HTTP: over TLS where the client came over TLS', async () => {
    const { issues } = await site.serve(shop('either', 'AUTO_HTTP'), serviceFor(either), options({ 'worker-processes': '1' }))
    expect(issues).toEqual([])
    // One after the other: a connection that is kept must not carry the other's requests.
    for (let turn = 0; turn < 3; turn++) {
      expect((await site.get('shop.test', '/')).body).toBe('http')
      expect((await site.getTls('shop.test', '/')).body).toBe('https')
    }
  })

  test('two Ingresses may speak to one Service port in two protocols, and share no connection', async () => {
    const objects = [shop('either', 'HTTPS'), sibling('either', { [KEY]: 'HTTP' }), serviceFor(either)]
    await site.serve(...objects, options({ 'worker-processes': '1' }))
    for (let turn = 0; turn < 3; turn++) {
      expect((await site.get('shop.test', '/')).body).toBe('https')
      expect((await site.get('shop.test', '/sibling')).body).toBe('http')
    }
  })

  test('FCGI is told to be not there yet', async () => {
    const { issues } = await site.serve(shop('web', 'FCGI'), serviceFor(web))
    expect(issues).toMatchObject([
      {
        code: 'invalid-annotation',
        annotation: 'nginx.ingress.kubernetes.io/backend-protocol',
        message: '"FCGI" waits for FastCGI backends; it has no effect',
      },
    ])
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })

  test.each(['', 'TCP', 'HTTP/2', 'HTTP2', 'HTTPS;', 'HTTP HTTPS', 'AUTO', 'true'])('%j is told and has no effect', async (value) => {
    const { issues } = await site.serve(shop('web', value), serviceFor(web))
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set([`shop ${KEY}`]))
    expect(await site.get('shop.test', '/')).toComeFrom('web')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses([KEY], 'web')
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    for (let index = 0; index < hostile.length; index += 10) expect(await site.get(`h${index}.test`, '/')).toComeFrom('web')
  })
})
