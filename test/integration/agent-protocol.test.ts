import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, stat } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { AgentFacts } from '../../src/nginx/agent-protocol.ts'
import { startAgentServer } from '../../src/nginx/agent-server.ts'
import { createRemoteAgent } from '../../src/nginx/remote-agent.ts'
import { prepareAgent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { type FaultyNginx, faultyNginx } from '../support/faulty-nginx.ts'
import { ingress } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const testAsRoot = process.getuid?.() === 0 ? test : test.skip
/** An account and a group that are not ours. */
const OTHER = 65534
/** Says how connecting to the socket of its first argument ends. */
const CONNECT = `require('node:net').connect(process.argv[1], () => { console.log('connected'); process.exit() }).on('error', (e) => console.log(e.code))`
const TEST_LIMIT_MS = 1500

const FACTS: AgentFacts = {
  version: '1.30.0',
  capabilities: {
    http2Directive: true,
    keepaliveMinTimeout: true,
    sslCertificateCache: true,
    proxyPassTrailers: true,
    stickyRoutes: true,
    resolvesNames: true,
    stream: { file: undefined },
  },
  machine: { cpus: 2, openFiles: 1024, ipv6: false, nameServers: ['192.0.2.53'], workerAccount: undefined },
  accessLog: '/dev/stdout',
}

const NOTHING_USED = { usage: async () => undefined, mastersLost: () => 0 }

describe.each(await testedNginx())('requests to the agent, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let faulty: FaultyNginx
  let site: Site
  let isStopping = false

  beforeAll(async () => {
    const folder = started.use(await startSite(nginx))
    faulty = await faultyNginx(folder.layout.root, nginx)
    site = started.use(await startSite(faulty.path, { limitsMs: { test: TEST_LIMIT_MS, confirm: 5000 } }))
    const ended = new AbortController()
    started.defer(() => ended.abort())
    const parts = { agent: site.agent, facts: FACTS, socketPath: site.layout.agentSocket, socketGroup: undefined }
    await startAgentServer(
      { ...parts, hasGeneration: async () => true, isStopping: () => isStopping, ...NOTHING_USED, failed: (error) => console.error(error) },
      ended.signal,
    )
    await site.serve(ingress('shop').host('shop.test').prefix('/', 'missing'))
    await copyFile(site.layout.activeRoot, site.layout.stagedRoot)
  })
  afterAll(() => started.disposeAsync())

  const remote = () => createRemoteAgent(site.layout.agentSocket)

  async function connected(): Promise<Socket> {
    const socket = connect(site.layout.agentSocket)
    await once(socket, 'connect')
    return socket
  }

  /** All that comes back, until the agent ends the connection. */
  async function say(message: string): Promise<unknown> {
    const socket = await connected()
    socket.write(message)
    return JSON.parse(await text(socket))
  }

  test('status says what NGINX is, what it runs on, and what it serves', async () => {
    const { version, capabilities, machine, accessLog, ...state } = await remote().status()
    expect({ version, capabilities, machine, accessLog }).toEqual(FACTS)
    expect(state).toEqual({
      health: 'serving',
      isRunning: true,
      generation: await site.agent.running(),
      usage: undefined,
      mastersLost: 0,
      unavailablePorts: [],
    })
  })

  test('status says which of a thousand ports NGINX could not listen on', async () => {
    const program = createServer().listen(0, '0.0.0.0')
    await once(program, 'listening')
    const { port } = program.address() as AddressInfo
    const others = Array.from({ length: 500 }, (_, index) => 20_000 + index).filter((other) => other !== port)
    const wanted = { tcp: [port, ...others.slice(0, 499)], udp: others.slice(0, 500), ipv6: false }
    expect(await remote().unavailablePorts(wanted)).toContainEqual({
      protocol: 'tcp',
      port,
      reason: 'is taken by another program, or by this one itself',
    })
    expect(await remote().unavailablePorts({ tcp: [site.httpPort, site.httpsPort], udp: [], ipv6: false })).toEqual([])
    await new Promise((resolve) => program.close(resolve))
    expect(await remote().unavailablePorts({ tcp: [port], udp: [], ipv6: false })).toEqual([])
  })

  test.each([
    ['no JSON', 'reload please\n'],
    ['no object', '[]\n'],
    ['another request', '{"request":"stop"}\n'],
    ['more than the request', '{"request":"test","path":"/etc/passwd"}\n'],
    ['activate without a generation', '{"request":"activate"}\n'],
    ['a generation that is none', '{"request":"activate","generation":{"number":-1,"hash":"a"}}\n'],
    ['a hash that is none', '{"request":"activate","generation":{"number":1,"hash":"../../x"}}\n'],
    ['a port that is none', '{"request":"status","ports":{"tcp":[0],"udp":[],"ipv6":false}}\n'],
    ['a port with more to it', '{"request":"status","ports":{"tcp":["9000 ssl"],"udp":[],"ipv6":false}}\n'],
    ['more ports than there may be', `{"request":"status","ports":{"tcp":[],"udp":${JSON.stringify(Array(501).fill(53))},"ipv6":false}}\n`],
    ['a request of HTTP', 'GET / HTTP/1.1\n'],
  ])('%s is refused with an answer, and the connection closed', async (_what, message) => {
    expect(await say(message)).toMatchObject({ refused: 'malformed' })
  })

  test.each([
    ['a line longer than the limit', `{"request":"${'x'.repeat(9000)}"}\n`],
    ['a line that never ends', 'x'.repeat(9000)],
    ['a second line', '{"request":"status"}\n{"request":"status"}\n'],
  ])('%s is refused with the limit named, and the connection closed', async (_what, message) => {
    expect(await say(message)).toEqual({ refused: 'too-large', message: 'a message is one line of at most 8192 bytes' })
  })

  test('clients that say nothing keep nobody waiting, and are told that they are too slow', async () => {
    const silent = await Promise.all(Array.from({ length: 40 }, connected))
    const said = silent.map((socket) => text(socket))
    silent[0]?.write('{"request":')
    expect(await remote().status()).toMatchObject({ health: 'serving' })
    expect(await remote().test()).toMatchObject({ ok: true })
    for (const answer of said) expect(JSON.parse(await answer)).toMatchObject({ refused: 'too-slow' })
  })

  test('a client that never reads its answer keeps nobody waiting', async () => {
    const deaf = await connected()
    deaf.pause()
    deaf.write('{"request":"status"}\n')
    expect(await remote().status()).toMatchObject({ health: 'serving' })
    deaf.destroy()
  })

  test('more clients than are let in: they are turned away, and the next after them is heard', async () => {
    const many = Array.from({ length: 200 }, () =>
      connect(site.layout.agentSocket)
        .on('error', () => {})
        .resume(),
    )
    await Promise.all(many.map((socket) => once(socket, 'close')))
    expect(await remote().status()).toMatchObject({ health: 'serving' })
  })

  test('one test at a time: a second is refused, and status is answered meanwhile', async () => {
    await faulty.hold()
    const first = remote().test()
    await eventually(() => expect(remote().test()).rejects.toThrow(/refuses "test": another test or activation is under way \(busy\)/))
    await expect(remote().activate({ number: 1, hash: 'a' })).rejects.toThrow('(busy)')
    expect(await remote().status()).toMatchObject({ health: 'serving' })
    await faulty.heal()
    expect(await first).toMatchObject({ ok: true })
    expect(await remote().test()).toMatchObject({ ok: true })
  })

  test('a test that never ends is ended, and the reason given; the next is as usual', async () => {
    await faulty.hold()
    expect(await remote().test()).toEqual({ ok: false, isVerdict: false, output: 'nginx -t was ended by SIGKILL; it is given 1.5 s' })
    await faulty.heal()
    expect(await remote().test()).toMatchObject({ ok: true })
  })

  test('a controller that dies in the middle of a test or an activation holds nobody up', async () => {
    await faulty.hold()
    const gone = new AbortController()
    const given = remote().test(gone.signal)
    await eventually(() => expect(remote().test()).rejects.toThrow('(busy)'))
    gone.abort()
    await expect(given).rejects.toThrow('given up')
    await faulty.heal()
    await eventually(async () => expect(await remote().test()).toMatchObject({ ok: true }))

    const socket = await connected()
    socket.write('{"request":"activate","generation":{"number":999,"hash":"never"}}\n')
    await eventually(() => expect(remote().test()).rejects.toThrow('(busy)'))
    socket.destroy()
    await eventually(async () => expect(await remote().test()).toMatchObject({ ok: true }))
    expect(await site.get('shop.test', '/')).toHaveStatus(503)
  })

  test('once NGINX is being stopped, status alone is answered', async () => {
    isStopping = true
    try {
      await expect(remote().test()).rejects.toThrow('(stopping)')
      await expect(remote().activate({ number: 1, hash: 'a' })).rejects.toThrow('(stopping)')
      expect(await remote().status()).toMatchObject({ health: 'stopping' })
    } finally {
      isStopping = false
    }
  })

  test('what answers nonsense, or nothing, or another version, is no agent', async () => {
    await using servers = new AsyncDisposableStack()
    for (const [name, answer, complaint] of [
      ['nonsense', 'hello\n', 'is no agent of this version'],
      ['older', '{"status":{"version":"1.0.0"}}\n', 'is no agent of this version'],
      ['endless', 'x'.repeat(300_000), 'a message is one line of at most 262144 bytes'],
      ['mute', '', 'the connection ended before the message'],
    ] as const) {
      const path = `${site.layout.root}/run/${name}.sock`
      const server = createServer((socket) => void socket.on('error', () => {}).end(answer)).listen(path)
      servers.defer(() => void server.close())
      await once(server, 'listening')
      await expect(createRemoteAgent(path).status()).rejects.toThrow(complaint)
    }
    await expect(createRemoteAgent(`${site.layout.root}/run/none.sock`, { away: 200 }).status()).rejects.toThrow('the agent is away')
  })

  test('only its owner may connect', async () => {
    expect((await stat(site.layout.agentSocket)).mode & 0o777).toBe(0o600)
  })

  testAsRoot('another user is refused by the kernel; its group is let in where that is asked for', async () => {
    const connectAs = (socket: string, uid: number, gid: number) =>
      spawnSync(process.execPath, ['-e', CONNECT, socket], { uid, gid, encoding: 'utf8' })
    const tried = connectAs(site.layout.agentSocket, OTHER, OTHER)
    expect(tried.stdout.trim() || tried.stderr || tried.error).toBe('EACCES')

    await using agent = await prepareAgent(nginx)
    await agent.startReady('--socket-group', `${OTHER}`)
    const { mode, gid } = await stat(agent.layout.agentSocket)
    expect([mode & 0o777, gid]).toEqual([0o660, OTHER])
    expect(connectAs(agent.layout.agentSocket, OTHER, OTHER).stdout.trim()).toBe('connected')
    expect(connectAs(agent.layout.agentSocket, OTHER, OTHER - 1).stdout.trim()).toBe('EACCES')
  })
})
