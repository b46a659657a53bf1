/** Values of the Services that traffic comes through. */
import type { Values } from '../../support/chart.ts'
import { type Cases, drops, makes, merged, nested, sets } from './case.ts'

const EXTERNAL = 'Service nginx-ts-controller'
const INTERNAL = 'Service nginx-ts-controller-internal'
const ANNOTATED = nested('controller.service.internal', { enabled: true, annotations: { internal: 'yes' } })

/** What both Services have, below their own values. `others`: values without which the Service is not there. */
function casesOf(object: string, at: string, others: Values): Cases {
  const when = (values: Values) => ({ with: merged(others, nested(at, values)) })
  const always = { with: others }
  return {
    [`${at}.type`]: sets(object, 'spec.type', 'NodePort', always),
    [`${at}.clusterIP`]: sets(object, 'spec.clusterIP', '10.96.0.40', always),
    [`${at}.clusterIPs`]: sets(object, 'spec.clusterIPs', ['10.96.0.40'], always),
    [`${at}.externalIPs`]: sets(object, 'spec.externalIPs', ['192.0.2.7'], always),
    [`${at}.loadBalancerIP`]: sets(object, 'spec.loadBalancerIP', '192.0.2.7', always),
    [`${at}.loadBalancerSourceRanges`]: sets(object, 'spec.loadBalancerSourceRanges', ['192.0.2.0/24'], always),
    [`${at}.loadBalancerClass`]: sets(object, 'spec.loadBalancerClass', 'example.test/lb', always),
    [`${at}.allocateLoadBalancerNodePorts`]: sets(object, 'spec.allocateLoadBalancerNodePorts', false, always),
    [`${at}.externalTrafficPolicy`]: sets(object, 'spec.externalTrafficPolicy', 'Local', always),
    [`${at}.sessionAffinity`]: sets(object, 'spec.sessionAffinity', 'ClientIP', always),
    [`${at}.healthCheckNodePort`]: sets(object, 'spec.healthCheckNodePort', 32000, when({ externalTrafficPolicy: 'Local' })),
    [`${at}.trafficDistribution`]: sets(object, 'spec.trafficDistribution', 'PreferClose', always),
    [`${at}.ipFamilyPolicy`]: sets(object, 'spec.ipFamilyPolicy', 'PreferDualStack', always),
    [`${at}.ipFamilies`]: sets(object, 'spec.ipFamilies', ['IPv6', 'IPv4'], always),
    [`${at}.appProtocol`]: sets(object, 'spec.ports.https.appProtocol', false, { is: undefined, ...always }),
    [`${at}.nodePorts.http`]: sets(object, 'spec.ports.http.nodePort', 30080, always),
    [`${at}.nodePorts.https`]: sets(object, 'spec.ports.https.nodePort', '30443', { is: 30443, ...always }),
  }
}

export const serviceCases: Cases = {
  ...casesOf(EXTERNAL, 'controller.service', {}),
  ...casesOf(INTERNAL, 'controller.service.internal', ANNOTATED),
  'controller.service.enabled': drops(EXTERNAL, false),
  'controller.service.external.enabled': drops(EXTERNAL, false),
  'controller.service.external.labels': sets(EXTERNAL, 'metadata.labels.tier', { tier: 'edge' }, { is: 'edge' }),
  'controller.service.annotations': sets(EXTERNAL, 'metadata.annotations', { owner: 'platform' }),
  'controller.service.labels': sets(INTERNAL, 'metadata.labels.tier', { tier: 'edge' }, { is: 'edge', with: ANNOTATED }),
  'controller.service.enableHttp': sets(EXTERNAL, 'spec.ports.http', false, { is: undefined }),
  'controller.service.enableHttps': sets(EXTERNAL, 'spec.ports.https', false, { is: undefined }),
  'controller.service.ports.http': sets(EXTERNAL, 'spec.ports.http.port', 8000),
  'controller.service.ports.https': sets(EXTERNAL, 'spec.ports.https.port', 8443),
  'controller.service.targetPorts.http': sets(EXTERNAL, 'spec.ports.http.targetPort', 9000),
  'controller.service.targetPorts.https': sets(EXTERNAL, 'spec.ports.https.targetPort', 'http'),
  'controller.service.internal.enabled': makes(INTERNAL, true, nested('controller.service.internal.annotations', { internal: 'yes' })),
  'controller.service.internal.annotations': makes(INTERNAL, { internal: 'yes' }, nested('controller.service.internal.enabled', true)),
  'controller.service.internal.labels': sets(INTERNAL, 'metadata.labels.tier', { tier: 'inner' }, { is: 'inner', with: ANNOTATED }),
  'controller.service.internal.ports': sets(INTERNAL, 'spec.ports.https.port', { https: 8443 }, { is: 8443, with: ANNOTATED }),
  'controller.service.internal.targetPorts': sets(
    INTERNAL,
    'spec.ports.https.targetPort',
    { https: 'http' },
    { is: 'http', with: ANNOTATED },
  ),
}
