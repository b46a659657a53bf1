/** The prefixes of annotations: ours, and others that people leave in place when they change controllers. */

/** Our own; wins where both are there. */
export const OWN_PREFIX = 'nginx-ts.io/'
/** ingress-nginx's: the same keys, with the same meaning. */
export const COMPATIBLE_PREFIX = 'nginx.ingress.kubernetes.io/'
export const PREFIXES = [OWN_PREFIX, COMPATIBLE_PREFIX] as const

export const FOREIGN_PREFIXES = [
  'ingress.kubernetes.io/',
  'nginx.org/',
  'nginx.com/',
  'traefik.ingress.kubernetes.io/',
  'haproxy.org/',
  'haproxy-ingress.github.io/',
  'alb.ingress.kubernetes.io/',
  'konghq.com/',
]

/** The key of an annotation under one of the prefixes; undefined when it stands under none. */
export function keyUnder(prefixes: readonly string[], annotation: string): string | undefined {
  const prefix = prefixes.find((candidate) => annotation.startsWith(candidate))
  return prefix === undefined ? undefined : annotation.slice(prefix.length)
}

/** The name under which an Ingress has a key; ours where it has both. */
export function spelledUnder(annotations: Readonly<Record<string, string>>, key: string): string {
  return Object.hasOwn(annotations, OWN_PREFIX + key) ? OWN_PREFIX + key : COMPATIBLE_PREFIX + key
}
