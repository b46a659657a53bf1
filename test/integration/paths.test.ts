import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('paths, NGINX %s', (_version, nginx) => {
  let site: Site
  let backends: Record<'cart' | 'front' | 'exact', Backend>
  const services = () => Object.values(backends).map((backend) => serviceFor(backend))

  beforeAll(async () => {
    site = await startSite(nginx)
    backends = { cart: await startBackend('cart'), front: await startBackend('front'), exact: await startBackend('exact') }
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    for (const backend of Object.values(backends)) await backend[Symbol.asyncDispose]()
  })

  test('Prefix matches whole path segments', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/cart', 'cart'), ...services())
    for (const path of ['/cart', '/cart/', '/cart/items', '/cart?a=1']) expect(await site.get('shop.test', path)).toComeFrom('cart')
    for (const path of ['/cartoon', '/', '/Cart', '/x/cart']) expect(await site.get('shop.test', path)).toHaveStatus(404)
  })

  test('a trailing slash in a Prefix path changes nothing', async () => {
    await site.serve(ingress('shop').host('shop.test').prefix('/cart/', 'cart'), ...services())
    for (const path of ['/cart', '/cart/', '/cart/items']) expect(await site.get('shop.test', path)).toComeFrom('cart')
    expect(await site.get('shop.test', '/cartoon')).toHaveStatus(404)
  })
})
