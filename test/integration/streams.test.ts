/** TCP and UDP services: what somebody who connects to their ports notices. */
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { prepareAgent } from '../support/agent.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { newestNginx } from '../support/cluster.ts'
import { datagramClient } from '../support/datagrams.ts'
import { type DnsServer, startDns } from '../support/dns.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, options, serviceFor } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { openConnection } from '../support/raw-connection.ts'
import { endGroup, manifestText, nginxProcesses, prepareServe } from '../support/serve.ts'
import { type Served, type Site, type SiteObject, startSite, testedNginx } from '../support/site.ts'
import {
  STREAM_FLAGS,
  type StreamBackend,
  startTcpBackend,
  startUdpBackend,
  streamConfigMaps,
  streamService,
} from '../support/stream-backends.ts'

/** What a balancer in front writes before the client's bytes. */
const HEADER = 'PROXY TCP4 192.0.2.7 198.51.100.1 1234 5432\r\n'

/** All that comes back until the other side closes, or has been silent for long enough to say that it will not. */
async function talk(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1').setTimeout(5_000, () => socket.end())
  socket.write(bytes, 'latin1')
  return await text(socket).catch(({ code }: NodeJS.ErrnoException) => {
    // Closed with bytes of ours unread.
    return code === 'ECONNRESET' ? '' : (code ?? 'failed')
  })
}

async function answerOf(port: number, bytes: string): Promise<string> {
  await using connection = await openConnection(port)
  await connection.write(bytes)
  return await connection.until(/: /)
}

/** What comes back first; nothing when the other side closes before. */
async function firstWord(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1').write(bytes)
  const first = once(socket, 'data').then(([data]) => String(data))
  const closed = once(socket, 'end').then(() => '')
  try {
    return await Promise.race([first, closed])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return ''
    throw error
  } finally {
    socket.destroy()
  }
}

