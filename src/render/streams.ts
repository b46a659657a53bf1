/** TCP and UDP services → what the templates print of them. */
import type { Model, Upstream } from '../model/model.ts'
import type { StreamService } from '../model/streams.ts'
import { LISTEN_BACKLOG, listenFamilies, type RenderContext, zoneSizeOf } from './views.ts'

/** The `stream { }` of the root file, but for the services; undefined where there is none, so that only who uses it has it. */
export function streamRootView({ streams, http }: Model, context: RenderContext, file: string | undefined) {
  if (file === undefined) return undefined
  const { settings } = streams
  const hasNames = upstreamsOf(streams.services).some(resolves)
  return {
    file,
    module: context.capabilities.stream?.file,
    log: { path: settings.log.access ? context.accessLog : undefined, format: settings.log.format },
    connectTimeout: settings.connectTimeout,
    timeout: settings.timeout,
    nextUpstream: settings.nextUpstream,
    nextUpstreamTimeout: settings.nextUpstreamTimeout,
    nextUpstreamTries: settings.nextUpstreamTries,
    proxyProtocolTimeout: settings.proxyProtocolTimeout,
    resolver: hasNames ? { servers: context.nameServers, ipv6: context.ipv6 && http.upstream.resolvesIpv6 } : undefined,
  }
}

/** The file of the services and their upstreams. */
export function streamView({ streams, http }: Model, context: RenderContext) {
  const upstreams = upstreamsOf(streams.services)
  return {
    upstreams: upstreams.map(({ name, endpoints }) => ({
      name,
      endpoints: endpoints.map((endpoint) => ({ kind: endpoint.kind, address: endpoint })),
      leastConnections: http.upstream.method === 'least-conn',
    })),
    zoneSize: zoneSizeOf(upstreams),
    backlog: LISTEN_BACKLOG,
    realIpFrom: streams.settings.realIpFrom,
    responses: streams.settings.responses,
    services: streams.services.map((service) => serviceView(service, listenFamilies(http, context))),
  }
}

function serviceView({ protocol, port, upstream, proxyProtocol, service, owner }: StreamService, families: readonly string[]) {
  return {
    owner,
    isUdp: protocol === 'udp',
    listens: families.map((family) => `${family}${port}`),
    acceptsProxyProtocol: proxyProtocol.accepted,
    sendsProxyProtocol: proxyProtocol.sent,
    // As ingress-nginx calls it.
    logName: `${protocol}-${service.namespace}-${service.name}-${service.port}`,
    upstream: upstream.name,
  }
}

/** Each once, however many ports lead to it. */
function upstreamsOf(services: readonly StreamService[]): readonly Upstream[] {
  return [...new Map(services.map(({ upstream }) => [upstream.name, upstream])).values()]
}

function resolves({ endpoints }: Pick<Upstream, 'endpoints'>): boolean {
  return endpoints.some(({ kind }) => kind === 'name')
}
