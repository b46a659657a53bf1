import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ingress, type Manifest } from '../support/objects.ts'
import { startServices } from '../support/services.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const backends = ['shop', 'other', 'fallback', 'second', 'controller']

describe.each(await testedNginx())('default backends, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    services = await startServices(started, backends)
  })
  afterAll(() => started.disposeAsync())

  test('alone, a default backend answers every host and path', async () => {
    const { issues } = await site.serve(ingress('all').defaultBackend('fallback'), services)
    expect(issues).toEqual([])
    for (const [host, path] of [
      ['shop.test', '/'],
      ['unknown.test', '/a/b?c'],
      ['127.0.0.1', '/x'],
    ] as const)
      expect(await site.get(host, path)).toComeFrom('fallback')
  })

  test('a default backend alone leaves the hosts of others to them', async () => {
    await site.serve(ingress('all').defaultBackend('fallback'), ingress('shop').host('shop.test').prefix('/cart', 'shop'), services)
    expect(await site.get('unknown.test', '/cart')).toComeFrom('fallback')
    expect(await site.get('shop.test', '/cart')).toComeFrom('shop')
    expect(await site.get('shop.test', '/other')).toHaveStatus(404)
  })

  test('beside rules, it answers what they leave of their hosts, and hosts that nobody has', async () => {
    await site.serve(
      ingress('shop').host('shop.test').prefix('/cart', 'shop').host('*.shop.test').exact('/', 'shop').defaultBackend('fallback'),
      ingress('other').host('other.test').prefix('/cart', 'other'),
      services,
    )
    expect(await site.get('shop.test', '/cart')).toComeFrom('shop')
    expect(await site.get('www.shop.test', '/')).toComeFrom('shop')
    for (const host of ['shop.test', 'www.shop.test', 'unknown.test']) expect(await site.get(host, '/rest')).toComeFrom('fallback')
    expect(await site.get('other.test', '/rest')).toHaveStatus(404)
  })

  test('for hosts that nobody has, a default backend that stands alone comes before an older one beside rules', async () => {
    const { issues } = await site.serve(
      ingress('shop').host('shop.test').prefix('/cart', 'shop').defaultBackend('second'),
      ingress('all').defaultBackend('fallback'),
      services,
    )
    expect(issues).toEqual([])
    expect(await site.get('unknown.test', '/')).toComeFrom('fallback')
    expect(await site.get('shop.test', '/')).toComeFrom('second')
  })

  test('of two that stand alone the older one answers, and the other is told', async () => {
    const { issues } = await site.serve(
      ingress('z-older').defaultBackend('fallback'),
      ingress('a-younger').defaultBackend('second'),
      services,
    )
    expect(await site.get('unknown.test', '/')).toComeFrom('fallback')
    expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'a-younger' }, field: 'spec.defaultBackend' }])
    expect(issues[0]?.message).toContain('Ingress default/z-older')
  })

  test('of two Ingresses on one host the default backend of the older one answers, and the other is told', async () => {
    const { issues } = await site.serve(
      ingress('z-older').host('shop.test').prefix('/cart', 'shop').defaultBackend('fallback'),
      ingress('a-younger')
        .host('shop.test')
        .prefix('/other', 'other')
        .host('other.test')
        .prefix('/other', 'other')
        .defaultBackend('second'),
      services,
    )
    expect(await site.get('shop.test', '/rest')).toComeFrom('fallback')
    expect(await site.get('other.test', '/rest')).toComeFrom('second')
    expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'a-younger' }, field: 'spec.defaultBackend' }])
    expect(issues[0]?.message).toContain('shop.test')
  })

  test('a rule for / comes before any default backend, however young it is', async () => {
    const { issues } = await site.serve(
      ingress('shop').host('shop.test').prefix('/cart', 'shop').defaultBackend('fallback'),
      ingress('root').host('shop.test').prefix('/', 'other'),
      ingress('any').prefix('/', 'second'),
      services,
    )
    expect(issues).toEqual([])
    expect(await site.get('shop.test', '/cart')).toComeFrom('shop')
    expect(await site.get('shop.test', '/rest')).toComeFrom('other')
    expect(await site.get('unknown.test', '/rest')).toComeFrom('second')
  })

  test('a default backend that stands alone is told of a rule for / of every host', async () => {
    const { issues } = await site.serve(ingress('all').defaultBackend('fallback'), ingress('any').prefix('/', 'second'), services)
    expect(await site.get('unknown.test', '/')).toComeFrom('second')
    expect(issues).toMatchObject([{ code: 'path-claimed', object: { name: 'all' }, field: 'spec.defaultBackend' }])
  })

  test('an Exact / leaves everything else to the default backend', async () => {
    await site.serve(ingress('shop').host('shop.test').exact('/', 'shop').defaultBackend('fallback'), services)
    expect(await site.get('shop.test', '/')).toComeFrom('shop')
    expect(await site.get('shop.test', '/rest')).toComeFrom('fallback')
  })

  test('a host without paths is for the default backend alone', async () => {
    await site.serve(ingress('shop').emptyRule('shop.test').defaultBackend('fallback'), ingress('any').prefix('/', 'second'), services)
    expect(await site.get('shop.test', '/')).toComeFrom('fallback')
    expect(await site.get('unknown.test', '/')).toComeFrom('second')
  })

  test('a host without paths and without default backend is 404', async () => {
    await site.serve(ingress('shop').emptyRule('shop.test'), ingress('all').defaultBackend('fallback'), services)
    expect(await site.get('shop.test', '/')).toHaveStatus(404)
  })

  test('an Ingress that is left out leaves no default backend behind', async () => {
    const { issues, result } = await site.serve(
      ingress('Not_A_Name').defaultBackend('fallback'),
      ingress('canary').defaultBackend('second').annotation('nginx.ingress.kubernetes.io/canary', 'true'),
      ingress('shop').host('shop.test').prefix('/', 'shop'),
      services,
    )
    expect(result.kind).toBe('applied')
    expect(issues.map(({ code }) => code).sort()).toEqual(['canary-without-main', 'invalid-object'])
    expect(await site.get('shop.test', '/')).toComeFrom('shop')
    expect(await site.get('unknown.test', '/')).toHaveStatus(404)
  })
})

