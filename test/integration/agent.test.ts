import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { isAlive, livingProcessOf } from '../../src/nginx/process.ts'
import { type AgentProcess, prepareAgent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { ingress, type Manifest } from '../support/objects.ts'
import { descendantsOf } from '../support/processes.ts'
import { nginxProcesses } from '../support/serve.ts'
import { startServices } from '../support/services.ts'
import { testedNginx } from '../support/site.ts'

/** A mount namespace of its own, as a container has. */
const canUnshare = spawnSync('unshare', ['-m', '--pid', '--fork', '--mount-proc', 'true']).status === 0
const testInContainer = canUnshare ? test : test.skip
/** Runs what follows it with the folder of its first argument mounted read-only over itself. */
const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

describe.each(await testedNginx())('the agent, NGINX %s', (version, nginx) => {
  const backends = new AsyncDisposableStack()
  let services: readonly Manifest[]

  beforeAll(async () => {
    services = await startServices(backends, ['one', 'two'])
  })
  afterAll(() => backends.disposeAsync())

  /** An agent that serves shop.test from `one`. */
  async function serving(started: AsyncDisposableStack): Promise<AgentProcess> {
    const agent = started.use(await prepareAgent(nginx))
    await agent.startReady()
    expect(await agent.serve(...services, shop('one'))).toMatchObject({ kind: 'applied' })
    return agent
  }

  test('without a configuration it says so, and starts NGINX with the first one', async () => {
    await using agent = await prepareAgent(nginx)
    await agent.startReady()
    expect(await agent.remote.status()).toMatchObject({
      version,
      health: 'nothing-to-serve',
      isRunning: false,
      generation: undefined,
      machine: { cpus: expect.any(Number), openFiles: expect.any(Number), ipv6: expect.any(Boolean) },
    })
    await expect(agent.masterPid()).rejects.toThrow('ENOENT')

    const result = await agent.serve(...services, shop('one'))
    expect(result).toMatchObject({ kind: 'applied', generation: { number: 1 } })
    expect(await agent.get('shop.test', '/')).toComeFrom('one')
    const { generation } = result as { generation: object }
    expect(await agent.remote.status()).toMatchObject({ health: 'serving', isRunning: true, generation })
    expect(await agent.serve(...services, shop('one'))).toMatchObject({ kind: 'unchanged' })
  })

  test('kill -9: NGINX serves on, the next agent takes it over and takes changes', async () => {
    await using started = new AsyncDisposableStack()
    const agent = await serving(started)
    const [master, first] = [await agent.masterPid(), await agent.agentPid()]
    process.kill(first, 'SIGKILL')
    expect(await agent.get('shop.test', '/')).toComeFrom('one')
    await eventually(async () => expect(await agent.agentPid()).not.toBe(first))
    await eventually(() => agent.remote.status())
    expect(await agent.serve(...services, shop('two'))).toMatchObject({ kind: 'applied' })
    expect(await agent.get('shop.test', '/')).toComeFrom('two')
    expect(await agent.masterPid()).toBe(master)

    agent.signal('SIGTERM')
    expect(await agent.ended()).toBe(0)
    expect(await nginxProcesses(master)).toEqual([])
  })

  test('kill -9 of init: the agent ends, NGINX serves on, and the next start takes it over', async () => {
    await using started = new AsyncDisposableStack()
    const agent = await serving(started)
    const [master, orphan] = [await agent.masterPid(), await agent.agentPid()]
    agent.signal('SIGKILL')
    await agent.ended()
    await eventually(async () => expect(await isAlive(orphan)).toBe(false))
    expect(await agent.get('shop.test', '/')).toComeFrom('one')
    await agent.startReady()
    expect(await agent.remote.status()).toMatchObject({ health: 'serving' })
    expect(await agent.masterPid()).toBe(master)
  })

  test('kill -9 of the NGINX master: the last good generation is back', async () => {
    await using started = new AsyncDisposableStack()
    const agent = await serving(started)
    const master = await agent.masterPid()
    const { generation } = await agent.remote.status()
    process.kill(master, 'SIGKILL')
    await eventually(async () => expect(await agent.masterPid()).not.toBe(master))
    await eventually(async () => expect(await agent.remote.status()).toMatchObject({ health: 'serving', generation }))
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('one'))
    expect(await agent.serve(...services, shop('two'))).toMatchObject({ kind: 'applied' })
  })

  test('a start after everything has ended serves the last good generation, before any controller speaks', async () => {
    await using started = new AsyncDisposableStack()
    const agent = await serving(started)
    agent.signal('SIGTERM')
    expect(await agent.ended()).toBe(0)
    await expect(agent.get('shop.test', '/')).rejects.toThrow('ECONNREFUSED')
    agent.start()
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('one'))
    await agent.masterPid()
  })

  test('hung while the controller applies: a clear reason in time, NGINX serves on, and afterwards changes pass', async () => {
    await using agent = await prepareAgent(nginx, { deadlinesMs: { status: 1000 } })
    await agent.startReady()
    expect(await agent.serve(...services, shop('one'))).toMatchObject({ kind: 'applied' })
    const pid = await agent.agentPid()
    process.kill(pid, 'SIGSTOP')
    try {
      expect(await agent.serve(...services, shop('two'))).toMatchObject({
        kind: 'refused',
        retryAfterMs: expect.any(Number),
        offender: undefined,
        reason: 'the agent has not answered "status" within 1 s',
      })
      expect(await agent.get('shop.test', '/')).toComeFrom('one')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await eventually(async () => expect(await agent.serve(...services, shop('two'))).toMatchObject({ kind: 'applied' }))
    expect(await agent.get('shop.test', '/')).toComeFrom('two')
  })

  test('away while the controller applies: refused for now, and made good by the loop without another change', async () => {
    await using started = new AsyncDisposableStack()
    const agent = started.use(await prepareAgent(nginx, { deadlinesMs: { away: 500 } }))
    await agent.startReady()
    const controlling = started.use(agent.control(...services, shop('one')))
    await eventually(() => expect(controlling.outcomes).toHaveLength(1))
    agent.signal('SIGKILL')
    await agent.ended()
    controlling.change(...services, shop('two'))
    await eventually(() =>
      expect(controlling.outcomes.at(-1)).toMatchObject({
        result: { kind: 'refused', retryAfterMs: expect.any(Number), reason: expect.stringContaining('the agent is away') },
        issues: [],
      }),
    )
    await agent.startReady()
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('two'))
    await eventually(() =>
      expect(controlling.outcomes.at(-1)).toMatchObject({
        result: { kind: 'applied' },
        changes: ['objects'],
        hosts: { changed: ['shop.test'] },
      }),
    )
  })

  test('a wrong flag and a missing NGINX end init too, with what the command line promises', async () => {
    await using agent = await prepareAgent(nginx)
    agent.start('--shutdown-grace-period', 'soon')
    expect(await agent.ended()).toBe(2)
    agent.start('--nginx', '/nowhere/nginx')
    expect(await agent.ended()).toBe(1)
    expect(agent.standardError()).toContain('cannot run /nowhere/nginx -V')
  })

  testInContainer('where its configuration is mounted read-only, it starts, tests and reloads all the same', async () => {
    await using started = new AsyncDisposableStack()
    const agent = started.use(await prepareAgent(nginx, { within: ({ conf }) => ['unshare', '-m', 'sh', '-c', READ_ONLY, conf] }))
    await agent.startReady()
    expect(await readFile(`/proc/${await agent.agentPid()}/mounts`, 'utf8')).toMatch(new RegExp(`^\\S+ ${agent.layout.conf} \\S+ ro,`, 'm'))
    for (const service of ['one', 'two']) {
      expect(await agent.serve(...services, shop(service))).toMatchObject({ kind: 'applied' })
      expect(await agent.get('shop.test', '/')).toComeFrom(service)
    }
    const master = await agent.masterPid()
    process.kill(master, 'SIGKILL')
    await eventually(async () => expect(await agent.masterPid()).not.toBe(master))
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('two'))
  })

  testInContainer('as process 1 of a container: NGINX survives the agent, is taken over, and ends with it', async () => {
    await using started = new AsyncDisposableStack()
    const agent = started.use(await prepareAgent(nginx, { within: () => ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] }))
    await agent.startReady()
    expect(await agent.serve(...services, shop('one'))).toMatchObject({ kind: 'applied' })
    const [init = 0, first = 0] = await descendantsOf(agent.initPid())
    expect(await readFile(`/proc/${init}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m)
    const nginxBefore = (await descendantsOf(first)).filter((pid) => pid !== first)
    expect(nginxBefore.length).toBeGreaterThan(1)

    process.kill(first, 'SIGKILL')
    await eventually(async () => expect(await isAlive(first)).toBe(false))
    expect(await agent.get('shop.test', '/')).toComeFrom('one')
    await eventually(() => agent.remote.status())
    expect(await agent.remote.status()).toMatchObject({ health: 'serving', isRunning: true })
    for (const pid of nginxBefore) expect(await isAlive(pid)).toBe(true)
    expect(await agent.serve(...services, shop('two'))).toMatchObject({ kind: 'applied' })
    expect(await agent.get('shop.test', '/')).toComeFrom('two')

    process.kill(init, 'SIGTERM')
    expect(await agent.ended()).toBe(0)
    await expect(agent.get('shop.test', '/')).rejects.toThrow('ECONNREFUSED')
  })

  test('killed before the NGINX that it started has come up: the next agent waits for that one', async () => {
    await using started = new AsyncDisposableStack()
    const agent = await serving(started)
    agent.signal('SIGTERM')
    expect(await agent.ended()).toBe(0)
    const faulty = await faultyNginx(agent.layout.root, nginx)
    await faulty.holdStart()
    agent.start('--nginx', faulty.path)
    const master = await eventually(async () => {
      const noted = await livingProcessOf(agent.layout.masterFile)
      if (noted === undefined) throw new Error('nothing has been started')
      return noted.pid
    })
    const first = await agent.agentPid()
    process.kill(first, 'SIGKILL')
    await eventually(async () => expect(await agent.agentPid()).not.toBe(first))
    await faulty.heal()
    await eventually(async () => expect(await agent.get('shop.test', '/')).toComeFrom('one'))
    expect(await agent.masterPid()).toBe(master)
    await eventually(async () => expect(await agent.serve(...services, shop('two'))).toMatchObject({ kind: 'applied' }))
    expect(await agent.masterPid()).toBe(master)
  })
})

function shop(service: string) {
  return ingress('shop').created('2026-01-01T00:00:00Z').host('shop.test').prefix('/', service)
}
