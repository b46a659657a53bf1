/** Where redirects lead, and what rewrites make of a path: values from anchored allow-lists. */
import { type Branded, type Parsed, parseServerName, type ServerName } from './values.ts'

/** Statuses by which NGINX sends a Location. */
export const redirectStatuses = [301, 302, 303, 307, 308] as const
export type RedirectStatus = (typeof redirectStatuses)[number]

/** An absolute http or https URL, without user information. */
export type HttpUrl = Branded<string, 'HttpUrl'>
/** A path of the same host, with query and fragment if there are any; never `//…`, which would be another host. */
export type LocalPath = Branded<string, 'LocalPath'>

/** Where a redirect leads. */
export type RedirectTarget =
  | { readonly kind: 'url'; readonly url: HttpUrl }
  | { readonly kind: 'path'; readonly path: LocalPath }
  /** The URI that was asked for, on another host. */
  | { readonly kind: 'host'; readonly host: ServerName }
  /** What a rewrite makes of the path: a URL. */
  | { readonly kind: 'rewrite'; readonly target: RewriteTarget }

/** What takes the place of a path: text, and the numbers of what the path's expression captured. */
export type RewriteTarget = { readonly kind: 'path' | 'url'; readonly parts: readonly RewritePart[] }
export type RewritePart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'capture'; readonly number: number }

const LONGEST_TARGET = 1000

/** Of RFC 3986, less `$`, which means something to NGINX and to those who hope for it; `%` begins an escape. */
const AFTER_AUTHORITY = /^(?:[A-Za-z0-9\-._~/:,?&=+#@!*();]|%[0-9A-Fa-f]{2})*$/
/** Text of a rewrite's target: what ingress-nginx lets through. */
const REWRITE_TEXT = /^[A-Za-z0-9\-._~/:]*$/
const AUTHORITY = /^(https?):\/\/([^/?#]*)(.*)$/

/** Reads `https://new.test/path?query`. */
export function parseHttpUrl(text: string): Parsed<HttpUrl> {
  if (text.length > LONGEST_TARGET) return refuse(`is longer than ${LONGEST_TARGET} characters`)
  const [, , authority, rest] = AUTHORITY.exec(text) ?? []
  if (authority === undefined || rest === undefined) return refuse('is no URL of http or https')
  const reason = whyNoAuthority(authority)
  if (reason !== undefined) return refuse(reason)
  if (!AFTER_AUTHORITY.test(rest)) return refuse('has a character in its path that a URL cannot have there; variables are not known here')
  return accept(text as HttpUrl)
}

/** Reads `/app?query#fragment`. */
export function parseLocalPath(text: string): Parsed<LocalPath> {
  if (text.length > LONGEST_TARGET) return refuse(`is longer than ${LONGEST_TARGET} characters`)
  if (!text.startsWith('/')) return refuse('does not start with /')
  if (text.startsWith('//')) return refuse('starts with //, which leads to another host')
  if (!AFTER_AUTHORITY.test(text)) return refuse('has a character that a URL cannot have there; variables are not known here')
  return accept(text as LocalPath)
}

/** Reads `/$2`, `/new/$1` or `https://new.test/$1`. */
export function parseRewriteTarget(text: string): Parsed<RewriteTarget> {
  if (text.length > LONGEST_TARGET) return refuse(`is longer than ${LONGEST_TARGET} characters`)
  const [, , authority, rest] = AUTHORITY.exec(text) ?? []
  const kind = authority === undefined ? 'path' : 'url'
  const path = authority === undefined ? text : (rest ?? '')
  const reason = authority === undefined ? undefined : whyNoAuthority(authority)
  if (reason !== undefined) return refuse(reason)
  if (kind === 'path' && !/^(?:\/|\$[1-9])/.test(path))
    return refuse('starts neither with / or a capture such as $1, nor with http:// or https://')
  const parts = partsOf(text)
  if (parts === undefined) return refuse('has something other than $1 to $9, letters, digits and - . _ ~ / :')
  if (hasDotSegment(path) || hasDotSegment(path.replace(/\$[1-9]/g, ''))) return refuse('has a . or .. segment')
  return accept({ kind, parts })
}

function partsOf(text: string): readonly RewritePart[] | undefined {
  const pieces = text.split(/(\$[1-9])/).filter((piece) => piece !== '')
  const parts = pieces.map(
    (piece): RewritePart => (/^\$[1-9]$/.test(piece) ? { kind: 'capture', number: Number(piece[1]) } : { kind: 'text', text: piece }),
  )
  return parts.every((part) => part.kind === 'capture' || REWRITE_TEXT.test(part.text)) ? parts : undefined
}

/** A name or an address, and perhaps a port; nothing of a request, and nobody's name before an @. */
function whyNoAuthority(authority: string): string | undefined {
  const [, host = '', port] = /^(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority) ?? []
  if (host === '' || (!host.startsWith('[') && !parseServerName(host.toLowerCase()).ok)) return 'has a host that is none'
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return 'has a port that is none'
  return undefined
}

function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => segment === '.' || segment === '..')
}

/** Which captures a target refers to. */
export function capturesIn({ parts }: RewriteTarget): readonly number[] {
  return parts.flatMap((part) => (part.kind === 'capture' ? [part.number] : []))
}

/** The target as it is written: `/api/$1`. */
export function rewriteTargetText({ parts }: RewriteTarget): string {
  return parts.map((part) => (part.kind === 'capture' ? `$${part.number}` : part.text)).join('')
}

function accept<Value>(value: Value): Parsed<Value> {
  return { ok: true, value }
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
