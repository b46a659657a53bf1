/** A client of UDP: one socket, so that what it sends belongs together. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { eventually } from './eventually.ts'

export type DatagramClient = AsyncDisposable & {
  send(text: string): void
  /** All answers so far, once there are so many. */
  answers(count: number): Promise<readonly string[]>
}

/** Sends to a port of loopback. */
export async function datagramClient(port: number): Promise<DatagramClient> {
  const socket = createSocket('udp4')
  const received: string[] = []
  // What nobody listens for comes back as an error.
  socket.on('message', (bytes) => received.push(bytes.toString('latin1'))).on('error', () => {})
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    send: (text) => socket.send(text, port, '127.0.0.1'),
    answers: (count) =>
      eventually(() => {
        if (received.length < count) throw new Error(`${received.length} answers came, not ${count}`)
        return [...received]
      }),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}
