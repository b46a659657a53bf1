/** What is said of a request's origin, and by which variables: the connection's, or those of a proxy that is believed. */
import type { HttpSettings } from '../model/http-settings.ts'

/** The variables that headers to a backend are made of, and the aliases that must not pass beside them. */
export type ForwardedView = {
  readonly for: string
  readonly host: string
  readonly port: string
  readonly proto: string
  /** What the client sent as the header that names its address. */
  readonly original: string
  readonly aliases: readonly string[]
}

/** The headers of a request that are ours to set or to clear. A dash may be an underscore to a backend. */
export const OWN_HEADERS = [
  ...['X-Request-ID', 'X-Real-IP', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Forwarded-Proto'],
  ...['X-Forwarded-Scheme', 'X-Scheme', 'X-Original-Forwarded-For', 'X-Original-Forwarded-Host', 'X-Forwarded-Prefix'],
  ...['X-Forwarded-Server', 'X-Forwarded-Ssl', 'X-Original-URL', 'X-Rewrite-URL'],
  ...['Ssl-Client-Cert', 'Ssl-Client-Verify', 'Ssl-Client-Subject-Dn', 'Ssl-Client-Issuer-Dn'],
]

/** By which variables a backend is told. */
export function forwardedView({ client, forwarding }: HttpSettings): ForwardedView {
  const believes = forwarding.trustsForwarded
  return {
    for: believes && (forwarding.fullForwardedFor || forwarding.proxyProtocol) ? '$forwarded_for' : '$remote_addr',
    host: believes ? '$forwarded_host' : '$backend_host',
    port: believes ? '$forwarded_port' : '$public_port',
    proto: believes ? '$forwarded_proto' : connectionScheme(forwarding.proxyProtocol),
    original: `$http_${(forwarding.realIp?.header ?? 'x-forwarded-for').toLowerCase().replaceAll('-', '_')}`,
    aliases: client.underscoresInHeaders ? OWN_HEADERS.flatMap(aliasesOf) : [],
  }
}

/** What the root file says of it. */
export function forwardingView(http: HttpSettings) {
  const { proxyProtocol, realIp, trustsForwarded, fullForwardedFor } = http.forwarding
  return {
    forwarded: forwardedView(http),
    proxyProtocol,
    connectionScheme: connectionScheme(proxyProtocol),
    realIp: realIp && { header: proxyProtocol ? 'proxy_protocol' : realIp.header, from: realIp.from },
    believed:
      realIp && trustsForwarded
        ? {
            networks: realIp.from,
            // A peer that is not believed cannot lend itself another address by the PROXY protocol: realip keeps its own.
            peer: proxyProtocol ? '$remote_addr' : '$realip_remote_addr',
            full: fullForwardedFor,
          }
        : undefined,
  }
}

function connectionScheme(proxyProtocol: boolean): string {
  return proxyProtocol ? '$connection_scheme' : '$scheme'
}

/** All ways to write a name with at least one dash as an underscore. */
export function aliasesOf(name: string): readonly string[] {
  const [first = '', ...rest] = name.split('-')
  const spelled = rest.reduce<readonly string[]>((heads, part) => heads.flatMap((head) => [`${head}-${part}`, `${head}_${part}`]), [first])
  return spelled.filter((alias) => alias !== name)
}
