/** The Model less the TCP and UDP services whose ports NGINX cannot have: such a port would keep every change from going live. */
import { type Issue, issue } from '../model/issue.ts'
import type { Model } from '../model/model.ts'
import type { StreamProtocol, StreamService } from '../model/streams.ts'
import { AgentUnavailable, type NginxAgent } from './agent.ts'
import type { UnavailablePort } from './ports.ts'

export type Listenable = {
  readonly model: Model
  readonly unavailable: readonly UnavailablePort[]
  readonly issues: readonly Issue[]
  /** Why nothing is known of the ports, where there was no word from the agent. */
  readonly noWord: string | undefined
}

/** Asks whoever owns NGINX, where there is something to ask. */
export async function listenable(model: Model, ipv6: boolean, agent: Pick<NginxAgent, 'unavailablePorts'>): Promise<Listenable> {
  const { services } = model.streams
  const asItIs = { model, unavailable: [], issues: [], noWord: undefined }
  if (services.length === 0) return asItIs
  const portsOf = (wanted: StreamProtocol) => services.filter(({ protocol }) => protocol === wanted).map(({ port }) => port)
  try {
    const unavailable = await agent.unavailablePorts({ tcp: portsOf('tcp'), udp: portsOf('udp'), ipv6 })
    return unavailable.length === 0 ? asItIs : without(unavailable, model)
  } catch (error) {
    if (!(error instanceof AgentUnavailable)) throw error
    return { ...asItIs, noWord: error.message }
  }
}

function without(unavailable: readonly UnavailablePort[], model: Model): Listenable {
  const { services } = model.streams
  const reasons = new Map(unavailable.map((one) => [keyOf(one), one.reason]))
  return {
    model: { ...model, streams: { ...model.streams, services: services.filter((service) => !reasons.has(keyOf(service))) } },
    unavailable,
    noWord: undefined,
    issues: services.flatMap((service) => {
      const reason = reasons.get(keyOf(service))
      return reason === undefined ? [] : [unavailableIssue(service, reason)]
    }),
  }
}

function keyOf({ protocol, port }: { readonly protocol: StreamProtocol; readonly port: number }): string {
  return `${protocol} ${port}`
}

function unavailableIssue({ protocol, port, owner }: StreamService, reason: string): Issue {
  const object = { kind: 'ConfigMap', namespace: owner.namespace, name: owner.configMap }
  const message = `${protocol.toUpperCase()} port ${port} ${reason}; the service is left out until the port can be listened on`
  return issue('stream-port-unavailable', object, { field: `data.${port}`, message })
}
