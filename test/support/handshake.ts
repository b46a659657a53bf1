/** TLS handshakes, for what is seen before any request. */

import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type ConnectionOptions, connect } from 'node:tls'

export type Handshake = {
  readonly certificate: X509Certificate
  readonly protocol: string | null
  /** The protocol agreed on by ALPN; false without one. */
  readonly alpn: string | false | null
  /** Whether the client trusts the certificate, for this name. */
  readonly authorized: boolean
  /** The session ticket of TLS 1.2, where the server gave one. */
  readonly ticket: Buffer | undefined
}

/** Shakes hands for a server name as it is written, '' for none. Trusts everybody unless told otherwise. */
export async function shakeHands(port: number, servername: string, options: ConnectionOptions = {}): Promise<Handshake> {
  const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw new Error('the server showed no certificate')
    return {
      certificate,
      protocol: socket.getProtocol(),
      alpn: socket.alpnProtocol,
      authorized: socket.authorized,
      ticket: socket.getTLSTicket(),
    }
  } finally {
    socket.destroy()
  }
}
