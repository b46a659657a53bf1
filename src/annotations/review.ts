/**
 * What an Ingress' annotations ask for, as long as few are understood: each other one is named, and a route whose protection
 * would be lost is not served bare.
 */
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'

export type AnnotationReview = {
  /** What becomes of the Ingress' routes: served, answered 503, or left out. */
  readonly verdict: 'serve' | 'unavailable' | 'withhold'
  readonly issues: readonly Issue[]
}

const OUR_PREFIXES = ['nginx-ts.io/', 'nginx.ingress.kubernetes.io/']
const FOREIGN_PREFIXES = [
  'ingress.kubernetes.io/',
  'nginx.org/',
  'nginx.com/',
  'traefik.ingress.kubernetes.io/',
  'haproxy.org/',
  'haproxy-ingress.github.io/',
  'alb.ingress.kubernetes.io/',
  'konghq.com/',
]

/** Annotations that keep somebody out, or may: to serve the route without them would open it. */
const PROTECTING = [
  /^auth-/,
  /^(allowlist|whitelist|denylist)-source-range$/,
  /^satisfy$/,
  /^enable-global-auth$/,
  /^(enable-)?modsecurity/,
  /^(configuration|server|auth|modsecurity|stream)-snippet$/,
  /^enable-opa-/,
]

const SERVICE_UPSTREAM = 'service-upstream'
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
])

/** Whether the Ingress asks for the cluster IPs of its Services; undefined where it does not say. Our own prefix comes first. */
export function serviceUpstreamOf({ annotations }: Ingress): boolean | undefined {
  const given = OUR_PREFIXES.map((prefix) => annotations[`${prefix}${SERVICE_UPSTREAM}`]).find((value) => value !== undefined)
  return given === undefined ? undefined : BOOLEANS.get(given)
}

/** Reads the annotations under our prefixes; says which other controllers' stand beside them. */
export function reviewAnnotations(ingress: Ingress): AnnotationReview {
  const issues: Issue[] = []
  let verdict: AnnotationReview['verdict'] = 'serve'
  for (const annotation of Object.keys(ingress.annotations)) {
    const key = keyUnder(OUR_PREFIXES, annotation)
    if (key === undefined) {
      if (keyUnder(FOREIGN_PREFIXES, annotation) !== undefined) {
        issues.push(issue('foreign-annotation', ingress, { annotation, message: 'belongs to another controller and has no effect here' }))
      }
    } else if (key === 'canary' && ingress.annotations[annotation] === 'true') {
      verdict = 'withhold'
      issues.push(
        issue('canary-not-supported', ingress, {
          annotation,
          message: 'is not understood yet; this Ingress gets no requests, the main one gets all of them',
        }),
      )
    } else if (key === SERVICE_UPSTREAM) {
      if (BOOLEANS.get(ingress.annotations[annotation] ?? '') === undefined)
        issues.push(issue('invalid-annotation', ingress, { annotation, message: 'is neither "true" nor "false"; it has no effect' }))
    } else if (PROTECTING.some((pattern) => pattern.test(key))) {
      if (verdict === 'serve') verdict = 'unavailable'
      issues.push(
        issue('protection-not-supported', ingress, {
          annotation,
          message: 'may protect this route and is not understood yet; requests get 503 rather than pass unchecked',
        }),
      )
    } else {
      issues.push(issue('annotation-not-supported', ingress, { annotation, message: 'is not understood yet and has no effect' }))
    }
  }
  return { verdict, issues }
}

function keyUnder(prefixes: readonly string[], annotation: string): string | undefined {
  const prefix = prefixes.find((candidate) => annotation.startsWith(candidate))
  return prefix === undefined ? undefined : annotation.slice(prefix.length)
}
