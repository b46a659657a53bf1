/** An API server that has EndpointSlices as large clusters have them, and nothing else. Pages are made as they are asked for. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const VERSION = '900000'

/** Serves until its parent ends it, and sends that its URL. */
export async function manySlices(slices: number, endpoints: number): Promise<void> {
  let watches = 0
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://slices')
    response.setHeader('content-type', 'application/json')
    if (searchParams.get('watch') === 'true') {
      watches += 1
      response.statusCode = watches === 1 ? 410 : 200
      if (watches === 1) response.end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired', message: 'to be listed again' }))
      else response.flushHeaders()
      return
    }
    const from = Number(searchParams.get('continue') ?? 0)
    const to = Math.min(slices, from + Number(searchParams.get('limit') ?? slices))
    const metadata = { resourceVersion: VERSION, ...(to < slices ? { continue: String(to) } : {}) }
    const items = Array.from({ length: to - from }, (_, index) => slice(from + index, endpoints))
    response.end(JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  process.on('disconnect', () => process.exit())
}

/** With all that the endpoint slice controller writes, and what the API server notes of who wrote it. */
function slice(index: number, endpoints: number) {
  const name = `service-${index}`
  const namespace = `team-${index % 100}`
  return {
    metadata: {
      name: `${name}-x7k2p`,
      generateName: `${name}-`,
      namespace,
      uid: `1f0e9d8c-7b6a-4594-8382-${String(index).padStart(12, '0')}`,
      resourceVersion: String(100_000 + index),
      generation: 3,
      creationTimestamp: '2026-05-04T08:00:00Z',
      labels: {
        app: name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': name,
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-05-04T08:00:03Z' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid: '6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d', controller: true }],
      managedFields: [
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          apiVersion: 'discovery.k8s.io/v1',
          time: '2026-05-04T08:00:03Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:addressType': {},
            'f:endpoints': {},
            'f:metadata': { 'f:annotations': { '.': {} }, 'f:labels': { '.': {}, 'f:app': {} }, 'f:ownerReferences': { '.': {} } },
            'f:ports': {},
          },
        },
      ],
    },
    addressType: 'IPv4',
    endpoints: Array.from({ length: endpoints }, (_, at) => ({
      addresses: [`10.${(index >> 12) & 255}.${(index >> 4) & 255}.${((index & 15) * endpoints + at) % 256}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${(index + at) % 500}`,
      zone: `zone-${at % 3}`,
      targetRef: {
        kind: 'Pod',
        namespace,
        name: `${name}-7c9d8b6f5-${String(at).padStart(5, 'x')}`,
        uid: `0a1b2c3d-4e5f-4607-8899-${String(index * endpoints + at).padStart(12, '0')}`,
      },
    })),
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  }
}
