import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Issue } from '../../src/model/issue.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { endpointSlice, ingress, type Manifest, service, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

/** What an Issue says in short: enough to tell that it names the right thing. */
const inShort = ({ code, object, field }: Issue) => ({ code, object: object?.name, field })

/** An Ingress of the host whose only path leads to something that is no Service. */
function resourceIngress(name: string, host: string): Manifest {
  const backend = { resource: { apiGroup: 'storage.test', kind: 'Bucket', name: 'pictures' } }
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'default', name },
    spec: { ingressClassName: 'nginx-ts', rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  }
}

describe.each(await testedNginx())('backends, NGINX %s', (_version, nginx) => {
  let site: Site
  let web: Backend
  let admin: Backend

  beforeAll(async () => {
    site = await startSite(nginx)
    web = await startBackend('web')
    admin = await startBackend('admin')
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await web?.[Symbol.asyncDispose]()
    await admin?.[Symbol.asyncDispose]()
  })

  describe('what cannot be reached is answered 503 and told, and costs nothing else', () => {
    test('a Service without ready endpoints', async () => {
      const { issues } = await site.serve(
        ingress('shop').host('shop.test').prefix('/', 'web').prefix('/idle', 'idle').prefix('/starting', 'starting'),
        serviceFor(web),
        service('idle'),
        service('starting'),
        endpointSlice('starting', [{ address: web.address, ready: false }], { port: web.port }),
      )
      expect(await site.get('shop.test', '/idle')).toHaveStatus(503)
      expect(await site.get('shop.test', '/starting')).toHaveStatus(503)
      expect(await site.get('shop.test', '/')).toComeFrom('web')
      expect(issues.map(inShort)).toEqual([
        { code: 'no-endpoints', object: 'shop', field: 'spec.rules[0].http.paths[1].backend' },
        { code: 'no-endpoints', object: 'shop', field: 'spec.rules[0].http.paths[2].backend' },
      ])
      expect(issues[0]?.message).toBe('Service default/idle has no ready endpoint for port 80; requests get 503 until it has')
    })

    test('a Service that does not exist, and one that exists in another namespace', async () => {
      const elsewhere = serviceFor({ ...web, name: 'abroad' }, { namespace: 'other' })
      const { issues } = await site.serve(
        ingress('shop').host('shop.test').prefix('/', 'web').prefix('/nowhere', 'nowhere').prefix('/abroad', 'abroad'),
        serviceFor(web),
        elsewhere,
      )
      expect(await site.get('shop.test', '/nowhere')).toHaveStatus(503)
      expect(await site.get('shop.test', '/abroad')).toHaveStatus(503)
      expect(await site.get('shop.test', '/')).toComeFrom('web')
      expect(issues.map(({ code, message }) => ({ code, message }))).toEqual([
        { code: 'backend-not-found', message: 'Service default/nowhere does not exist; requests get 503 until it does' },
        { code: 'backend-not-found', message: 'Service default/abroad does not exist; requests get 503 until it does' },
      ])
    })

    test('a port that the Service does not have, by number, by name, or under UDP only', async () => {
      const udp: Manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: 'default', name: 'dns' },
        spec: { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
      }
      const { issues } = await site.serve(
        ingress('shop')
          .host('shop.test')
          .prefix('/', 'web')
          .prefix('/number', 'web', 81)
          .prefix('/name', 'web', 'http')
          .prefix('/udp', 'dns', 53),
        serviceFor(web),
        udp,
        endpointSlice('dns', [{ address: web.address }], { name: 'dns', port: web.port }),
      )
      for (const path of ['/number', '/name', '/udp']) expect(await site.get('shop.test', path)).toHaveStatus(503)
      expect(await site.get('shop.test', '/')).toComeFrom('web')
      expect(issues.map(({ code, message }) => ({ code, message }))).toEqual([
        { code: 'backend-port-not-found', message: 'Service default/web has no TCP port 81; requests get 503 until it has' },
        { code: 'backend-port-not-found', message: 'Service default/web has no TCP port http; requests get 503 until it has' },
        { code: 'backend-port-not-found', message: 'Service default/dns has no TCP port 53; requests get 503 until it has' },
      ])
    })

    test('an ExternalName, and a backend that is no Service', async () => {
      const externalName: Manifest = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: 'default', name: 'far' },
        spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: 80 }] },
      }
      const { issues } = await site.serve(
        ingress('shop').host('shop.test').prefix('/', 'web').prefix('/far', 'far'),
        resourceIngress('bucket', 'bucket.test'),
        serviceFor(web),
        externalName,
      )
      expect(await site.get('shop.test', '/far')).toHaveStatus(503)
      expect(await site.get('bucket.test', '/')).toHaveStatus(503)
      expect(await site.get('shop.test', '/')).toComeFrom('web')
      expect(issues.map(inShort)).toEqual(
        expect.arrayContaining([
          { code: 'backend-not-supported', object: 'shop', field: 'spec.rules[0].http.paths[1].backend' },
          { code: 'backend-not-supported', object: 'bucket', field: 'spec.rules[0].http.paths[0].backend' },
        ]),
      )
      expect(issues).toHaveLength(2)
    })

    test('a Service whose name no Service can have', async () => {
      const hostile = ['../../web', 'web; return 200', 'web"', 'a.b', '$host', 'x'.repeat(64)]
      const routes = hostile.reduce(
        (made, name, index) => made.prefix(`/${index}`, name),
        ingress('shop').host('shop.test').prefix('/', 'web'),
      )
      const { issues, result } = await site.serve(routes, serviceFor(web))
      expect(result.kind).toBe('applied')
      for (const index of hostile.keys()) expect(await site.get('shop.test', `/${index}`)).toHaveStatus(503)
      expect(await site.get('shop.test', '/')).toComeFrom('web')
      expect(issues.map(({ code }) => code)).toEqual(hostile.map(() => 'backend-not-found'))
    })
  })

  describe('ports', () => {
    const slices = () => [
      endpointSlice('shop', [{ address: web.address }], { name: 'http', port: web.port }, { suffix: 'web' }),
      endpointSlice('shop', [{ address: admin.address }], { name: 'admin', port: admin.port }, { suffix: 'admin' }),
    ]

    test('are found by name and by number, and each leads to its own endpoints', async () => {
      const ports = [
        { name: 'http', port: 80, targetPort: 'http-port' },
        { name: 'admin', port: 8000, targetPort: 'admin-port' },
      ]
      const { issues } = await site.serve(
        ingress('shop')
          .host('shop.test')
          .prefix('/named/web', 'shop', 'http')
          .prefix('/named/admin', 'shop', 'admin')
          .prefix('/numbered/web', 'shop', 80)
          .prefix('/numbered/admin', 'shop', 8000),
        service('shop', ports),
        ...slices(),
      )
      expect(issues).toEqual([])
      for (const kind of ['named', 'numbered']) {
        expect(await site.get('shop.test', `/${kind}/web`)).toComeFrom('web')
        expect(await site.get('shop.test', `/${kind}/admin`)).toComeFrom('admin')
      }
    })

    test('a number that is only a targetPort leads there, but the port of that number comes first', async () => {
      const ports = [
        { name: 'http', port: 80, targetPort: 8000 },
        { name: 'admin', port: 8000, targetPort: 9000 },
      ]
      const { issues } = await site.serve(
        ingress('shop').host('shop.test').prefix('/8000', 'shop', 8000).prefix('/9000', 'shop', 9000).prefix('/80', 'shop', 80),
        service('shop', ports),
        ...slices(),
      )
      expect(issues).toEqual([])
      expect(await site.get('shop.test', '/80')).toComeFrom('web')
      expect(await site.get('shop.test', '/8000')).toComeFrom('admin')
      expect(await site.get('shop.test', '/9000')).toComeFrom('admin')
    })

    test('a named target port is the number that each slice says, which may differ', async () => {
      await site.serve(
        ingress('shop').host('shop.test').prefix('/', 'shop', 'http'),
        service('shop', [{ name: 'http', port: 80, targetPort: 'http-port' }]),
        endpointSlice('shop', [{ address: web.address }], { name: 'http', port: web.port }, { suffix: 'old' }),
        endpointSlice('shop', [{ address: admin.address }], { name: 'http', port: admin.port }, { suffix: 'new' }),
      )
      const answered = new Set<string | undefined>()
      for (let request = 0; request < 8; request++) answered.add((await site.get('shop.test', '/')).seen?.backend)
      expect(answered).toEqual(new Set(['web', 'admin']))
    })
  })
})
