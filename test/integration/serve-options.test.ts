import { describe, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { CONFIG_MAP_KEY, ingress, options, serviceFor } from '../support/objects.ts'
import { manifestText, prepareServe } from '../support/serve.ts'
import { testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('serve --configmap, NGINX %s', (_version, nginx) => {
  test('follows the ConfigMap as it comes, changes, goes wrong and is taken away', async () => {
    await using web = await startBackend('web')
    await using serving = await prepareServe(nginx)
    await serving.write('shop.yaml', manifestText(ingress('shop').host('shop.test').prefix('/', 'web'), ...serviceFor(web)))
    await serving.startReady('--configmap', CONFIG_MAP_KEY, '--proxy-body-size', '10')
    const post = (length: number) => serving.get('shop.test', '/', { method: 'POST', body: 'x'.repeat(length) })
    const limitIs = (bytes: number) =>
      eventually(async () => {
        expect(await post(bytes)).toHaveStatus(200)
        expect(await post(bytes + 1)).toHaveStatus(413)
      })
    await limitIs(10)
    expect(serving.standardError()).toContain('configmap-not-found')

    await serving.write('options.yaml', manifestText(options({ 'proxy-body-size': '20' })))
    await limitIs(20)
    await serving.write('options.yaml', manifestText(options({ 'proxy-body-size': '30', 'proxy-bodysize': '1' })))
    await limitIs(30)
    await eventually(() => expect(serving.standardError()).toContain('unknown-option'))
    await serving.write('options.yaml', manifestText(options({ 'proxy-body-size': 'much' })))
    await limitIs(10)
    await eventually(() => expect(serving.standardError()).toContain('invalid-option'))
    await serving.write('options.yaml', manifestText(options({ 'proxy-body-size': '40' })))
    await limitIs(40)
    await serving.remove('options.yaml')
    await limitIs(10)
  })
})
