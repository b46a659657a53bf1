/** Values of metrics. */
import type { Values } from '../../support/chart.ts'
import { type Cases, drops, makes, merged, nested, sets } from './case.ts'

const SERVICE = 'Service nginx-ts-controller-metrics'
const SERVICE_MONITOR = 'ServiceMonitor nginx-ts-controller'
const POD_MONITOR = 'PodMonitor nginx-ts-controller'
const CONTROLLER = 'spec.template.spec.containers.controller'
const METRICS = nested('controller.metrics.enabled', true)
const BALANCED = merged(METRICS, nested('controller.metrics.service.type', 'LoadBalancer'))
const RULES = [{ action: 'labeldrop', regex: 'pod' }]

/** What both monitors have. `endpoint`: where the object says how to scrape. */
function casesOf(object: string, at: string, endpoint: string): Cases {
  const scraped: { readonly with: Values } = { with: merged(METRICS, nested(`${at}.enabled`, true)) }
  return {
    [`${at}.enabled`]: makes(object, true, METRICS),
    [`${at}.additionalLabels`]: sets(object, 'metadata.labels.release', { release: 'prometheus' }, { is: 'prometheus', ...scraped }),
    [`${at}.annotations`]: sets(object, 'metadata.annotations', { owner: 'platform' }, scraped),
    [`${at}.namespace`]: sets(object, 'metadata.namespace', 'monitoring', scraped),
    [`${at}.namespaceSelector`]: sets(object, 'spec.namespaceSelector', { any: true }, scraped),
    [`${at}.jobLabel`]: sets(object, 'spec.jobLabel', 'team', scraped),
    [`${at}.scrapeInterval`]: sets(object, `${endpoint}.interval`, '15s', scraped),
    [`${at}.scrapeTimeout`]: sets(object, `${endpoint}.scrapeTimeout`, '5s', scraped),
    [`${at}.honorLabels`]: sets(object, `${endpoint}.honorLabels`, false, scraped),
    [`${at}.relabelings`]: sets(object, `${endpoint}.relabelings`, RULES, scraped),
    [`${at}.metricRelabelings`]: sets(object, `${endpoint}.metricRelabelings`, RULES, scraped),
    [`${at}.labelLimit`]: sets(object, 'spec.labelLimit', 40, scraped),
    [`${at}.labelNameLengthLimit`]: sets(object, 'spec.labelNameLengthLimit', 40, scraped),
    [`${at}.labelValueLengthLimit`]: sets(object, 'spec.labelValueLengthLimit', 40, scraped),
    [`${at}.sampleLimit`]: sets(object, 'spec.sampleLimit', 2000000, scraped),
    [`${at}.targetLimit`]: sets(object, 'spec.targetLimit', 40, scraped),
  }
}

export const metricsCases: Cases = {
  'controller.metrics.enabled': makes(SERVICE, true),
  'controller.metrics.port': sets('Deployment nginx-ts-controller', `${CONTROLLER}.readinessProbe.httpGet.port`, 10354),
  'controller.metrics.portName': sets('Deployment nginx-ts-controller', `${CONTROLLER}.ports.0.name`, 'http-metrics', { with: METRICS }),
  'controller.metrics.service.enabled': drops(SERVICE, false, METRICS),
  'controller.metrics.service.annotations': sets(SERVICE, 'metadata.annotations', { owner: 'platform' }, { with: METRICS }),
  'controller.metrics.service.labels': sets(SERVICE, 'metadata.labels.tier', { tier: 'edge' }, { is: 'edge', with: METRICS }),
  'controller.metrics.service.clusterIP': sets(SERVICE, 'spec.clusterIP', 'None', { with: METRICS }),
  'controller.metrics.service.externalIPs': sets(SERVICE, 'spec.externalIPs', ['192.0.2.7'], { with: METRICS }),
  'controller.metrics.service.loadBalancerIP': sets(SERVICE, 'spec.loadBalancerIP', '192.0.2.7', { with: BALANCED }),
  'controller.metrics.service.loadBalancerSourceRanges': sets(SERVICE, 'spec.loadBalancerSourceRanges', ['192.0.2.0/24'], {
    with: BALANCED,
  }),
  'controller.metrics.service.servicePort': sets(SERVICE, 'spec.ports.metrics.port', 9113, { with: METRICS }),
  'controller.metrics.service.type': sets(SERVICE, 'spec.type', 'NodePort', { with: METRICS }),
  'controller.metrics.service.externalTrafficPolicy': sets(SERVICE, 'spec.externalTrafficPolicy', 'Local', { with: BALANCED }),
  'controller.metrics.service.nodePort': sets(SERVICE, 'spec.ports.metrics.nodePort', 30254, { with: BALANCED }),
  ...casesOf(SERVICE_MONITOR, 'controller.metrics.serviceMonitor', 'spec.endpoints.0'),
  'controller.metrics.serviceMonitor.targetLabels': sets(SERVICE_MONITOR, 'spec.targetLabels', ['team'], {
    with: merged(METRICS, nested('controller.metrics.serviceMonitor.enabled', true)),
  }),
  ...casesOf(POD_MONITOR, 'controller.metrics.podMonitor', 'spec.podMetricsEndpoints.0'),
  'controller.metrics.podMonitor.podTargetLabels': sets(POD_MONITOR, 'spec.podTargetLabels', ['team'], {
    with: merged(METRICS, nested('controller.metrics.podMonitor.enabled', true)),
  }),
}
