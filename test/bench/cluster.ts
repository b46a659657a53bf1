/** The cluster of the benchmark: shops, each a host of three Prefix paths with a Service of three endpoints. */
import { type ClusterObject, type ObjectKind, objectKinds } from '../../src/cluster/objects.ts'
import type { IssuedCertificate } from '../support/certificates.ts'
import { endpointSlice, ingress, type Manifest, service, tlsSecret } from '../support/objects.ts'

/** Every third shop has TLS, from a Secret of its own. */
const TLS_EVERY = 3
const ENDPOINT_PORT = 8080

export const WILDCARD_NAME = '*.bench.test'

export type Shop = {
  readonly ingress: ClusterObject
  readonly service: ClusterObject
  readonly endpointSlice: ClusterObject
  readonly secret: ClusterObject | undefined
}

export function shopHost(index: number): string {
  return `${shopName(index)}.bench.test`
}

export function hasTls(index: number): boolean {
  return index % TLS_EVERY === 0
}

export function makeShop(index: number, pair: IssuedCertificate): Shop {
  const name = shopName(index)
  return {
    ingress: shopIngress(index),
    service: slim(service(name)),
    endpointSlice: shopEndpoints(index),
    secret: hasTls(index) ? slim(tlsSecret(`${name}-tls`, pair.chain, pair.key)) : undefined,
  }
}

/** `revision` changes one of the paths. */
export function shopIngress(index: number, revision = 0): ClusterObject {
  const name = shopName(index)
  const paths = ingress(name).created(creationOf(index)).host(shopHost(index)).prefix('/', name).prefix('/cart', name)
  const whole = paths.prefix(revision === 0 ? '/account' : `/account-${revision}`, name)
  return slim((hasTls(index) ? whole.tls(`${name}-tls`, shopHost(index)) : whole).toManifest())
}

/** `revision` changes the address of one of the endpoints. */
export function shopEndpoints(index: number, revision = 0): ClusterObject {
  const network = `10.${Math.floor(index / 250)}.${index % 250}`
  const addresses = [`${network}.1`, `${network}.2`, `${network}.${3 + revision}`]
  return slim(
    endpointSlice(
      shopName(index),
      addresses.map((address) => ({ address })),
      { port: ENDPOINT_PORT },
    ),
  )
}

export function objectsOf(shop: Shop): readonly ClusterObject[] {
  const objects = [shop.ingress, shop.service, shop.endpointSlice]
  return shop.secret === undefined ? objects : [...objects, shop.secret]
}

/** What a source makes of a manifest. */
export function slim(manifest: Manifest): ClusterObject {
  return objectKinds[manifest['kind'] as ObjectKind].schema.parse(manifest)
}

export function shopName(index: number): string {
  return `shop-${index}`
}

/** A changed object keeps its age. */
function creationOf(index: number): string {
  return new Date(Date.parse('2026-01-01T00:00:00Z') + index * 1000).toISOString()
}
