/** Names of hosts, headers and objects. */
import type { HostMatch, Owner } from '../../model/model.ts'
import {
  parseGeneratedName,
  parseHeaderName,
  parseHost,
  parseHostHeader,
  parseMediaType,
  parseObjectName,
  parseServerName,
} from '../../model/values.ts'
import { expectText, vetted, vettedBy } from './checks.ts'
import { literal } from './tokens.ts'

/** The host of a server. A wildcard takes one label, which only a regular expression says: `*.a` would take several. */
export function serverName(value: unknown): string {
  const host = value as HostMatch
  if (host.kind === 'any') return '_'
  const name = vetted('serverName', parseServerName, host.kind === 'exact' ? host.name : host.parent)
  return host.kind === 'exact' ? `"${name}"` : `"~${oneLabelBelow(name)}"`
}

/** One name, of which NGINX makes no pattern and no variable. */
export const hostName = vettedBy('hostName', parseServerName)
export const headerName = vettedBy('headerName', parseHeaderName)
/** A namespace, or the name of an object. */
export const objectName = vettedBy('objectName', parseObjectName)
export const mediaType = vettedBy('mediaType', parseMediaType)
export const generatedName = vettedBy('generatedName', parseGeneratedName)

/** The value of a Host header. */
export function hostHeader(value: unknown): string {
  return literal(vetted('hostHeader', parseHostHeader, value))
}

/**
 * The key of a map over server names. `~*`, because a map compares literal keys without case, expressions with it, and a
 * client may write its server name as it likes.
 */
export function certificateKey(value: unknown): string {
  const host = vetted('certificateKey', parseHost, value)
  return host.kind === 'exact' ? mapKey(host.name) : `"~*${oneLabelBelow(host.parent)}"`
}

/** The key of a map over `$host|$http_host` for a request whose Host header is just the routed name. */
export function routedHostKey(value: unknown): string {
  const name = vetted('routedHostKey', parseServerName, value)
  return mapKey(`${name}|${name}`)
}

/** A key of a map that stands for itself: `\` in front takes away what `default`, `include` or `~` would mean to the map. */
export function mapKey(value: unknown): string {
  return literal(`\\${expectText('mapKey', value)}`)
}

/** Where the real address stands: a header, or the PROXY protocol. */
export function realIpHeader(value: unknown): string {
  return value === 'proxy_protocol' ? value : headerName(value)
}

/** The name of a header in which underscores stand for dashes. */
export function aliasedHeaderName(value: unknown): string {
  const name = expectText('aliasedHeaderName', value)
  headerName(name.replaceAll('_', '-'))
  return name
}

/** `folder/file`, both names of our own making. */
export function generatedPath(value: unknown): string {
  return expectText('generatedPath', value).split('/').map(generatedName).join('/')
}

/** `namespace/name` in a comment, which ends at the first line break. */
export function owner(value: unknown): string {
  const { namespace, ingress } = value as Owner
  return [namespace, ingress].map((part) => vetted('owner', parseObjectName, part)).join('/')
}

function oneLabelBelow(parent: string): string {
  return `^[^.]+\\.${parent.replaceAll('.', '\\.')}$`
}
