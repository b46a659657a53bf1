/** Backends of TCP and UDP services: each says its name with what it got, and keeps what that was. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { configMap, endpointSlice, type Manifest, service } from './objects.ts'

export type StreamBackend = AsyncDisposable & {
  readonly name: string
  readonly address: string
  readonly port: number
  /** What each connection, or datagram, has brought so far. */
  readonly received: readonly string[]
}

/** Answers what it gets with `name: ` before it, on each connection as often as something comes. */
export async function startTcpBackend(name: string, address = '127.0.0.1', port = 0): Promise<StreamBackend> {
  const sockets = new Set<Socket>()
  const received: string[] = []
  const server = createServer((socket) => {
    const index = received.push('') - 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    socket.setEncoding('latin1').on('data', (text: string) => {
      received[index] += text
      socket.write(`${name}: ${text}`, 'latin1')
    })
  })
  server.listen(port, address)
  await once(server, 'listening')
  return {
    name,
    address,
    port: (server.address() as AddressInfo).port,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers each datagram so many times. */
export async function startUdpBackend(name: string, answers = 1, address = '127.0.0.1'): Promise<StreamBackend> {
  const socket = createSocket('udp4')
  const received: string[] = []
  socket.on('message', (bytes, sender) => {
    received.push(bytes.toString('latin1'))
    for (let answer = 0; answer < answers; answer++) socket.send(`${name}: ${bytes.toString('latin1')}`, sender.port, sender.address)
  })
  socket.bind(0, address)
  await once(socket, 'listening')
  return {
    name,
    address,
    port: socket.address().port,
    received,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}

/** A Service with one port, and these of its endpoints. */
export function streamService(
  name: string,
  backends: readonly { readonly address: string; readonly port: number }[],
  protocol: 'TCP' | 'UDP' = 'TCP',
  namespace = 'default',
): readonly Manifest[] {
  const port = { name: 'main', port: 5432, protocol }
  return [
    { ...service(name, [], namespace), spec: { type: 'ClusterIP', ports: [port] } },
    ...backends.map(({ address, port: number }, index) => ({
      ...endpointSlice(name, [{ address }], { port: number }, { suffix: String(index), namespace }),
      ports: [{ ...port, port: number }],
    })),
  ]
}

type Entries = Readonly<Record<number | string, string>>

export const STREAM_FLAGS = { tcpServicesConfigmap: 'nginx-ts/tcp', udpServicesConfigmap: 'nginx-ts/udp' } as const

/** The ConfigMaps that those flags name. */
export function streamConfigMaps(tcp: Entries, udp: Entries = {}): readonly Manifest[] {
  return [configMap('tcp', tcp, 'nginx-ts'), configMap('udp', udp, 'nginx-ts')]
}
