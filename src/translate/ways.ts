/** The ways to one backend: one, or two where it is spoken to as the client speaks to us. */
import type { IngressBackend } from '../cluster/objects.ts'
import type { Upstream } from '../model/model.ts'
import { type Asker, type BackendOptions, type ResolvedBackend, resolveBackend } from './backends.ts'
import type { BackendRules } from './endpoints.ts'
import type { Lookup } from './lookup.ts'

/** What a Service comes to, with the upstreams of all ways to it. */
export type ResolvedWays = Pick<ResolvedBackend, 'action' | 'issues'> & { readonly upstreams: readonly Upstream[] }

/** Finds the Service; what is wrong with it is told once, however many ways lead there. */
export function resolveWays(
  backend: IngressBackend,
  asker: Asker,
  lookup: Lookup,
  options: BackendOptions,
  rules: BackendRules,
): ResolvedWays {
  const resolve = (way: Pick<Asker, 'backend' | 'tls'>) => resolveBackend(backend, { ...asker, ...way }, lookup, options, rules)
  if (asker.backend?.protocol !== 'as-client') {
    const { upstream, ...resolved } = resolve({})
    return { ...resolved, upstreams: upstream === undefined ? [] : [upstream] }
  }
  const plain = resolve({ backend: { ...asker.backend, protocol: 'http' }, tls: undefined })
  const overTls = resolve({ backend: { ...asker.backend, protocol: 'https' } })
  return {
    action:
      plain.action.kind === 'proxy' && overTls.action.kind === 'proxy'
        ? { ...plain.action, backendOverTls: overTls.action.backend }
        : plain.action,
    upstreams: [plain, overTls].flatMap(({ upstream }) => upstream ?? []),
    issues: plain.issues,
  }
}
