/** A client's connection byte by byte, for what an HTTP library would not do. */
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { eventually } from './eventually.ts'

export type RawConnection = AsyncDisposable & {
  write(bytes: string): Promise<void>
  /** All that was received so far, once it matches. */
  until(pattern: RegExp): Promise<string>
  /** Cuts the connection without waiting for anything. */
  abort(): void
}

/** Connects to loopback; over TLS when `sni` is given. Text is Latin-1, so that each byte is one character. */
export async function openConnection(port: number, sni?: string): Promise<RawConnection> {
  const socket =
    sni === undefined
      ? connectTcp(port, '127.0.0.1')
      : connectTls({ host: '127.0.0.1', port, servername: sni, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  await once(socket, sni === undefined ? 'connect' : 'secureConnect')
  socket.setNoDelay(true)
  let received = ''
  let failure: Error | undefined
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    received += text
  })
  socket.on('error', (error) => {
    failure = error
  })
  return {
    async write(bytes) {
      await new Promise<void>((resolve, reject) => {
        socket.write(bytes, 'latin1', (error) => (error ? reject(error) : resolve()))
      })
    },
    until: (pattern) =>
      eventually(() => {
        if (!pattern.test(received)) throw new Error(`${pattern} was not received but ${JSON.stringify(received)}`, { cause: failure })
        return received
      }),
    abort: () => void socket.destroy(),
    async [Symbol.asyncDispose]() {
      if (socket.closed) return
      socket.destroy()
      await once(socket, 'close')
    },
  }
}
