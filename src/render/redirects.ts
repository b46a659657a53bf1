/** Redirects and rewrites → their views. */
import type { HttpSettings } from '../model/http-settings.ts'
import type { Action, PathMatch } from '../model/model.ts'
import type { RedirectTarget, RewriteTarget } from '../model/redirect.ts'
import { forwardedView } from './forwarding.ts'

/** `rewrite PATTERN TARGET break` or `… redirect`. */
export type RewriteView = {
  readonly pattern: string
  readonly target: RewriteTarget
  /** Whether what was captured may make another path of the target than it says. */
  readonly isChecked: boolean
}

/** `return CODE URL`; the scheme and the host of a path, and the port that follows a host, are variables. */
export type RedirectView = {
  readonly code: number
  readonly url: { readonly scheme: string; readonly host: string; readonly to: Exclude<RedirectTarget, { readonly kind: 'rewrite' }> }
}

/** The same expression as the location's, which is matched without case; so it always matches. */
export function rewriteView(match: PathMatch, target: RewriteTarget | undefined): RewriteView | undefined {
  if (target === undefined || match.kind !== 'regex') return undefined
  const isChecked = target.kind === 'path' && target.parts.some(({ kind }) => kind === 'capture')
  return { pattern: `(?i)^${match.pattern.text}`, target, isChecked }
}

/** What a location answers when it redirects. */
export function redirectView(action: Action, http: HttpSettings): RedirectView | undefined {
  if (action.kind !== 'redirect' || action.to.kind === 'rewrite') return undefined
  const { proto, host } = forwardedView(http)
  return { code: action.status, url: { scheme: proto, host, to: action.to } }
}