describe.each(await testedNginx())('TCP and UDP services, NGINX %s', (_version, nginx) => {
  let site: Site
  let dns: DnsServer
  let web: Backend
  let one: StreamBackend
  let two: StreamBackend
  let udp: StreamBackend
  let port: number
  let other: number

  beforeAll(async () => {
    dns = await startDns()
    web = await startBackend('web')
    one = await startTcpBackend('one')
    two = await startTcpBackend('two')
    udp = await startUdpBackend('udp')
    site = await startSite(nginx, {
      options: STREAM_FLAGS,
      machine: { nameServers: ['127.0.0.1'] },
      nameServers: [{ address: '127.0.0.1', port: dns.port }],
    })
    port = await freePort()
    other = await freePort()
  })
  afterAll(async () => {
    for (const started of [site, dns, web, one, two, udp]) await started[Symbol.asyncDispose]()
  })

  /** A site of http beside them, which is there whatever becomes of them. */
  async function serve(...objects: readonly SiteObject[]): Promise<Served> {
    const served = await site.serve(ingress('web').host('web.test').prefix('/', 'web'), serviceFor(web), ...objects)
    expect(served.result).not.toMatchObject({ kind: 'refused' })
    expect(await site.get('web.test', '/')).toComeFrom('web')
    return served
  }

  const db = () => streamService('db', [one])
  const codes = ({ issues }: Served) => issues.map(({ code, field }) => `${code} ${field}`)

  describe('of TCP', () => {
    test('bytes pass both ways, as they are', async () => {
      expect(await serve(streamConfigMaps({ [port]: 'default/db:5432' }), db())).toMatchObject({ issues: [] })
      await using connection = await openConnection(port)
      await connection.write('\x00\xff first ')
      expect(await connection.until(/first $/)).toBe('one: \x00\xff first ')
      await connection.write('GET / HTTP/1.1\r\n\r\n')
      await connection.until(/first one: GET \/ HTTP\/1\.1\r\n\r\n$/)
    })

    test('TLS ends at the backend, whose certificate the client sees', async () => {
      const { chain, key } = await (await createAuthority()).issue(['db.test'])
      const tls = createTlsServer({ cert: chain, key }, (socket) => socket.end(`hello ${socket.servername}`))
      tls.listen(0, '127.0.0.1')
      await once(tls, 'listening')
      const backend = { address: '127.0.0.1', port: (tls.address() as { port: number }).port }
      await serve(streamConfigMaps({ [port]: 'default/secure:main' }), streamService('secure', [backend]))
      const client = connectTls({ port, host: '127.0.0.1', servername: 'db.test', rejectUnauthorized: false })
      await once(client, 'secureConnect')
      expect(client.getPeerCertificate().subjectaltname).toBe('DNS:db.test')
      expect(await text(client)).toBe('hello db.test')
      await new Promise((resolve) => tls.close(resolve))
    })

    test('IPv6 clients are let in where there is IPv6', async () => {
      await serve(streamConfigMaps({ [port]: 'default/db:5432' }), db())
      const socket = connect(port, '::1')
      const connected = await once(socket, 'connect').then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code,
      )
      socket.destroy()
      expect([true, 'EADDRNOTAVAIL', 'ENETUNREACH']).toContain(connected)
    })

    test('endpoints take turns, and a change of them is live for the next connection; one that is open goes on', async () => {
      const entries = streamConfigMaps({ [port]: 'default/db:5432' })
      await serve(entries, streamService('db', [one, two]))
      const seen = await Promise.all(Array.from({ length: 8 }, () => answerOf(port, 'x')))
      expect([...new Set(seen)].sort()).toEqual(['one: x', 'two: x'])

      await serve(entries, streamService('db', [one]))
      await using open = await openConnection(port)
      await open.write('before ')
      await open.until(/one: before /)
      await serve(entries, streamService('db', [two]))
      for (let count = 0; count < 8; count++) expect(await answerOf(port, 'x')).toBe('two: x')
      await open.write('after')
      await open.until(/one: after/)
    })

    test('a port that is removed is not listened on, and a session on it goes on', async () => {
      await serve(streamConfigMaps({ [port]: 'default/db:5432', [other]: 'default/db:5432' }), db())
      await using open = await openConnection(port)
      await open.write('before ')
      await open.until(/one: before /)
      await serve(streamConfigMaps({ [other]: 'default/db:5432' }), db())
      await eventually(async () => expect(await talk(port, 'x')).toBe('ECONNREFUSED'))
      expect(await answerOf(other, 'x')).toBe('one: x')
      await open.write('after')
      await open.until(/one: after/)
      await serve()
      await eventually(async () => expect(await talk(other, 'x')).toBe('ECONNREFUSED'))
    })

    test('without endpoints connections are refused, until there are some', async () => {
      const entries = streamConfigMaps({ [port]: 'default/db:5432', [other]: 'default/web:80' })
      expect(codes(await serve(entries, streamService('db', [])))).toEqual([`no-endpoints data.${port}`])
      await eventually(async () => expect(await talk(port, 'x')).toBe('ECONNREFUSED'))
      expect(codes(await serve(entries, db()))).toEqual([])
      expect(await answerOf(port, 'x')).toBe('one: x')
    })

    test('an endpoint that refuses is passed over, unless proxy-stream-next-upstream says no', async () => {
      const dead = { address: '127.0.0.1', port: await freePort() }
      const objects = [...streamConfigMaps({ [port]: 'default/db:5432' }), ...streamService('db', [one, dead])]
      await serve(objects)
      for (let count = 0; count < 6; count++) expect(await answerOf(port, 'x')).toBe('one: x')
      await serve(objects, options({ 'proxy-stream-next-upstream': 'false' }))
      const seen = await Promise.all(Array.from({ length: 6 }, () => firstWord(port, 'x')))
      expect(seen).toContain('')
    })

    test('an ExternalName is followed to whatever its name resolves to', async () => {
      dns.names.set('db.example.com', ['127.0.0.1'])
      const external = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'ext' },
        spec: { type: 'ExternalName', externalName: 'db.example.com' },
      }
      const served = await serve(streamConfigMaps({ [port]: `default/ext:${one.port}` }), external)
      if (!site.binary.capabilities.resolvesNames) return expect(codes(served)).toEqual([`backend-not-supported data.${port}`])
      expect(codes(served)).toEqual([])
      await eventually(async () => expect(await answerOf(port, 'x')).toBe('one: x'))
    })
  })

  describe('the PROXY protocol', () => {
    const last = (backend: StreamBackend) => backend.received.at(-1)

    test('is read and taken off, and who does not speak it gets nothing', async () => {
      await serve(streamConfigMaps({ [port]: 'default/db:5432:PROXY' }), db())
      expect(await answerOf(port, `${HEADER}hello`)).toBe('one: hello')
      const connections = one.received.length
      expect(await talk(port, 'hello')).toBe('')
      expect(one.received).toHaveLength(connections)
    })

    test('is written for the backend, with the client’s address', async () => {
      await serve(streamConfigMaps({ [port]: 'default/db:5432::PROXY' }), db())
      await answerOf(port, 'hello')
      await eventually(() => expect(last(one)).toMatch(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${port}\r\nhello$`)))
    })

    test('is both: the backend gets the address that the balancer says, if that is believed', async () => {
      const entries = streamConfigMaps({ [port]: 'default/db:5432:PROXY:PROXY' })
      await serve(entries, db())
      await answerOf(port, `${HEADER}hello`)
      await eventually(() => expect(last(one)).toMatch(/^PROXY TCP4 192\.0\.2\.7 \S+ 1234 \d+\r\nhello$/))
      await serve(entries, db(), options({ 'proxy-real-ip-cidr': '10.0.0.0/8' }))
      await answerOf(port, `${HEADER}hello`)
      await eventually(() => expect(last(one)).toMatch(/^PROXY TCP4 127\.0\.0\.1 \S+ \d+ \d+\r\nhello$/))
    })

    test('is waited for as long as proxy-protocol-header-timeout says', async () => {
      await serve(streamConfigMaps({ [port]: 'default/db:5432:PROXY' }), db(), options({ 'proxy-protocol-header-timeout': '1s' }))
      const start = performance.now()
      expect(await talk(port, '')).toBe('')
      expect(performance.now() - start).toBeLessThan(4_000)
    })
  })

  describe('of UDP', () => {
    test('datagrams pass both ways; the same port of TCP is another service', async () => {
      const objects = [...streamConfigMaps({ [port]: 'default/db:5432' }, { [port]: 'default/dns:main' }), ...db()]
      expect(await serve(...objects, streamService('dns', [udp], 'UDP'))).toMatchObject({ issues: [] })
      await using client = await datagramClient(port)
      client.send('first')
      expect(await client.answers(1)).toEqual(['udp: first'])
      client.send('second')
      expect(await client.answers(2)).toEqual(['udp: first', 'udp: second'])
      expect(await answerOf(port, 'x')).toBe('one: x')
    })

    test('a change of endpoints is live for the next datagram', async () => {
      await using next = await startUdpBackend('next')
      const entries = streamConfigMaps({}, { [port]: 'default/dns:main' })
      await serve(entries, streamService('dns', [udp], 'UDP'))
      await serve(entries, streamService('dns', [next], 'UDP'))
      await using client = await datagramClient(port)
      client.send('x')
      expect(await client.answers(1)).toEqual(['next: x'])
    })

    test('proxy-stream-responses: so many answers are waited for', async () => {
      await using twice = await startUdpBackend('twice', 2)
      const objects = [...streamConfigMaps({}, { [port]: 'default/dns:main' }), ...streamService('dns', [twice], 'UDP')]
      await serve(...objects, options({ 'proxy-stream-responses': '2' }))
      await using client = await datagramClient(port)
      client.send('x')
      expect(await client.answers(2)).toEqual(['twice: x', 'twice: x'])
    })
  })

  describe('what cannot be served', () => {
    test('costs itself alone: bad entries beside good ones', async () => {
      const served = await serve(
        streamConfigMaps({
          [port]: 'default/db:5432',
          [site.httpPort]: 'default/db:5432',
          [site.httpsPort]: 'default/db:5432',
          '0': 'default/db:5432',
          '1x': 'default/db:5432',
          '9001': 'db',
          '9002': 'default/db:5432; } http { server { listen 9003; } }',
          '9004': 'default/missing:1',
        }),
        db(),
      )
      expect(codes(served).sort()).toEqual(
        [
          'backend-not-found data.9004',
          ...['0', '1x', '9001', '9002', site.httpPort, site.httpsPort].map((key) => `invalid-stream-service data.${key}`),
        ].sort(),
      )
      expect(await answerOf(port, 'x')).toBe('one: x')
    })

    test('a port that another program has: others are served, and it is once it is free', async () => {
      const [taken, takenByUdp] = [await freePort(), await freePort()]
      const program = createTcpServer()
      program.listen(taken, '0.0.0.0')
      await once(program, 'listening')
      const entries = streamConfigMaps({ [port]: 'default/db:5432', [taken]: 'default/db:5432' }, { [takenByUdp]: 'default/dns:main' })
      const objects = [...entries, ...db(), ...streamService('dns', [udp], 'UDP')]
      const served = await serve(...objects)
      expect(served.issues).toEqual([
        expect.objectContaining({
          code: 'stream-port-unavailable',
          object: { kind: 'ConfigMap', namespace: 'nginx-ts', name: 'tcp' },
          field: `data.${taken}`,
          message: expect.stringContaining(`TCP port ${taken} is taken by another program`),
        }),
      ])
      expect(await answerOf(port, 'x')).toBe('one: x')
      await new Promise((resolve) => program.close(resolve))
      expect(await serve(...objects)).toMatchObject({ issues: [] })
      expect(await answerOf(taken, 'x')).toBe('one: x')
      expect(await serve(...objects)).toMatchObject({ issues: [], result: { kind: 'unchanged' } })
    })

    test('an NGINX without the module: each entry says so, and http is served', async () => {
      const path = join(site.layout.root, 'nginx-without-stream')
      await writeFile(
        path,
        `#!/bin/sh\nif [ "$1" = -V ]; then ${nginx} -V 2>&1 | sed 's/--with-stream=dynamic//' >&2; else exec ${nginx} "$@"; fi\n`,
      )
      await chmod(path, 0o755)
      await using without = await startSite(path, { options: STREAM_FLAGS })
      const { issues, result } = await without.serve(
        ...[ingress('web').host('web.test').prefix('/', 'web'), serviceFor(web), db()],
        streamConfigMaps({ [port]: 'default/db:5432' }),
      )
      expect([result.kind, issues.map(({ code, field }) => `${code} ${field}`)]).toEqual(['applied', [`stream-not-supported data.${port}`]])
      expect(await without.get('web.test', '/')).toComeFrom('web')
    })
  })

  describe('options', () => {
    test('proxy-stream-timeout ends what is silent', async () => {
      const objects = [...streamConfigMaps({ [port]: 'default/db:5432' }), ...db()]
      await serve(...objects, options({ 'proxy-stream-timeout': '1s' }))
      const start = performance.now()
      expect(await talk(port, 'x')).toBe('one: x')
      expect(performance.now() - start).toBeLessThan(4_000)
    })

    test('log-format-stream, disable-stream-access-log', async () => {
      const objects = [...streamConfigMaps({ [port]: 'default/db:5432' }), ...db()]
      const format = { 'log-format-stream': 'STREAM "$protocol" $proxy_upstream_name $upstream_addr $bytes_sent;' }
      await serve(...objects, options(format))
      await answerOf(port, 'x')
      const line = `STREAM "TCP" tcp-default-db-5432 127.0.0.1:${one.port} 6;\n`
      await eventually(async () => expect(await site.accessLog()).toContain(line))
      const lines = (await site.accessLog()).split(line).length
      await serve(...objects, options({ ...format, 'disable-stream-access-log': 'true' }))
      await answerOf(port, 'x')
      await serve(...objects, options(format))
      await answerOf(port, 'x')
      await eventually(async () => expect((await site.accessLog()).split(line)).toHaveLength(lines + 1))
    })

    test('each at the ends of its range: NGINX takes them', async () => {
      const objects = [
        ...streamConfigMaps({ [port]: 'default/db:5432:PROXY' }, { [port]: 'default/dns:main' }),
        ...db(),
        ...streamService('dns', [udp], 'UDP'),
      ]
      for (const data of [
        { timeout: '1s', tries: '0', responses: '0', nextTimeout: '0' },
        { timeout: '30d', tries: '100', responses: '1000000', nextTimeout: '30d' },
      ])
        await serve(
          ...objects,
          options({
            'proxy-stream-timeout': data.timeout,
            'proxy-protocol-header-timeout': data.timeout,
            'proxy-stream-next-upstream-timeout': data.nextTimeout,
            'proxy-stream-next-upstream-tries': data.tries,
            'proxy-stream-responses': data.responses,
            'log-format-stream': '\\'.repeat(2000),
          }),
        )
    })
  })

  test('serve: a directory’s ConfigMaps are followed, and a port that was taken is served soon after it is free', async () => {
    await using serving = await prepareServe(nginx)
    const taken = await freePort()
    const program = createTcpServer()
    program.listen(taken, '0.0.0.0')
    await once(program, 'listening')
    const flags = [
      '--tcp-services-configmap',
      STREAM_FLAGS.tcpServicesConfigmap,
      '--udp-services-configmap',
      STREAM_FLAGS.udpServicesConfigmap,
    ]
    const free = await freePort()
    await serving.write('services.yaml', manifestText(...db()))
    await serving.write('ports.yaml', manifestText(...streamConfigMaps({ [taken]: 'default/db:5432' })))
    await serving.startReady(...flags)
    await eventually(() =>
      expect(serving.log()).toContainEqual(expect.objectContaining({ code: 'stream-port-unavailable', field: `data.${taken}` })),
    )
    await serving.write('ports.yaml', manifestText(...streamConfigMaps({ [taken]: 'default/db:5432', [free]: 'default/db:5432' })))
    await eventually(async () => expect(await firstWord(free, 'x')).toBe('one: x'))
    await new Promise((resolve) => program.close(resolve))
    await eventually(async () => expect(await firstWord(taken, 'x')).toBe('one: x'), { timeoutMs: 20_000 })
  })
})

