/**
 * `spec.externalName` of a Service → where its requests go. A tenant writes it, and our NGINX stands where tenants do
 * not: in the Pod's own network, on the node, beside the cloud's metadata. Names that lead there are refused. What a name
 * resolves to while NGINX runs nobody here sees; see docs/decisions/0017-external-names.md.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { type Parsed, parseServerName, type ServerName } from '../model/values.ts'

export type ExternalName = { readonly kind: 'name'; readonly name: ServerName } | { readonly kind: 'address'; readonly address: string }

/** This host, by the names that RFC 6761, hosts(5) and distributions give it. */
const LOOPBACK = /(^|\.)(localhost|localdomain|localhost6|ip6-localhost|ip6-loopback)$/
/** Metadata services, by the names that clouds give them. */
const METADATA =
  /(^|\.)(metadata|instance-data|metadata\.google\.internal|metadata\.goog|metadata\.azure\.internal|instance-data\.ec2\.internal)$/
/** Those whose address is not link-local: AWS over IPv6, Alibaba Cloud, Azure. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(['fd00:ec2::254', '100.100.100.200', '168.63.129.16'])
/** The API server, as every cluster names it. */
const API_SERVER = /^kubernetes(\.default(\.svc(\..+)?)?)?$/
/** A last label that readers of addresses take for a number: `127.1`, `0x7f000001`, `2130706433`. WHATWG URL, "ends in a number". */
const NUMERIC = /(^|\.)(\d+|0x[0-9a-f]*)$/

/** Reads the name. One that is an address is given as such, for the guard of endpoints to judge. */
export function parseExternalName(text: string): Parsed<ExternalName> {
  if (METADATA_ADDRESSES.has(canonical(text))) return refuse('leads to the metadata of a cloud')
  if (isIP(text) !== 0) return { ok: true, value: { kind: 'address', address: text } }
  const parsed = parseServerName(text.toLowerCase().replace(/\.$/, ''))
  if (!parsed.ok) return parsed
  if (NUMERIC.test(parsed.value)) return refuse('ends in a number, which some take for an address')
  if (LOOPBACK.test(parsed.value)) return refuse('leads to this host itself')
  if (METADATA.test(parsed.value)) return refuse('leads to the metadata of a cloud')
  if (API_SERVER.test(parsed.value)) return refuse('leads to the API server')
  return { ok: true, value: { kind: 'name', name: parsed.value } }
}

function canonical(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
