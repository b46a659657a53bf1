/** The other name of a host, with or without www. in front, which redirects to it. */
import { spelledUnder } from '../annotations/prefixes.ts'
import type { Ingress } from '../cluster/objects.ts'
import { type Issue, issue } from '../model/issue.ts'
import { describeHost, type HostMatch, hostKey, type KeyPair, type Server } from '../model/model.ts'
import type { RedirectStatus } from '../model/redirect.ts'
import { parseServerName, type UriPath } from '../model/values.ts'
import type { Options } from '../options.ts'
import type { Lookup } from './lookup.ts'
import { ownerOf } from './routes.ts'
import type { Contribution } from './server.ts'
import { keyPairCovering } from './tls.ts'

/** A server that redirects, and the Ingress that asks for it. */
export type WwwServer = { readonly server: Server; readonly keyPair: KeyPair | undefined; readonly ingress: Ingress }

const WWW = 'www.'

/** The server of the other name; it shows a certificate of the Ingress that is made out for it, or else the default one. */
export function wwwServerOf(
  host: HostMatch,
  asking: Contribution | undefined,
  lookup: Lookup,
  options: Options,
  issues: Issue[],
): WwwServer | undefined {
  if (asking === undefined) return undefined
  const { ingress } = asking
  if (host.kind !== 'exact') {
    issues.push(notPossible(ingress, `${describeHost(host)} is no single name; nothing is redirected to it`))
    return undefined
  }
  const name = parseServerName(host.name.startsWith(WWW) ? host.name.slice(WWW.length) : `${WWW}${host.name}`)
  if (!name.ok) {
    issues.push(notPossible(ingress, `the other name of ${host.name} ${name.reason}; nothing is redirected`))
    return undefined
  }
  const other: HostMatch = { kind: 'exact', name: name.value }
  const keyPair = keyPairCovering(other, ingress, lookup)
  const server: Server = {
    host: other,
    locations: [
      {
        match: { kind: 'prefix', path: '/' as UriPath },
        owner: ownerOf(ingress),
        redirectToHttps: false,
        settings: {},
        action: { kind: 'redirect', status: options.httpRedirectCode as RedirectStatus, to: { kind: 'host', host: host.name } },
      },
    ],
    tls: keyPair && { keyPair: keyPair.name },
    owners: [{ kind: 'Ingress', namespace: ingress.namespace, name: ingress.name }],
  }
  return { server, keyPair, ingress }
}

/** Those whose name has no server yet; `isTaken` is asked by host key. */
export function wwwServersAmong(
  wanted: readonly (WwwServer | undefined)[],
  isTaken: (hostKey: string) => boolean,
  issues: Issue[],
): readonly WwwServer[] {
  const servers = new Map<string, WwwServer>()
  for (const www of wanted) {
    if (www === undefined) continue
    const key = hostKey(www.server.host)
    if (isTaken(key)) issues.push(notPossible(www.ingress, `${key} has rules of its own, which are served; it is not redirected`))
    else if (servers.has(key)) issues.push(notPossible(www.ingress, `${key} is redirected to another host already`))
    else servers.set(key, www)
  }
  return [...servers.values()]
}

function notPossible(ingress: Ingress, message: string): Issue {
  return issue('www-redirect-not-possible', ingress, { annotation: spelledUnder(ingress.annotations, 'from-to-www-redirect'), message })
}