test('an agent that begins anew where another program has taken a port meanwhile: http is served, and the others', async () => {
  await using web = await startBackend('web')
  await using one = await startTcpBackend('one')
  await using agent = await prepareAgent(await newestNginx(), { options: STREAM_FLAGS })
  const [taken, free] = [await freePort(), await freePort()]
  const objects = [
    ...[ingress('web').host('web.test').prefix('/', 'web'), serviceFor(web), streamService('db', [one])],
    streamConfigMaps({ [taken]: 'default/db:5432', [free]: 'default/db:5432' }),
  ]
  await agent.startReady()
  {
    await using _controller = agent.control(...objects)
    await eventually(async () => expect(await firstWord(taken, 'x')).toBe('one: x'))
  }
  const [master, agentPid] = [await agent.masterPid(), await agent.agentPid()]
  for (const pid of [agent.initPid(), agentPid]) process.kill(pid, 'SIGKILL')
  await agent.ended()
  endGroup(master)
  await eventually(async () => expect(await nginxProcesses(master)).toEqual([]))

  const program = createTcpServer().listen(taken, '0.0.0.0')
  await once(program, 'listening')
  await agent.startReady()
  await using controller = agent.control(...objects)
  await eventually(async () => expect(await agent.get('web.test', '/')).toComeFrom('web'), { timeoutMs: 40_000 })
  await eventually(async () => expect(await firstWord(free, 'x')).toBe('one: x'))
  await eventually(
    () =>
      expect(controller.outcomes.at(-1)?.issues.map(({ code, field }) => `${code} ${field}`)).toEqual([
        `stream-port-unavailable data.${taken}`,
      ]),
    { timeoutMs: 20_000 },
  )
  await new Promise((resolve) => program.close(resolve))
  await eventually(async () => expect(await firstWord(taken, 'x')).toBe('one: x'), { timeoutMs: 20_000 })
})
