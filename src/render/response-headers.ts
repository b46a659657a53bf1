/** The headers that a location adds to responses, and those of backends that it hides. */
import type { Cors } from '../model/cors.ts'
import type { HttpSettings } from '../model/http-settings.ts'
import type { LocationSettings } from '../model/location-settings.ts'

export type ResponseHeadersView = {
  readonly strictTransportSecurity: boolean
  readonly added: readonly AddedHeader[]
  readonly hidden: readonly string[]
}

/** `value` is a variable; a header whose value is empty is not sent. */
type AddedHeader = { readonly name: string; readonly value: string; readonly always: boolean }

const CORS_HEADERS: readonly AddedHeader[] = [
  ['Access-Control-Allow-Origin', '$cors_origin'],
  ['Access-Control-Allow-Credentials', '$cors_credentials'],
  ['Access-Control-Allow-Methods', '$cors_methods'],
  ['Access-Control-Allow-Headers', '$cors_headers'],
  ['Access-Control-Expose-Headers', '$cors_exposed'],
  ['Access-Control-Max-Age', '$cors_max_age'],
].map(([name = '', value = '']) => ({ name, value, always: true }))

/**
 * Undefined for a location that adds none: it inherits what the server and the http block say. One that adds or hides
 * any inherits nothing of the kind, so all is said again. `sessionCookies` are variables.
 */
export function responseHeadersView(
  { externalAuth, cors }: LocationSettings,
  sessionCookies: readonly string[],
  strictTransportSecurity: boolean,
  http: HttpSettings,
): ResponseHeadersView | undefined {
  const added = [
    ...(externalAuth === undefined ? [] : [{ name: 'Set-Cookie', value: '$auth_cookie', always: externalAuth.alwaysSetsCookie }]),
    ...sessionCookies.map((value) => ({ name: 'Set-Cookie', value, always: true })),
    ...(cors === undefined ? [] : corsHeaders(cors)),
  ]
  if (added.length === 0) return undefined
  return { strictTransportSecurity, added, hidden: cors === undefined ? [] : hiddenWith(CORS_HEADERS, strictTransportSecurity, http) }
}

/** The same for the redirect to where clients sign in, of a server some of whose locations may have CORS. */
export function signInHeadersView(strictTransportSecurity: boolean, hasCors: boolean): ResponseHeadersView {
  const added = [{ name: 'Set-Cookie', value: '$auth_cookie', always: true }, ...(hasCors ? CORS_HEADERS : [])]
  return { strictTransportSecurity, added, hidden: [] }
}

function corsHeaders({ origins }: Cors): readonly AddedHeader[] {
  return origins.kind === 'any' ? CORS_HEADERS : [...CORS_HEADERS, { name: 'Vary', value: '$cors_vary', always: true }]
}

function hiddenWith(added: readonly AddedHeader[], strictTransportSecurity: boolean, { proxy }: HttpSettings): readonly string[] {
  const names = [
    ...(strictTransportSecurity ? ['Strict-Transport-Security'] : []),
    ...added.map(({ name }) => name),
    ...proxy.hiddenHeaders,
  ]
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()]
}
