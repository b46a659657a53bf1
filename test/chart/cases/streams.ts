/** Values of TCP and UDP services. */
import { type Cases, nested, sets } from './case.ts'

const ENTRY = { '5432': 'default/postgres:5432' }
const INTERNAL = nested('controller.service.internal', { enabled: true, annotations: { internal: 'yes' } })

/** What both protocols have. */
function casesOf(protocol: 'tcp' | 'udp'): Cases {
  const configMap = `ConfigMap nginx-ts-controller-${protocol}`
  const entry = { [protocol]: ENTRY }
  return {
    [protocol]: sets('Service nginx-ts-controller', `spec.ports.5432-${protocol}.targetPort`, ENTRY, { is: 5432 }),
    [`controller.${protocol}.configMapNamespace`]: sets(configMap, 'metadata.namespace', 'elsewhere', { with: entry }),
    [`controller.${protocol}.annotations`]: sets(configMap, 'metadata.annotations', { owner: 'platform' }, { with: entry }),
    [`controller.service.nodePorts.${protocol}`]: sets(
      'Service nginx-ts-controller',
      `spec.ports.5432-${protocol}.nodePort`,
      { '5432': 30432 },
      { is: 30432, with: entry },
    ),
    [`controller.service.internal.nodePorts.${protocol}`]: sets(
      'Service nginx-ts-controller-internal',
      `spec.ports.5432-${protocol}.nodePort`,
      { '5432': 30432 },
      { is: 30432, with: { ...INTERNAL, ...entry } },
    ),
  }
}

export const streamCases: Cases = {
  ...casesOf('tcp'),
  ...casesOf('udp'),
  portNamePrefix: sets('Service nginx-ts-controller', 'spec.ports.db-5432-tcp.port', 'db', { is: 5432, with: { tcp: ENTRY } }),
}
