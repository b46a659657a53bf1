/** One Ingress that NGINX refuses, which no Ingress is known to bring about: the fault is injected into `nginx -t`. */
import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AgentProcess, prepareAgent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { temporaryFolder } from '../support/folder.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { startServices } from '../support/services.ts'
import { testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('an Ingress that NGINX refuses, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let services: readonly Manifest[]
  let faulty: Awaited<ReturnType<typeof faultyNginx>>

  beforeAll(async () => {
    services = await startServices(started, ['one', 'two'])
    faulty = await faultyNginx(started.use(await temporaryFolder()).path, nginx)
  })
  afterAll(() => started.disposeAsync())

  async function startAgent(disposables: AsyncDisposableStack): Promise<AgentProcess> {
    const agent = disposables.use(await prepareAgent(faulty.path))
    await agent.startReady()
    disposables.defer(() => faulty.heal())
    return agent
  }

  const shop = (service: string) => ingress('shop').host('shop.test').prefix('/', service)
  const bad = () => ingress('bad').host('shop.test').prefix('/admin', 'two').annotation('nginx-ts.io/proxy-read-timeout', '77')

  test.each([
    ['by name', () => faulty.refuse('# Ingress default/bad')],
    ['without a name', () => faulty.refuseUnnamed('proxy_read_timeout 77s')],
  ])('%s keeps nobody else from going live, and nobody else gets its requests', async (_how, refuse) => {
    await using disposables = new AsyncDisposableStack()
    const agent = await startAgent(disposables)
    const controlling = disposables.use(agent.control(...services, shop('one')))
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('one'))

    await refuse()
    const others = Array.from({ length: 20 }, (_, index) => ingress(`other-${index}`).host(`other-${index}.test`).prefix('/', 'one'))
    controlling.change(...services, shop('two'), bad(), ...others)
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('two'))
    expect(await agent.get('other-19.test', '/')).toComeFrom('one')
    await eventually(() =>
      expect(controlling.outcomes.at(-1)).toMatchObject({
        result: { kind: 'applied' },
        issues: [
          {
            code: 'configuration-refused',
            severity: 'error',
            object: { name: 'bad' },
            message: expect.stringContaining('an injected fault'),
          },
        ],
      }),
    )

    await faulty.heal()
    controlling.change(...services, shop('two'), bad().annotation('nginx-ts.io/proxy-read-timeout', '78'), ...others)
    await eventually(() => expect(controlling.outcomes.at(-1)).toMatchObject({ result: { kind: 'applied' }, issues: [] }))
    expect(await agent.get('shop.test', '/admin')).toComeFrom('two')
  })

  test('at a start, and nothing that was tried stays on the disk', async () => {
    await using disposables = new AsyncDisposableStack()
    const agent = await startAgent(disposables)
    await faulty.refuseUnnamed('# Ingress default/bad')
    const controlling = disposables.use(agent.control(...services, shop('one'), bad()))
    await eventually(() => expect(controlling.outcomes.at(-1)).toMatchObject({ result: { kind: 'applied' } }))
    expect(await agent.get('shop.test', '/admin')).toComeFrom('one')
    const files = await filesOf(agent)
    await faulty.refuseUnnamed('worker_processes')
    controlling.change(...services, shop('two'), bad())
    await eventually(() => expect(controlling.outcomes.at(-1)).toMatchObject({ result: { kind: 'refused' } }))
    expect(await filesOf(agent)).toEqual(files)
  })

  test('answers 503 on its paths until it is changed, rather than being served by others without what protects it', async () => {
    await using disposables = new AsyncDisposableStack()
    const agent = await startAgent(disposables)
    await faulty.refuseUnnamed('proxy_read_timeout 77s')
    disposables.use(agent.control(...services, shop('one'), bad()))
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('one'))
    expect(await agent.get('shop.test', '/admin')).toHaveStatus(503)
  })
})

/** Every file that a configuration may include. */
async function filesOf({ layout }: AgentProcess): Promise<readonly string[]> {
  return (await readdir(layout.conf, { recursive: true })).filter((path) => /^\w+\/.*/.test(path)).sort()
}
