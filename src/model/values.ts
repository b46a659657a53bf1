/**
 * Values that may reach nginx.conf. Each is a branded type which only the parser below makes, from an anchored
 * allow-list, so that a string which nobody vetted does not type-check as one.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { interpolatedBytes } from './token.ts'

declare const brand: unique symbol
export type Branded<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A value, or the reason why the text is none: a rule, in words that can end the sentence "it …". */
export type Parsed<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string }

/** A DNS-1123 subdomain in lower case, without a wildcard: a name NGINX compares literally. */
export type ServerName = Branded<string, 'ServerName'>
/** A request path as NGINX compares it: percent-decoded, starting with `/`, free of control characters. */
export type UriPath = Branded<string, 'UriPath'>
/** `metadata.name` of an object: a DNS-1123 subdomain. */
export type ObjectName = Branded<string, 'ObjectName'>
/** An IPv4 or IPv6 address, without brackets or zone. */
export type IpAddress = Branded<string, 'IpAddress'>
/** A TCP port, 1 to 65535. */
export type PortNumber = Branded<number, 'PortNumber'>
/** A name of our own making, `[A-Za-z0-9_.-]`, starting with a letter or digit: an upstream or a file. */
export type GeneratedName = Branded<string, 'GeneratedName'>
/** An HTTP field name, RFC 9110 section 5.1, narrowed to letters, digits and `-`. */
export type HeaderName = Branded<string, 'HeaderName'>
/** The value of a Host header: a name and perhaps a port. */
export type HostHeader = Branded<string, 'HostHeader'>
/** The same with variables that stand for the Service a request goes to. */
export type HostTemplate = Branded<string, 'HostTemplate'>

/** The name of a cookie, RFC 6265 section 4.1.1, narrowed to letters, digits and `-._~`. */
export type CookieName = Branded<string, 'CookieName'>
/** The Path of a cookie: as a URI has it, without what would begin another attribute. */
export type CookiePath = Branded<string, 'CookiePath'>
/** The value of a header, in printable ASCII. */
export type HeaderValue = Branded<string, 'HeaderValue'>
/** A regular expression that PCRE compiles and that no text keeps busy; header-pattern.ts reads it. */
export type HeaderPattern = Branded<string, 'HeaderPattern'>

/** An address or a network, `10.0.0.0/8`. */
export type Cidr = Branded<string, 'Cidr'>
/** `type/subtype`, or `*` for all, without parameters. */
export type MediaType = Branded<string, 'MediaType'>

const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const LONGEST_DNS_NAME = 253
/** As it is printed, where each dollar sign takes nine bytes: what is said of a cookie is one token, its domain included. */
const LONGEST_COOKIE_PATH_BYTES = 3000
const LONGEST_DNS_LABEL = 63
/**
 * NGINX before 1.23.4 keeps the length of a location in one byte, and one of 256 bytes or more answers other paths: its
 * changelog, ticket 2435. A prefix is printed with a slash added.
 */
const LONGEST_PATH_BYTES = 254
/** Where locations begin that only NGINX itself comes to. */
const INTERNAL_PATHS = '/_external-auth-'
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/

/** A host of a rule: a name, or the name below which a wildcard takes exactly one label. */
export type ParsedHost = { readonly kind: 'exact'; readonly name: ServerName } | { readonly kind: 'wildcard'; readonly parent: ServerName }

/** Reads `spec.rules[].host`: `shop.test`, or `*.shop.test` where the star is the whole first label. */
export function parseHost(text: string): Parsed<ParsedHost> {
  if (text.startsWith('*.')) {
    const parent = parseServerName(text.slice(2))
    return parent.ok ? accept({ kind: 'wildcard', parent: parent.value }) : parent
  }
  const name = parseServerName(text)
  return name.ok ? accept({ kind: 'exact', name: name.value }) : name
}

/** Reads a DNS-1123 subdomain. Raw non-ASCII names are refused: their `xn--` form is what clients send. */
export function parseServerName(text: string): Parsed<ServerName> {
  const reason = whyNotDnsName(text)
  return reason === undefined ? accept(text as ServerName) : refuse(reason)
}

