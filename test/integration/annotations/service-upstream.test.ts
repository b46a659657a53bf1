/** service-upstream: the Service's cluster IP in place of its endpoints. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Annotations, annotate, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { endpointSlice, ingress, type Manifest, options } from '../../support/objects.ts'
import { freePort } from '../../support/ports.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = 'service-upstream'

describe.each(await testedNginx())('annotation service-upstream, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  /** What listens at the Service's cluster IP, as kube-proxy would, and at its endpoint. */
  let clusterIp: Backend
  let endpoint: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    clusterIp = started.use(await startBackend('cluster-ip', { address: '127.0.0.2', port: await freePort() }))
    endpoint = started.use(await startBackend('endpoint'))
  })
  afterAll(() => started.disposeAsync())

  const services = (address: string = clusterIp.address): readonly Manifest[] => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'default', name: 'shop' },
      spec: { type: 'ClusterIP', clusterIP: address, ports: [{ port: clusterIp.port }] },
    },
    endpointSlice('shop', [{ address: endpoint.address }], { port: endpoint.port }),
  ]
  const shop = (annotations: Annotations, name = 'shop') =>
    annotate(ingress(name).host(`${name}.test`).prefix('/', 'shop', clusterIp.port), annotations)
  const sibling = () => ingress('sibling').host('shop.test').prefix('/sibling', 'shop', clusterIp.port)

  test('true sends to the cluster IP, and not for a sibling', async () => {
    const { issues } = await site.serve(shop({ [KEY]: 'true' }), sibling(), services())
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/')).toComeFrom('cluster-ip')
    expect(await site.get('shop.test', '/sibling')).toComeFrom('endpoint')
  })

  test('false comes before the ConfigMap', async () => {
    await site.serve(shop({ [KEY]: 'false' }), sibling(), services(), options({ [KEY]: 'true' }))
    expect(await site.get('shop.test', '/')).toComeFrom('endpoint')
    expect(await site.get('shop.test', '/sibling')).toComeFrom('cluster-ip')
  })

  test('a change of the endpoints is no reload', async () => {
    await site.serve(shop({ [KEY]: 'true' }), services())
    const moved = endpointSlice('shop', [{ address: '127.0.0.3' }], { port: 1 })
    const { result } = await site.serve(shop({ [KEY]: 'true' }), services().slice(0, 1), moved)
    expect(result.kind).toBe('unchanged')
    expect(await site.get('shop.test', '/')).toComeFrom('cluster-ip')
  })

  test('a headless Service is served by its endpoints, and that is told', async () => {
    const { issues } = await site.serve(shop({ [KEY]: 'true' }), services('None'))
    expect(issues).toMatchObject([{ code: 'no-cluster-ip', object: { name: 'shop' } }])
    expect(await site.get('shop.test', '/')).toComeFrom('endpoint')
  })

  test("takes what Go's ParseBool takes, and nothing else", async () => {
    const [yes, no, bad] = [
      ['true', 'True', 'TRUE', 't', 'T', '1', ' true '],
      ['false', 'False', 'FALSE', 'f', 'F', '0'],
      ['on', 'yes', 'tRUE', '2', 'enabled', ''],
    ]
    const ingresses = [...yes, ...no, ...bad].map((value, index) => shop({ [KEY]: value }, `i${index}`))
    const { result, issues } = await site.serve(...ingresses, services())
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => `i${yes.length + no.length + index} ${KEY}`)))
    for (const [index] of ingresses.entries())
      expect(await site.get(`i${index}.test`, '/')).toComeFrom(index < yes.length ? 'cluster-ip' : 'endpoint')
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses([KEY], 'shop', ['0'])
    const { result, issues } = await site.serve(shop({}), ...hostile, services())
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    expect(await site.get('shop.test', '/')).toComeFrom('endpoint')
  })
})
