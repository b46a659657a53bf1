/** TLS towards the backends of a location: the same terms for all, but each has a name of its own where none is given. */
import type { BackendTls } from '../model/backend-tls.ts'
import type { Backend } from '../model/model.ts'
import type { ServerName } from '../model/values.ts'

export type BackendTlsView = BackendTls & {
  /** Whether the name is a variable, which is set beside each choice of a backend. */
  readonly namesDiffer: boolean
}

/** Of all backends that a location may pass a request to; undefined where none of them has terms. */
export function backendTlsView(backends: readonly Backend[]): BackendTlsView | undefined {
  const [first, ...others] = backends.flatMap(({ tls }) => tls ?? [])
  return first && { ...first, namesDiffer: others.some(({ name }) => name !== first.name) }
}

/** What the variable is to say for this one. */
export function tlsNameOf({ tls }: Backend, view: BackendTlsView | undefined): ServerName | undefined {
  return view?.namesDiffer === true ? tls?.name : undefined
}