/** Reads `metadata.name` or `metadata.namespace`. */
export function parseObjectName(text: string): Parsed<ObjectName> {
  const reason = whyNotDnsName(text)
  return reason === undefined ? accept(text as ObjectName) : refuse(reason)
}

/** Reads the name of a Service: one DNS label, for a dot would step out of its namespace. */
export function parseServiceName(text: string): Parsed<ObjectName> {
  if (!DNS_LABEL.test(text) || text.length > LONGEST_DNS_LABEL) return refuse('is not a DNS label (a-z, 0-9 and -, 63 at most)')
  return accept(text as ObjectName)
}

function whyNotDnsName(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (text.length > LONGEST_DNS_NAME) return `is longer than ${LONGEST_DNS_NAME} characters`
  for (const label of text.split('.')) {
    if (label.length > LONGEST_DNS_LABEL) return `has a label longer than ${LONGEST_DNS_LABEL} characters`
    if (!DNS_LABEL.test(label))
      return 'is not a DNS-1123 name (lower-case a-z, 0-9, - and . only; labels start and end with a letter or digit)'
  }
  return undefined
}

/**
 * Reads `paths[].path`. NGINX compares the decoded, dot-resolved path of a request, so the path of the rule is decoded
 * too; what could then never match, or would mean something else than it says, is refused. The rules are those of
 * Kubernetes' validation of Exact and Prefix paths.
 */
export function parsePath(text: string): Parsed<UriPath> {
  if (!text.startsWith('/')) return refuse('does not start with /')
  if (/%2f/i.test(text)) return refuse('has an encoded slash (%2F), which NGINX cannot tell from /')
  const decoded = percentDecode(text)
  if (decoded === undefined) return refuse('has a percent sign that does not begin a UTF-8 escape')
  if (CONTROL_CHARACTER.test(decoded)) return refuse('has a control character')
  if (!decoded.isWellFormed()) return refuse('is not well-formed Unicode')
  if (Buffer.byteLength(decoded) > LONGEST_PATH_BYTES) return refuse(`is longer than ${LONGEST_PATH_BYTES} bytes`)
  if (decoded.startsWith(INTERNAL_PATHS)) return refuse(`begins with ${INTERNAL_PATHS}, which is kept for this program itself`)
  if (decoded.includes('//')) return refuse('has an empty segment (//), which requests never have once slashes are merged')
  if (decoded.split('/').some((segment) => segment === '.' || segment === '..'))
    return refuse('has a . or .. segment, which requests never have once resolved')
  return accept(decoded as UriPath)
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Reads an endpoint's address: an IP, never a name. */
export function parseIpAddress(text: string): Parsed<IpAddress> {
  return isIP(text) === 0 || text.includes('%') ? refuse('is not an IP address') : accept(text as IpAddress)
}

/** Reads an address, or a network by its prefix length. */
export function parseCidr(text: string): Parsed<Cidr> {
  const [address = '', length, ...rest] = text.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  if (!parseIpAddress(address).ok || rest.length > 0) return refuse('is not an address or a network such as 10.0.0.0/8')
  if (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= bits)) return refuse(`has no prefix length from 0 to ${bits}`)
  return accept(text as Cidr)
}

/**
 * Reads an address or a network and gives it in its one form: the bits behind the prefix are zero, for NGINX warns of
 * others at each reload, and a prefix of all bits is left out.
 */
export function parseNetwork(text: string): Parsed<Cidr> {
  const cidr = parseCidr(text)
  if (!cidr.ok) return cidr
  const [given = '', length] = text.split('/')
  const address = ipaddr.parse(given)
  const isIpv6 = address instanceof ipaddr.IPv6
  // A client of IPv4 is compared with networks of IPv4 only.
  if (isIpv6 && address.isIPv4MappedAddress()) return refuse('is IPv4 written as IPv6, which is no client; write it as IPv4')
  if (length === undefined || Number(length) === (isIpv6 ? 128 : 32)) return accept(address.toString() as Cidr)
  const network = (isIpv6 ? ipaddr.IPv6 : ipaddr.IPv4).networkAddressFromCIDR(`${address}/${Number(length)}`)
  return accept(`${network}/${Number(length)}` as Cidr)
}

