/** Whether an Ingress' paths are regular expressions, and what takes their place. */
import type { LocationPatch, RegexReach } from '../annotations/patch.ts'
import type { IssueCode } from '../model/issue.ts'
import type { Pattern } from '../model/pattern.ts'
import { capturesIn, type RewriteTarget, rewriteTargetText } from '../model/redirect.ts'

/**
 * Whose paths of a host an Ingress makes expressions, given its own `paths` there. As in ingress-nginx, use-regex does,
 * and so does a rewrite of any path; a target that is the path itself rewrites nothing.
 */
export function regexReachOf({ rewrite }: LocationPatch, paths: readonly string[]): RegexReach | undefined {
  if (rewrite === undefined) return undefined
  const { target, regex } = rewrite
  const reaches = [regex, target !== undefined && paths.some((path) => rewrites(target.to, path)) ? target.reach : undefined]
  return reaches.find((reach) => reach === 'host') ?? reaches.find((reach) => reach !== undefined)
}

type PathRewrite = {
  /** Whether the path can be served. */
  readonly ok: boolean
  readonly target: RewriteTarget | undefined
  /** Its message ends a sentence that begins with the path. */
  readonly issue: { readonly code: IssueCode; readonly message: string } | undefined
}

/** What takes the place of a path. Captures that the path lacks are left out: those of another expression are never read. */
export function rewriteOf({ rewrite }: LocationPatch, path: string, pattern: Pattern): PathRewrite {
  const target = rewrite?.target?.to
  if (target === undefined || !rewrites(target, path)) return { ok: true, target: undefined, issue: undefined }
  const invalid = (message: string): PathRewrite => ({ ok: false, target: undefined, issue: { code: 'rewrite-invalid', message } })
  const shown = rewriteTargetText(target)
  // NGINX before 1.30.4 counts too little room for a Location of captures within captures (CVE-2026-9256).
  if (target.kind === 'url' && pattern.hasNestedCaptures && capturesIn(target).length > 1)
    return invalid(`has groups within groups, of which a redirect to ${shown} cannot take several; it is left out`)
  const parts = target.parts.filter((part) => part.kind === 'text' || part.number <= pattern.captures)
  const [first] = parts
  if (first === undefined || (target.kind === 'path' && first.kind === 'text' && !first.text.startsWith('/')))
    return invalid(`captures nothing that the rewrite to ${shown} could begin with; it is left out`)
  const missing = [...new Set(capturesIn(target).filter((number) => number > pattern.captures))]
  if (missing.length === 0) return { ok: true, target, issue: undefined }
  const names = missing.map((number) => `$${number}`).join(', ')
  const message = `has ${pattern.captures} groups, and rewrite-target ${shown} asks for ${names}, which stays empty`
  return { ok: true, target: { kind: target.kind, parts }, issue: { code: 'capture-not-found', message } }
}

function rewrites(target: RewriteTarget, path: string): boolean {
  return rewriteTargetText(target) !== path
}
