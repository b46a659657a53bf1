/** Which Ingresses have a say on which host. */
import type { Ingress } from '../cluster/objects.ts'
import type { ClusterState } from '../cluster/state.ts'
import { type Issue, issue } from '../model/issue.ts'
import type { HostMatch } from '../model/model.ts'
import type { Options } from '../options.ts'
import { canariesWithoutHost } from './canaries.ts'
import { type ClassRules, selectIngresses } from './classes.ts'
import { type IngressRoutes, routesOf } from './routes.ts'
import type { Contribution } from './server.ts'

/** `key` is the host's `hostKey`; contributions come oldest first, and so do those of canaries. */
export type Host = {
  readonly key: string
  readonly match: HostMatch
  readonly contributions: readonly Contribution[]
  readonly canaries: readonly Contribution[]
}

export type Hosts = {
  /** In order of their keys; the catch-all is always there, and first. */
  readonly hosts: readonly Host[]
  readonly served: readonly Ingress[]
  readonly issues: readonly Issue[]
}

type GrowingHost = Host & { readonly contributions: Contribution[]; readonly canaries: Contribution[] }

/** Depends on nothing but the options, the rules and the state's Ingresses and classes. */
export function hostsOf(state: ClusterState, options: Options, rules: ClassRules, memo: WeakMap<Ingress, IngressRoutes>): Hosts {
  const served = selectIngresses(state, options, rules)
  const issues: Issue[] = []
  const hosts = new Map<string, GrowingHost>()
  function hostOf(key: string, match: HostMatch): GrowingHost {
    const known = hosts.get(key)
    if (known !== undefined) return known
    const added = { key, match, contributions: [], canaries: [] }
    hosts.set(key, added)
    return added
  }

  const catchAll = hostOf('', { kind: 'any' })
  const canaries = new Map<string, GrowingHost>()
  for (const ingress of served) {
    const { hosts: ingressHosts, verdict, patches, issues: found } = routesOnce(ingress, memo)
    for (const each of found) issues.push(each)
    if (verdict === 'withhold') continue
    if (patches.upstream.canary?.isOn === true) {
      for (const [key, { host, routes, regexReach }] of ingressHosts) {
        const known = canaries.get(key) ?? { key, match: host, contributions: [], canaries: [] }
        canaries.set(key, known)
        known.canaries.push({ ingress, verdict, patches, routes, regexReach })
      }
      continue
    }
    for (const [key, { host, routes, regexReach }] of ingressHosts)
      hostOf(key, host).contributions.push({ ingress, verdict, patches, routes, regexReach })
    if (ingress.defaultBackend === undefined || ingressHosts.has('')) continue
    if (!options.disableCatchAll) catchAll.contributions.push({ ingress, verdict, patches, routes: [], regexReach: undefined })
    else if (ingressHosts.size === 0) issues.push(catchAllDisabled(ingress))
  }
  // A canary makes no host.
  for (const { key, match, canaries: joining } of canaries.values()) {
    const host = hosts.get(key)
    if (host === undefined) issues.push(...canariesWithoutHost(match, joining))
    else host.canaries.push(...joining)
  }
  return { hosts: [...hosts.values()].sort((a, b) => (a.key < b.key ? -1 : 1)), served, issues }
}

function catchAllDisabled(ingress: Ingress): Issue {
  return issue('catch-all-disabled', ingress, {
    field: 'spec.defaultBackend',
    message: 'would answer for every host, which --disable-catch-all forbids; nothing of this Ingress is served',
  })
}

function routesOnce(ingress: Ingress, memo: WeakMap<Ingress, IngressRoutes>): IngressRoutes {
  const known = memo.get(ingress)
  if (known !== undefined) return known
  const routes = routesOf(ingress)
  memo.set(ingress, routes)
  return routes
}
