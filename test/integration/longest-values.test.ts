/** Whatever is accepted of annotations, NGINX takes it: the longest and oddest values of all of them at once. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, startBackend } from '../support/backend.ts'
import { ingressesWith, longAnnotations } from '../support/longest-values.ts'
import { options, serviceFor } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('the longest values of annotations, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
  })
  afterAll(() => started.disposeAsync())

  test('of a backend that speaks HTTP, and one that speaks gRPC', async () => {
    const services = [...serviceFor(web), ...serviceFor({ ...web, name: 'grpc' }, { appProtocol: 'grpc' })]
    const built = ingressesWith(longAnnotations(), ['web', 'grpc'])
    const { result } = await site.serve(...built, ...services, options({ 'enable-underscores-in-headers': 'true' }))
    expect(result).toMatchObject({ kind: 'applied' })
  })
})
