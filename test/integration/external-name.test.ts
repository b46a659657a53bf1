/** Services that stand for a name, which NGINX resolves while it runs; and Services reached by their cluster IP. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { type DnsServer, startDns } from '../support/dns.ts'
import { eventually } from '../support/eventually.ts'
import { endpointSlice, ingress, type Manifest, options, service } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

function external(name: string, externalName: string, ports?: readonly { readonly port: number }[]): Manifest {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { type: 'ExternalName', externalName, ...(ports && { ports }) } }
}

describe.each(await testedNginx())('ExternalName, NGINX %s', (_version, nginx) => {
  let site: Site
  let dns: DnsServer
  let one: Backend
  let other: Backend

  beforeAll(async () => {
    dns = await startDns()
    one = await startBackend('one', { address: '127.0.0.2' })
    other = await startBackend('other', { address: '127.0.0.3', port: one.port })
    site = await startSite(nginx, {
      machine: { nameServers: ['127.0.0.1'] },
      nameServers: [{ address: '127.0.0.1', port: dns.port }],
    })
  })
  afterAll(async () => {
    for (const started of [site, dns, one, other]) await started[Symbol.asyncDispose]()
  })

  const shop = () => ingress('shop').host('shop.test').prefix('/', 'shop', one.port)

  test('is followed to whatever its name resolves to, without a reload; where NGINX cannot, 503', async () => {
    dns.names.set('api.example.com', ['127.0.0.2'])
    const { issues, result } = await site.serve(shop(), external('shop', 'API.example.com.', [{ port: one.port }]))
    expect(result.kind).not.toBe('refused')
    if (!site.binary.capabilities.resolvesNames) {
      expect(issues.map(({ code }) => code)).toEqual(['backend-not-supported'])
      expect(await site.get('shop.test', '/')).toHaveStatus(503)
      return
    }
    expect(issues).toEqual([])
    await eventually(async () => expect(await site.get('shop.test', '/')).toComeFrom('one'))
    dns.names.set('api.example.com', ['127.0.0.3'])
    await eventually(async () => expect(await site.get('shop.test', '/')).toComeFrom('other'))
  })

  test('a name that does not exist is a 502 and no failed reload, and is served once it does', async () => {
    if (!site.binary.capabilities.resolvesNames) return
    dns.names.delete('late.example.com')
    const plain = [
      ingress('plain').host('plain.test').prefix('/', 'plain'),
      service('plain'),
      endpointSlice('plain', [one], { port: one.port }),
    ]
    const { issues, result } = await site.serve(shop(), external('shop', 'late.example.com'), ...plain)
    expect([result.kind, issues]).toEqual(['applied', []])
    expect(await site.get('shop.test', '/')).toHaveStatus(502)
    expect(await site.get('plain.test', '/')).toComeFrom('one')
    dns.names.set('late.example.com', ['127.0.0.3'])
    await eventually(async () => expect(await site.get('shop.test', '/')).toComeFrom('other'), { timeoutMs: 30_000 })
  })

  test('starts and reloads while no DNS server answers', async () => {
    await using alone = await startSite(nginx, {
      machine: { nameServers: ['127.0.0.1'] },
      nameServers: [{ address: '127.0.0.1', port: await freePort() }],
    })
    for (const name of ['a.example.com', 'b.example.com']) {
      const { result } = await alone.serve(shop(), external('shop', name))
      expect(result.kind).not.toBe('refused')
      expect(await alone.get('shop.test', '/')).toHaveStatus(alone.binary.capabilities.resolvesNames ? 502 : 503)
    }
  })

  test.each(['localhost', 'metadata.google.internal', 'kubernetes.default.svc', '169.254.169.254', '0.0.0.0', '2130706433', 'a b'])(
    'one that stands for %s is refused',
    async (name) => {
      const { issues, result } = await site.serve(shop(), external('shop', name, [{ port: one.port }]))
      expect(result.kind).not.toBe('refused')
      expect(issues.map(({ code }) => code)).toEqual(['backend-not-supported'])
      expect(await site.get('shop.test', '/')).toHaveStatus(503)
    },
  )

  test('one that stands for an address is served, whatever the NGINX', async () => {
    // `serve` may name loopback; a cluster may not.
    expect((await site.serve(shop(), external('shop', '127.0.0.2'))).issues).toEqual([])
    expect(await site.get('shop.test', '/')).toComeFrom('one')
  })

  test('--disable-svc-external-name refuses all', async () => {
    await using strict = await startSite(nginx, { options: { disableSvcExternalName: true } })
    const { issues } = await strict.serve(shop(), external('shop', '127.0.0.2'))
    expect(issues.map(({ message }) => message)).toEqual([expect.stringContaining('--disable-svc-external-name')])
    expect(await strict.get('shop.test', '/')).toHaveStatus(503)
  })

  describe('service-upstream', () => {
    const withClusterIp = (clusterIP: string | undefined) => [
      { ...service('shop'), spec: { type: 'ClusterIP', clusterIP, ports: [{ port: one.port }] } },
      endpointSlice('shop', [{ address: '127.0.0.3' }], { port: other.port }),
    ]

    test.each(['nginx-ts.io/', 'nginx.ingress.kubernetes.io/'])('%s sends to the cluster IP, whatever the endpoints', async (prefix) => {
      const asked = shop().annotation(`${prefix}service-upstream`, 'true')
      expect((await site.serve(asked, ...withClusterIp('127.0.0.2'))).issues).toEqual([])
      expect(await site.get('shop.test', '/')).toComeFrom('one')
      const { result } = await site.serve(asked, withClusterIp('127.0.0.2')[0] as Manifest)
      expect(result.kind).toBe('unchanged')
      expect(await site.get('shop.test', '/')).toComeFrom('one')
    })

    test('as an option, which an Ingress may contradict', async () => {
      const all = options({ 'service-upstream': 'true' })
      await site.serve(all, shop(), ...withClusterIp('127.0.0.2'))
      expect(await site.get('shop.test', '/')).toComeFrom('one')
      await site.serve(all, shop().annotation('nginx-ts.io/service-upstream', 'false'), ...withClusterIp('127.0.0.2'))
      expect(await site.get('shop.test', '/')).toComeFrom('other')
    })

    test('of a headless Service goes to its endpoints, and says so', async () => {
      for (const none of ['None', undefined]) {
        const { issues } = await site.serve(options({ 'service-upstream': 'true' }), shop(), ...withClusterIp(none))
        expect(issues.map(({ code }) => code)).toEqual(['no-cluster-ip'])
        expect(await site.get('shop.test', '/')).toComeFrom('other')
      }
    })

    test('that is neither true nor false has no effect, and says so', async () => {
      const { issues } = await site.serve(shop().annotation('nginx-ts.io/service-upstream', 'yes'), ...withClusterIp('127.0.0.2'))
      expect(issues.map(({ code }) => code)).toEqual(['invalid-annotation'])
      expect(await site.get('shop.test', '/')).toComeFrom('other')
    })
  })

  test('a headless Service is served by its endpoints as any other', async () => {
    const headless = { ...service('shop'), spec: { clusterIP: 'None', ports: [{ port: one.port, targetPort: other.port }] } }
    await site.serve(shop(), headless, endpointSlice('shop', [{ address: '127.0.0.3' }], { port: other.port }))
    expect(await site.get('shop.test', '/')).toComeFrom('other')
  })
})
