import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from '@jest/globals'
import { freePort } from '../../test/support/ports.ts'
import { project } from '../../test/support/serve.ts'
import { type UnavailablePort, unavailablePorts } from './ports.ts'

afterEach(() => Promise.all(closing.splice(0).map((close) => close())))
const closing: (() => Promise<unknown>)[] = []
const testAsRoot = process.getuid?.() === 0 ? test : test.skip

/** Of its own: what the kernel would give may be somebody's in the other protocol. */
async function listening(host: string, port?: number): Promise<number> {
  const server = createServer()
  server.listen({ host, port: port ?? (await freePort()), ipv6Only: true })
  await once(server, 'listening')
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

async function bound(type: 'udp4' | 'udp6', port?: number): Promise<number> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' })
  socket.bind(port ?? (await freePort()))
  await once(socket, 'listening')
  closing.push(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  return socket.address().port
}

const portsOf = (found: readonly UnavailablePort[]) => found.map(({ protocol, port }) => `${protocol} ${port}`)

describe('a port', () => {
  test('that another program has cannot be listened on, in that protocol; nor can it on one address alone', async () => {
    const [all, one] = [await listening('0.0.0.0'), await listening('127.0.0.1')]
    const found = await unavailablePorts({ tcp: [all, one], udp: [all], ipv6: false }, undefined)
    expect(found).toEqual(
      [all, one].map((port) => ({ protocol: 'tcp', port, reason: 'is taken by another program, or by this one itself' })),
    )
  })

  test('of UDP is told from one of TCP', async () => {
    const port = await bound('udp4')
    expect(portsOf(await unavailablePorts({ tcp: [port], udp: [port], ipv6: false }, undefined))).toEqual([`udp ${port}`])
  })

  test('that is taken on IPv6 alone counts only where IPv6 is listened on', async () => {
    const [tcp, udp] = [await listening('::'), await bound('udp6')]
    expect(await unavailablePorts({ tcp: [tcp], udp: [udp], ipv6: false }, undefined)).toEqual([])
    expect(portsOf(await unavailablePorts({ tcp: [tcp], udp: [udp], ipv6: true }, undefined))).toEqual([`tcp ${tcp}`, `udp ${udp}`])
  })

  test('that is our NGINX’s own is no matter', async () => {
    const [tcp, tcp6, udp, udp6] = [await listening('0.0.0.0'), await listening('::'), await bound('udp4'), await bound('udp6')]
    const wanted = { tcp: [tcp, tcp6], udp: [udp, udp6], ipv6: true }
    expect(await unavailablePorts(wanted, process.pid)).toEqual([])
    expect(portsOf(await unavailablePorts(wanted, process.ppid))).toEqual([`tcp ${tcp}`, `tcp ${tcp6}`, `udp ${udp}`, `udp ${udp6}`])
  })

  test('that was tried is free again', async () => {
    const port = await listening('0.0.0.0')
    await Promise.all(closing.splice(0).map((close) => close()))
    expect(await unavailablePorts({ tcp: [port], udp: [port], ipv6: true }, undefined)).toEqual([])
    expect([await listening('0.0.0.0', port), await bound('udp4', port)]).toEqual([port, port])
  })

  testAsRoot('below net.ipv4.ip_unprivileged_port_start is not for everybody', async () => {
    const program = `import { unavailablePorts } from './src/nginx/ports.ts'
console.log(JSON.stringify(await unavailablePorts({ tcp: [1, 2048], udp: [1], ipv6: false }, undefined)))`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      cwd: project,
      uid: 65534,
      gid: 65534,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const reason = 'is one that only a privileged process may listen on (net.ipv4.ip_unprivileged_port_start)'
    expect(JSON.parse(await text(child.stdout))).toEqual([
      { protocol: 'tcp', port: 1, reason },
      { protocol: 'udp', port: 1, reason },
    ])
  })
})