describe.each(await testedNginx())('--default-backend-service, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let services: readonly Manifest[]

  beforeAll(async () => {
    site = started.use(await startSite(nginx, { options: { defaultBackendService: 'default/controller' } }))
    services = await startServices(started, backends)
  })
  afterAll(() => started.disposeAsync())

  test('it answers what no rule and no default backend of an Ingress does', async () => {
    await site.serve(
      ingress('shop').host('shop.test').prefix('/cart', 'shop'),
      ingress('empty').emptyRule('empty.test'),
      ingress('other').host('other.test').prefix('/cart', 'other').defaultBackend('fallback'),
      services,
    )
    expect(await site.get('shop.test', '/cart')).toComeFrom('shop')
    for (const host of ['shop.test', 'empty.test']) expect(await site.get(host, '/rest')).toComeFrom('controller')
    for (const host of ['other.test', 'unknown.test']) expect(await site.get(host, '/rest')).toComeFrom('fallback')
  })

  test('it answers every host when there is no Ingress at all', async () => {
    const { issues } = await site.serve(services)
    expect(issues).toEqual([])
    expect(await site.get('unknown.test', '/')).toComeFrom('controller')
  })

  test('where its Service does not exist, that is said and what it would answer is 404', async () => {
    const { issues } = await site.serve(
      ingress('shop').host('shop.test').prefix('/', 'shop'),
      services.filter(({ metadata }) => !isNamed(metadata, 'controller')),
    )
    expect(issues).toMatchObject([{ code: 'backend-not-found', object: undefined, field: '--default-backend-service' }])
    expect(await site.get('shop.test', '/')).toComeFrom('shop')
    expect(await site.get('unknown.test', '/')).toHaveStatus(404)
  })
})

function isNamed(metadata: unknown, name: string): boolean {
  return (metadata as { readonly name: string }).name === name
}
