/** The cluster of the benchmark as an API server keeps it: the shops of ../cluster.ts, with Pods whose addresses are local. */
import { ApiError, type KubeClient } from '../../../src/kube/client.ts'
import type { IssuedCertificate } from '../../support/certificates.ts'
import { podAddress } from '../../support/cluster.ts'
import { collectionPathOf } from '../../support/cluster-objects.ts'
import { endpointSlice, ingress, type Manifest, service, tlsSecret } from '../../support/objects.ts'
import { hasTls, shopHost, shopName } from '../cluster.ts'

export const ENDPOINT_PORT = 8080
export const OTHER_CLASS = 'other'

const ENDPOINTS = 3
/** Pods of no shop, for endpoints that are changed and for Services that are not served. */
const SPARE_PODS = 50_000
const WRITES_AT_ONCE = 24

/** Ingress, Service, EndpointSlice, and for every third shop a Secret. */
export function shopManifests(index: number, pair: IssuedCertificate): readonly Manifest[] {
  const name = shopName(index)
  const pods = Array.from({ length: ENDPOINTS }, (_, pod) => ({ address: podAddress(index * ENDPOINTS + pod) }))
  const paths = ingress(name).host(shopHost(index)).prefix('/', name).prefix('/cart', name).prefix('/account', name)
  const secrets = hasTls(index) ? [tlsSecret(`${name}-tls`, pair.chain, pair.key)] : []
  if (hasTls(index)) paths.tls(`${name}-tls`, shopHost(index))
  return [...secrets, service(name), endpointSlice(name, pods, { port: ENDPOINT_PORT }), paths.toManifest()]
}

/** Of another controller's class. */
export function foreignManifest(index: number): Manifest {
  const paths = ingress(foreignName(index))
    .class(OTHER_CLASS)
    .host(`${foreignName(index)}.bench.test`)
  return paths.prefix('/', 'theirs').prefix('/cart', 'theirs').prefix('/account', 'theirs').toManifest()
}

export function foreignName(index: number): string {
  return `foreign-${index}`
}

/** An address that only one change has. */
export function spareAddress(change: number): string {
  return podAddress(SPARE_PODS + change)
}

/** Creates objects that do not exist yet, some at a time, in no order. */
export async function createAll(client: KubeClient, manifests: readonly Manifest[]): Promise<void> {
  const rest = manifests.values()
  const work = async () => {
    for (const manifest of rest) await create(client, manifest)
  }
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, work))
}

/** When an object was created is the server's to say. */
async function create(client: KubeClient, manifest: Manifest): Promise<void> {
  try {
    await client.request({ method: 'POST', path: collectionPathOf(manifest), body: manifest })
  } catch (error) {
    // The server asks for patience where it is busy.
    if (!(error instanceof ApiError && error.status === 429)) throw error
    await create(client, manifest)
  }
}