/** Reads a media type, RFC 6838 section 4.2, without parameters. */
export function parseMediaType(text: string): Parsed<MediaType> {
  return /^(\*|[a-z0-9][a-z0-9.+-]{0,60}\/[a-z0-9][a-z0-9.+-]{0,60})$/i.test(text)
    ? accept(text as MediaType)
    : refuse('is not a media type')
}

/** Reads a port number. */
export function parsePort(value: number): Parsed<PortNumber> {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? accept(value as PortNumber) : refuse('is not a port (1 to 65535)')
}

/** Reads a name that this program has made. */
export function parseGeneratedName(text: string): Parsed<GeneratedName> {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,200}$/.test(text) ? accept(text as GeneratedName) : refuse('is not a generated name')
}

/** Reads the name of a header. */
export function parseHeaderName(text: string): Parsed<HeaderName> {
  return /^[A-Za-z][A-Za-z0-9-]{0,100}$/.test(text) ? accept(text as HeaderName) : refuse('is not a header name')
}

/** Reads the value of a Host header. Underscores, which no DNS name has, are in names of hosts all the same. */
export function parseHostHeader(text: string): Parsed<HostHeader> {
  const [, name = '', port] = /^([a-z0-9_](?:[a-z0-9._-]{0,252}))(?::(\d{1,5}))?$/i.exec(text) ?? []
  if (name === '' || (port !== undefined && !parsePort(Number(port)).ok)) return refuse('is not a host, or a host and a port')
  return accept(text as HostHeader)
}

const HOST_VARIABLE = /\$\{([a-z_]+)\}|\$([a-z_]+)/g
const hostVariables = ['service_name', 'namespace', 'service_port'] as const
export type HostVariable = (typeof hostVariables)[number]

/** Reads such a value with variables: `$service_name.$namespace.svc.cluster.local:$service_port`. */
export function parseHostTemplate(text: string): Parsed<HostTemplate> {
  for (const [, braced, bare] of text.matchAll(HOST_VARIABLE)) {
    const name = braced ?? bare
    if (!hostVariables.some((known) => known === name)) return refuse(`has $${name}, which is none of $${hostVariables.join(', $')}`)
  }
  const example = fillHostTemplate(text as HostTemplate, { service_name: 's', namespace: 'n', service_port: '1' })
  return example.ok ? accept(text as HostTemplate) : example
}

/** The template with its variables filled in. */
export function fillHostTemplate(template: HostTemplate, values: Readonly<Record<HostVariable, string>>): Parsed<HostHeader> {
  return parseHostHeader(template.replace(HOST_VARIABLE, (_, braced, bare) => values[(braced ?? bare) as HostVariable]))
}

/** Reads the name of a cookie. */
export function parseCookieName(text: string): Parsed<CookieName> {
  return /^[A-Za-z0-9_.~-]{1,64}$/.test(text)
    ? accept(text as CookieName)
    : refuse('is not the name of a cookie (letters, digits and -._~, 64 at most)')
}

/** Reads the Path of a cookie, as browsers compare it: percent-encoded. */
export function parseCookiePath(text: string): Parsed<CookiePath> {
  if (interpolatedBytes(text) > LONGEST_COOKIE_PATH_BYTES) return refuse('has too many dollar signs')
  return /^\/[A-Za-z0-9._~!$&'()*+=:@%/-]{0,500}$/.test(text)
    ? accept(text as CookiePath)
    : refuse('is not a path for a cookie (/… in characters of a URI, without ; and ,)')
}

/** Reads the value of a header that is compared as a whole. */
export function parseHeaderValue(text: string): Parsed<HeaderValue> {
  return /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/.test(text)
    ? accept(text as HeaderValue)
    : refuse('is not the value of a header (printable ASCII, 200 characters at most)')
}

/** The value, for texts that this program has made itself; anything else is a bug and throws. */
export function mustParse<Value>(parsed: Parsed<Value>): Value {
  if (!parsed.ok) throw new Error(`a value of our own making ${parsed.reason}`)
  return parsed.value
}

/** Whether the text has a character that has no place in any field (C0 and DEL). */
export function hasControlCharacter(text: string): boolean {
  return CONTROL_CHARACTER.test(text)
}

function accept<Value>(value: Value): Parsed<Value> {
  return { ok: true, value }
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
