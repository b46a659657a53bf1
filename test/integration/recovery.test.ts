import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { manifestText, nginxProcesses, prepareServe, type Serving } from '../support/serve.ts'
import { startServices } from '../support/services.ts'
import { testedNginx } from '../support/site.ts'

const REFUSED = 'nginx_ts_refused_configuration'

describe.each(await testedNginx())('recovery, NGINX %s', (_version, nginx) => {
  const backends = new AsyncDisposableStack()
  let services: readonly Manifest[]

  beforeAll(async () => {
    services = await startServices(backends, ['one', 'two'])
  })
  afterAll(() => backends.disposeAsync())

  /** A directory in which shop.test leads to `one`; nothing runs yet. */
  async function prepared(started: AsyncDisposableStack): Promise<Serving> {
    const serving = started.use(await prepareServe(nginx))
    await serving.write('services.yaml', manifestText(...services))
    await serving.write('shop.yaml', manifestText(shop('one')))
    return serving
  }

  test('kill -9 of the control process: NGINX serves on, is taken over, and changes made meanwhile become live', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const master = await serving.masterPid()
    await using visitor = visiting(serving, ['one', 'two'])

    serving.signal('SIGKILL')
    expect(await serving.ended()).toBe('SIGKILL')
    await serving.write('shop.yaml', manifestText(shop('two')))
    await serving.write('new.yaml', manifestText(ingress('new').host('new.test').prefix('/', 'one')))
    expect(await serving.get('shop.test', '/')).toComeFrom('one')

    await serving.startReady()
    expect(await serving.get('shop.test', '/')).toComeFrom('two')
    expect(await serving.get('new.test', '/')).toComeFrom('one')
    expect(await serving.masterPid()).toBe(master)
    expect(await nginxProcesses(master)).toContain(master)
    expect(await visitor.complaints()).toEqual([])

    serving.signal('SIGTERM')
    expect(await serving.ended()).toBe(0)
    expect(await nginxProcesses(master)).toEqual([])
  })

  test('a configuration that cannot be written: NGINX serves on, and it is made good once it can', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const [servers, away] = [join(serving.layout.conf, 'servers'), join(serving.layout.conf, 'servers.away')]
    await rename(servers, away)
    await serving.write('shop.yaml', manifestText(shop('two')))
    await eventually(() => expect(serving.standardError()).toContain('the configuration cannot be written'))
    expect(await serving.get('shop.test', '/')).toComeFrom('one')
    expect(await serving.metric('nginx_ingress_controller_config_last_reload_successful')).toBe(0)
    await rename(away, servers)
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('two'), { timeoutMs: 20_000 })
  })

  test('a restart without a change is no reload', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const generation = await serving.metric('nginx_ts_generation')
    serving.signal('SIGKILL')
    await serving.ended()
    await serving.startReady()
    expect(await serving.metric('nginx_ts_generation')).toBe(generation)
    expect(await serving.metric('nginx_ingress_controller_success')).toBe(0)
  })

  test('a second serve on the same state directory is refused, and the first goes on', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const second = started.use(await prepareServe(nginx))
    second.start('--state-dir', serving.layout.root)
    expect(await second.ended()).toBe(1)
    await eventually(() => expect(second.standardError()).toContain(`another nginx-ts owns the state directory ${serving.layout.root}`))
    expect(await serving.get('shop.test', '/')).toComeFrom('one')
    expect(await serving.status('/readyz')).toHaveStatus(200)
  })

  test('kill -9 of the NGINX master: it is started again with the last good generation, and takes changes', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const master = await serving.masterPid()
    const generation = await serving.metric('nginx_ts_generation')

    process.kill(master, 'SIGKILL')
    await eventually(async () => expect(await serving.masterPid()).not.toBe(master))
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('one'))
    await eventually(async () => expect(await nginxProcesses(master)).toEqual([]))
    expect(await serving.metric('nginx_ts_master_restarts_total')).toBe(1)
    expect(serving.log()).toContainEqual(
      expect.objectContaining({ level: 'error', msg: expect.stringContaining(`(pid ${master}) ended unasked`) }),
    )
    await eventually(() => expect(serving.log()).toContainEqual(expect.objectContaining({ msg: expect.stringContaining('NGINX is back') })))
    expect(await serving.metric('nginx_ts_generation')).toBe(generation)

    await serving.write('shop.yaml', manifestText(shop('two')))
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('two'))
  })

  test('kill -9 of both: the next start dismisses the orphaned workers and serves', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    const master = await serving.masterPid()
    serving.signal('SIGKILL')
    await serving.ended()
    process.kill(master, 'SIGKILL')
    await eventually(async () => expect(await nginxProcesses(master)).not.toContain(master))
    expect((await nginxProcesses(master)).length).toBeGreaterThan(0)
    expect(await serving.get('shop.test', '/')).toComeFrom('one')
    await serving.write('shop.yaml', manifestText(shop('two')))

    await serving.startReady()
    expect(await serving.get('shop.test', '/')).toComeFrom('two')
    expect(await serving.masterPid()).not.toBe(master)
    await eventually(async () => expect(await nginxProcesses(master)).toEqual([]))
  })

  test('a pid file whose number has become another program is not believed', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    const other = spawn('sleep', ['600'], { stdio: 'ignore' })
    started.defer(() => void other.kill())
    await mkdir(dirname(serving.layout.pidFile), { recursive: true })
    await writeFile(serving.layout.pidFile, `${other.pid}\n`)

    await serving.startReady()
    expect(await serving.get('shop.test', '/')).toComeFrom('one')
    serving.signal('SIGTERM')
    expect(await serving.ended()).toBe(0)
    expect([other.exitCode, other.signalCode]).toEqual([null, null])
  })

  test.each(['httpPort', 'statusPort'] as const)('a taken port is said plainly (%s)', async (which) => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    const squatter = createServer().listen(serving[which])
    started.defer(() => void squatter.close())
    await once(squatter, 'listening')
    serving.start()
    expect(await serving.ended()).toBe(1)
    await eventually(() => expect(serving.standardError()).toMatch(new RegExp(`nginx-ts: .*EADDRINUSE.*${serving[which]}`)))
    await expect(serving.masterPid()).rejects.toThrow('ENOENT')
  })

  test('what NGINX refuses at the very first turn, and is no fault of an Ingress, leaves the last good generation serving', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    await serving.startReady()
    serving.signal('SIGTERM')
    expect(await serving.ended()).toBe(0)

    const faulty = await faultyNginx(dirname(serving.directory), nginx)
    await faulty.refuse('worker_processes')
    await serving.write('more.yaml', manifestText(ingress('more').host('more.test').prefix('/', 'one')))
    serving.start('--nginx', faulty.path)
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('one'))
    expect(await serving.get('more.test', '/')).toHaveStatus(404)
    expect(await serving.status('/readyz')).toHaveStatus(503)
    await eventually(async () => expect(await serving.metric(`${REFUSED}{kind="",namespace="",name=""}`)).toBe(1))
    expect(serving.log()).toContainEqual(
      expect.objectContaining({ level: 'error', msg: expect.stringMatching(/^start: .*refused.*NGINX: an injected fault in .*:\d+$/) }),
    )

    await faulty.heal()
    await serving.write('shop.yaml', manifestText(shop('two')))
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('two'))
    await eventually(async () => expect(await serving.status('/readyz')).toHaveStatus(200))
    expect(await serving.metric(`${REFUSED}{kind="",namespace="",name=""}`)).toBeUndefined()
  })

  test('an Ingress that NGINX refuses stays out, answers for it, and holds nothing up', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    const faulty = await faultyNginx(dirname(serving.directory), nginx)
    await faulty.refuse('# Ingress default/bad')
    await serving.startReady('--nginx', faulty.path)

    await serving.write('bad.yaml', manifestText(ingress('bad').host('bad.test').prefix('/', 'one')))
    await eventually(async () => expect(await serving.metric(`${REFUSED}{kind="Ingress",namespace="default",name="bad"}`)).toBe(1))
    expect(await serving.metric('nginx_ingress_controller_config_last_reload_successful')).toBe(1)
    expect(await serving.get('shop.test', '/')).toComeFrom('one')
    expect(await serving.get('bad.test', '/')).toHaveStatus(404)
    expect(await serving.status('/readyz')).toHaveStatus(200)
    expect(serving.log()).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'configuration-refused',
        object: { kind: 'Ingress', namespace: 'default', name: 'bad' },
      }),
    )

    await serving.write('shop.yaml', manifestText(shop('two')))
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('two'))
    await serving.remove('bad.yaml')
    await eventually(async () => expect(await serving.metric(`${REFUSED}{kind="Ingress",namespace="default",name="bad"}`)).toBeUndefined())
  })

  test('so does one at a start, without a generation before', async () => {
    await using started = new AsyncDisposableStack()
    const serving = await prepared(started)
    const faulty = await faultyNginx(dirname(serving.directory), nginx)
    await faulty.refuse('# Ingress default/bad')
    await serving.write('bad.yaml', manifestText(ingress('bad').host('bad.test').prefix('/', 'one')))
    await serving.startReady('--nginx', faulty.path)
    await eventually(async () => expect(await serving.get('shop.test', '/')).toComeFrom('one'))
  })
})

function shop(service: string) {
  return ingress('shop').host('shop.test').prefix('/', service)
}

/** Requests shop.test over and over, and keeps what was not an answer of one of these backends. */
function visiting(serving: Serving, backends: readonly string[]) {
  const complaints: string[] = []
  let isOver = false
  async function visit() {
    while (!isOver) {
      const outcome = await serving.get('shop.test', '/').then(
        ({ status, seen }) => (status === 200 && seen !== undefined && backends.includes(seen.backend) ? undefined : `status ${status}`),
        (error: unknown) => String(error),
      )
      if (outcome !== undefined) complaints.push(outcome)
    }
  }
  const visits = visit()
  const end = async () => {
    isOver = true
    await visits
  }
  return {
    async complaints() {
      await end()
      return complaints
    },
    [Symbol.asyncDispose]: end,
  }
}
