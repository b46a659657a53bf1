/** Addresses, ports, and the URLs of redirects. */
import { isIP } from 'node:net'
import type { Endpoint } from '../../model/model.ts'
import { parseCidr, parseIpAddress, parsePort, parseServerName } from '../../model/values.ts'
import type { RedirectView } from '../redirects.ts'
import { expectText, matching, refusal, vetted, vettedBy } from './checks.ts'
import { interpolated, literal } from './tokens.ts'
import { integer, variable } from './words.ts'

export const cidr = vettedBy('cidr', parseCidr)
/** `8080` or `[::]:8080`. */
export const listenAddress = matching('listenAddress', /^(\[::\]:)?\d{1,5}$/, 'is no listening address')

export function unixAddress(value: unknown): string {
  return literal(`unix:${expectText('unixAddress', value)}`)
}

export function endpointAddress(value: unknown): string {
  const endpoint = value as Endpoint
  if (endpoint.kind === 'unix') return unixAddress(endpoint.path)
  if (endpoint.kind === 'name') return namedEndpoint(endpoint.name, endpoint.port)
  const address = parseIpAddress(endpoint.address)
  const port = parsePort(endpoint.port)
  if (!address.ok || !port.ok) throw refusal('endpointAddress', `${endpoint.address} ${endpoint.port}`, 'is no endpoint')
  return isIP(address.value) === 6 ? `[${address.value}]:${port.value}` : `${address.value}:${port.value}`
}

function namedEndpoint(name: string, number: number): string {
  const parsed = parseServerName(name)
  const port = parsePort(number)
  if (!parsed.ok || !port.ok) throw refusal('endpointAddress', `${name} ${number}`, 'is no endpoint')
  return `${parsed.value}:${port.value}`
}

export function nameServer(value: unknown): string {
  const { address, port } = value as { readonly address: string; readonly port: number }
  return endpointAddress({ kind: 'tcp', address, port })
}

/** The end of a URL's authority: nothing for HTTPS' own port. */
export function portSuffix(value: unknown): string {
  const port = integer(value)
  return port === '443' ? '' : `:${port}`
}

/** Where a redirect leads: a whole URL, or one whose scheme, and host or port and URI, are those of the request. */
export function redirectUrl(value: unknown): string {
  const { scheme, host, to } = value as RedirectView['url']
  if (to.kind === 'url') return interpolated(to.url)
  const origin = `${variable(scheme)}://`
  if (to.kind === 'path') return `"${origin}${variable(host)}${interpolated(to.path).slice(1)}`
  return `"${origin}${vetted('redirectUrl', parseServerName, to.host)}$named_port$request_uri"`
}
