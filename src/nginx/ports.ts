/**
 * Ports that NGINX is to listen on. One that it cannot have costs a reload: `nginx -t` passes over a port that another
 * program has, and the master then keeps its old configuration without a word to whoever asked. So it is tried before.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { open, readdir, readlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { StreamProtocol } from '../model/streams.ts'

export type WantedPorts = {
  readonly tcp: readonly number[]
  readonly udp: readonly number[]
  /** Whether on IPv6 too. */
  readonly ipv6: boolean
}

/** `reason` ends the sentence "the port …". */
export type UnavailablePort = { readonly protocol: StreamProtocol; readonly port: number; readonly reason: string }

type Family = 4 | 6

/** Those that NGINX, of which `holder` is a process, could not listen on. Its own it can; others are tried, and given back at once. */
export async function unavailablePorts({ tcp, udp, ipv6 }: WantedPorts, holder: number | undefined): Promise<readonly UnavailablePort[]> {
  const wanted = [...tcp.map((port) => ({ protocol: 'tcp', port }) as const), ...udp.map((port) => ({ protocol: 'udp', port }) as const)]
  if (wanted.length === 0) return []
  const families: readonly Family[] = ipv6 ? [4, 6] : [4]
  const own = holder === undefined ? new Set<string>() : await portsOf(holder)
  const found: UnavailablePort[] = []
  for (const { protocol, port } of wanted) {
    for (const family of families) {
      if (own.has(`${protocol}${family} ${port}`)) continue
      const error = await (protocol === 'tcp' ? tryTcp(port, family) : tryUdp(port, family))
      if (error === undefined) continue
      found.push({ protocol, port, reason: reasonOf(error) })
      break
    }
  }
  return found
}

const ANY_ADDRESS: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' }

async function tryTcp(port: number, family: Family): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer((socket) => socket.destroy())
  const outcome = outcomeOf(once(server, 'listening'))
  server.listen({ port, host: ANY_ADDRESS[family], ipv6Only: family === 6 })
  const error = await outcome
  if (error === undefined) await new Promise((resolve) => server.close(resolve))
  return error
}

async function tryUdp(port: number, family: Family): Promise<NodeJS.ErrnoException | undefined> {
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6 })
  const outcome = outcomeOf(once(socket, 'listening'))
  socket.bind({ port, address: ANY_ADDRESS[family], exclusive: true })
  const error = await outcome
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return error
}

/** The error that comes in place of an event. */
async function outcomeOf(event: Promise<unknown>): Promise<NodeJS.ErrnoException | undefined> {
  return await event.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'is taken by another program, or by this one itself'
  if (code === 'EACCES' || code === 'EPERM')
    return 'is one that only a privileged process may listen on (net.ipv4.ip_unprivileged_port_start)'
  return `cannot be listened on: ${message}`
}

/** What a process listens on, as `tcp4 9000`: the kernel lists sockets by number, and a process has links to its own. */
async function portsOf(pid: number): Promise<ReadonlySet<string>> {
  const inodes = await socketsOf(pid)
  const tables = (['tcp', 'udp'] as const).flatMap((protocol) => ([4, 6] as const).map((family) => ({ protocol, family })))
  const ports = await Promise.all(tables.map(({ protocol, family }) => portsIn(protocol, family, inodes)))
  return new Set(ports.flat())
}

async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`
  const descriptors = await readdir(folder).catch(() => [])
  const targets = await Promise.all(descriptors.map((name) => readlink(`${folder}/${name}`).catch(() => '')))
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
}

/** Of proc_pid_net(5): `0A` is a TCP socket that listens, and those come first; a busy host has many thousands of others. */
const LISTENING = '0A'

async function portsIn(protocol: StreamProtocol, family: Family, inodes: ReadonlySet<string>): Promise<readonly string[]> {
  // A kernel without IPv6 has no such file.
  const file = await open(`/proc/self/net/${protocol}${family === 6 ? '6' : ''}`).catch(() => undefined)
  if (file === undefined) return []
  const found: string[] = []
  for await (const line of file.readLines()) {
    const [slot = '', local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    if (!/^\d+:$/.test(slot)) continue
    if (protocol === 'tcp' && state !== LISTENING) break
    if (inodes.has(inode)) found.push(`${protocol}${family} ${Number.parseInt(local.slice(local.indexOf(':') + 1), 16)}`)
  }
  return found
}
