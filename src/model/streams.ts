/** TCP and UDP services: bytes that are passed on without a look into them. */
import type { StreamLogFormat } from './log-format.ts'
import type { Upstream } from './model.ts'
import type { Cidr, ObjectName, PortNumber } from './values.ts'

export type StreamProtocol = 'tcp' | 'udp'

export type Streams = {
  readonly settings: StreamSettings
  /** By protocol and port, of which each stands here once. */
  readonly services: readonly StreamService[]
}

/** One port that is listened on, and where its connections or datagrams go. */
export type StreamService = {
  readonly protocol: StreamProtocol
  readonly port: PortNumber
  readonly upstream: Upstream
  /** The PROXY protocol: whether clients speak it, and whether endpoints are spoken to in it. */
  readonly proxyProtocol: { readonly accepted: boolean; readonly sent: boolean }
  /** Names the backend in logs; `port` is what the entry called it. */
  readonly service: { readonly namespace: ObjectName; readonly name: ObjectName; readonly port: string }
  /** The ConfigMap that says so, under the port as the key. */
  readonly owner: { readonly namespace: ObjectName; readonly configMap: ObjectName }
}

/** What holds for all of them. Times are in seconds. */
export type StreamSettings = {
  readonly connectTimeout: number
  /** Longest silence in both directions. */
  readonly timeout: number
  /** Whether a connection that an endpoint does not take goes to the next. */
  readonly nextUpstream: boolean
  /** 0 for no limit, as with the tries. */
  readonly nextUpstreamTimeout: number
  readonly nextUpstreamTries: number
  /** Datagrams that end a session of UDP. */
  readonly responses: number
  /** Longest time that a header of the PROXY protocol takes. */
  readonly proxyProtocolTimeout: number
  /** Peers whose headers are believed. */
  readonly realIpFrom: readonly Cidr[]
  readonly log: { readonly format: StreamLogFormat; readonly access: boolean }
}
