/** TLS towards a backend: who we say we are, and whom we believe. */
import type { BackendCipher, TlsProtocol } from './tls-settings.ts'
import type { GeneratedName, ServerName } from './values.ts'

export type BackendTls = {
  /** File of the certificate and key that are shown to the backend; undefined for none. */
  readonly keyPair: GeneratedName | undefined
  /** File of the authorities that must have signed the backend's certificate; undefined where nobody looks. */
  readonly authorities: GeneratedName | undefined
  /** Intermediate certificates that may stand between, where somebody looks. */
  readonly depth: number
  /** What the backend's certificate must be made out for, and what is sent where a name is; undefined for NGINX's own. */
  readonly name: ServerName | undefined
  /** Whether the name is sent (SNI). */
  readonly sendsName: boolean
  /** Undefined for those that every backend is offered. */
  readonly protocols: readonly TlsProtocol[] | undefined
  /** Undefined for NGINX's own. */
  readonly ciphers: readonly BackendCipher[] | undefined
}
