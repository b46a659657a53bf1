/** A DNS server on loopback that answers from a table: A records over UDP, RFC 1035. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export type DnsServer = AsyncDisposable & {
  readonly port: number
  /** IPv4 addresses by name in lower case; a name without an entry does not exist. Change it at will. */
  readonly names: Map<string, readonly string[]>
}

const HEADER_BYTES = 12
const TYPE_A = 1
/** QR, RD and RA. */
const RESPONSE = 0x8180
const NXDOMAIN = 3
const TTL_SECONDS = 1
/** A pointer to the name of the question. */
const SAME_NAME = 0xc00c

/** Starts it on a port of the system's choice. */
export async function startDns(): Promise<DnsServer> {
  const names = new Map<string, readonly string[]>()
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => void socket.send(answerTo(query, names), port, address))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    names,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

function answerTo(query: Buffer, names: ReadonlyMap<string, readonly string[]>): Buffer {
  const { name, end } = readName(query, HEADER_BYTES)
  const addresses = names.get(name.toLowerCase())
  const records = query.readUInt16BE(end) === TYPE_A ? (addresses ?? []) : []
  const header = Buffer.from(query.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(RESPONSE | (addresses === undefined ? NXDOMAIN : 0), 2)
  header.writeUInt16BE(records.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, query.subarray(HEADER_BYTES, end + 4), ...records.map(addressRecord)])
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16)
  record.writeUInt16BE(SAME_NAME, 0)
  record.writeUInt16BE(TYPE_A, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(TTL_SECONDS, 6)
  record.writeUInt16BE(4, 10)
  Buffer.from(address.split('.').map(Number)).copy(record, 12)
  return record
}

function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let position = start
  for (let length = message.readUInt8(position); length > 0; length = message.readUInt8(position)) {
    labels.push(message.toString('latin1', position + 1, position + 1 + length))
    position += length + 1
  }
  return { name: labels.join('.'), end: position + 1 }
}
