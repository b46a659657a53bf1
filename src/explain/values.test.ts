import { describe, expect, test } from '@jest/globals'
import { explainValues } from './values.ts'
import { readValues } from './values-file.ts'
import type { ValueExplanation } from './values-schema.ts'

function explained(...texts: readonly string[]): readonly ValueExplanation[] {
  const files = readValues(texts.map((text, index) => ({ name: `${index + 1}.yaml`, text })))
  return explainValues({ name: 'values', files, flagFault: (flag, value) => (value === 'wrong' ? `${flag} is wrong` : undefined) }).values
}

/** `path verdict level: message` of each value of a JSON-like text. */
function told(text: string): readonly string[] {
  return explained(text).map(
    ({ path, verdict, level, message }) => `${path} ${verdict} ${level}${message === undefined ? '' : `: ${message}`}`,
  )
}

describe('a value', () => {
  test.each([
    ['that both charts have', 'controller: {replicaCount: 2}', 'controller.replicaCount same fine'],
    ['of our own', 'controller: {agentStatusPort: 1}', 'controller.agentStatusPort same fine'],
    [
      'whose type is another',
      'controller: {replicaCount: "2"}',
      'controller.replicaCount invalid blocked: expected number, received string; Helm refuses the file',
    ],
    [
      'that is none of a few',
      'controller: {kind: StatefulSet}',
      /^controller\.kind invalid blocked: expected one of "Deployment"\|"DaemonSet"; Helm/,
    ],
    [
      'with a text that is none',
      'controller: {podLabels: {a: true}}',
      'controller.podLabels invalid blocked: a: expected string, received boolean; Helm refuses the file',
    ],
    [
      'of one of two types',
      'controller: {minAvailable: []}',
      'controller.minAvailable invalid blocked: expected integer or string; Helm refuses the file',
    ],
    ['that has no meaning', 'controller: {hostname: {a: b}}', 'controller.hostname no-effect different: Pods have their own names.'],
    ['that has none yet', 'dhParam: abc', /^dhParam not-yet ignored: DHE/],
    ['that is refused', 'controller: {maxmindLicenseKey: abc}', /^controller\.maxmindLicenseKey refused ignored: GeoIP/],
    ['without a meaning that asks for nothing', 'controller: {keda: {enabled: false, minReplicas: 1}}', 'controller.keda default fine'],
    ['without a meaning that asks for something', 'controller: {keda: {enabled: true}}', /^controller\.keda not-yet ignored/],
    [
      'that means something else',
      'controller: {resources: {limits: {}}}',
      /^controller\.resources second different: they are those of the container nginx/,
    ],
    ['that would, and says nothing', 'controller: {resources: {}}', 'controller.resources same fine'],
    [
      'that nobody knows, with what may be meant',
      'controller: {replicacount: 2}',
      'controller.replicacount unknown blocked: is no value that is known, controller.replicaCount is; Helm refuses the file',
    ],
    [
      'that stands too far out',
      'hostNetwork: true',
      'hostNetwork unknown blocked: is no value that is known, controller.hostNetwork is; Helm refuses the file',
    ],
    [
      'that is written as --set has it',
      'controller.kind: Deployment',
      'controller.kind unknown blocked: is no value that is known; Helm refuses the file',
    ],
    ['that nobody knows at all', 'zzzzzzzz: 1', 'zzzzzzzz unknown blocked: is no value that is known; Helm refuses the file'],
    [
      'with the name of what every object has',
      'constructor: 1',
      'constructor unknown blocked: is no value that is known; Helm refuses the file',
    ],
    ['of a chart around', 'ingress-nginx: {controller: {}}', /^ingress-nginx invalid blocked: .*write it below nginx-ts$/],
    ['in place of a map', 'controller: 1', 'controller invalid blocked: is no map; Helm refuses the file'],
    [
      'that takes a map away',
      'controller: {service: }',
      /^controller\.service invalid blocked: is null, .* the chart fails; leave it out$/,
    ],
    ['that takes a default away', 'revisionHistoryLimit:', /^revisionHistoryLimit second different: is null/],
    ['whose entries are all commented out', 'tcp:', 'tcp same fine'],
    ['of everybody', 'global: {anything: {at: all}}', 'global same fine'],
  ])('%s', (_what, text, expected) => {
    expect(told(text)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)])
  })

  test('is not there where its map is empty', () => {
    expect(told('controller: {config: {}, service: {}}')).toEqual([])
  })
})

describe('a flag', () => {
  test.each([
    ['of ours', 'takeover: true', 'controller.extraArgs.takeover same fine'],
    [
      'of ours with a wrong value',
      'http-port: wrong',
      'controller.extraArgs.http-port invalid blocked: http-port is wrong; the container controller does not start',
    ],
    ['of ours with a template', 'http-port: "{{ .Values.port }}"', 'controller.extraArgs.http-port template fine'],
    ['of ingress-nginx', 'v: 2', /^controller\.extraArgs\.v no-effect different: see the option/],
    [
      'that nobody knows',
      'ingres-class: a',
      'controller.extraArgs.ingres-class unknown blocked: is no flag that is known, ingress-class is; Helm refuses the file',
    ],
    [
      'that is a list',
      'takeover: []',
      'controller.extraArgs.takeover invalid blocked: is no text, number or boolean; Helm refuses the file',
    ],
  ])('%s', (_what, flag, expected) => {
    expect(told(`controller: {extraArgs: {${flag}}}`)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)])
  })
})

describe('an option', () => {
  test.each([
    ['that is known', 'keep-alive-requests: 1000000', 'controller.config.keep-alive-requests same fine'],
    ['with a wrong value', 'proxy-read-timeout: 60s', /^controller\.config\.proxy-read-timeout invalid blocked: .*; its default holds$/],
    [
      'that nobody knows',
      'proxy-body-sizes: 1m',
      /^controller\.config\.proxy-body-sizes unknown ignored: .*proxy-body-size is; it has no effect$/,
    ],
    ['that is not there yet', 'custom-http-errors: "404"', /^controller\.config\.custom-http-errors not-yet ignored: has no effect yet/],
    ['that is not there yet, and protects', 'enable-modsecurity: true', /^controller\.config\.enable-modsecurity not-yet blocked: .*503/],
    ['that is refused', 'server-snippet: a', /^controller\.config\.server-snippet refused ignored/],
    ['without a meaning', 'lua-shared-dicts: a', /^controller\.config\.lua-shared-dicts no-effect different/],
    ['that asks for nothing', 'use-geoip2: false', 'controller.config.use-geoip2 default fine'],
    ['that is not safe', 'use-forwarded-headers: true', /^controller\.config\.use-forwarded-headers second different: proxy-real-ip-cidr/],
    ['with a template', 'proxy-body-size: "{{ .Values.size }}"', 'controller.config.proxy-body-size template fine'],
    [
      'that is null',
      'proxy-body-size:',
      'controller.config.proxy-body-size invalid blocked: is no text, number or boolean; Helm refuses the file',
    ],
  ])('%s', (_what, option, expected) => {
    expect(told(`controller:\n  config:\n    ${option}`)).toEqual([
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    ])
  })
})

describe('a TCP or UDP service', () => {
  test.each([
    ['tcp', '5432: "db/postgres:5432:PROXY"', 'tcp.5432 same fine'],
    ['udp', '53: "{{ .Release.Namespace }}/dns:53"', 'udp.53 template fine'],
    ['tcp', '99999: "db/postgres:1"', /^tcp\.99999 invalid blocked: .*the service is left out$/],
    ['tcp', 'http: "db/postgres:1"', /^tcp\.http invalid blocked: .*Helm refuses the file$/],
    ['tcp', '80: "postgres"', /^tcp\.80 invalid blocked: .*the service is left out$/],
    ['tcp', '80: 80', 'tcp.80 invalid blocked: is no text; Helm refuses the file'],
  ])('%s: {%s}', (protocol, entry, expected) => {
    expect(told(`${protocol}: {${entry}}`)).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)])
  })
})

describe("ingress-nginx's image", () => {
  test.each([
    'registry: registry.k8s.io, image: ingress-nginx/controller, tag: v1.11.3',
    'repository: registry.example.com/nginx-ingress-controller',
    'tag: v1.11.3, digest: "sha256:0"',
  ])('{%s} is passed over as a whole', (image) => {
    expect(told(`controller: {image: {pullPolicy: Always, ${image}}}`)).toEqual([
      'controller.image.pullPolicy same fine',
      "controller.image no-effect different: it names ingress-nginx's image. Ours runs in its place.",
    ])
  })

  test('in another name is not', () => {
    expect(told('controller: {image: {registry: a.test, tag: "1.2"}}')).toEqual([
      'controller.image.registry same fine',
      'controller.image.tag same fine',
    ])
  })
})

describe('YAML is read as Helm reads it', () => {
  test.each(['on', 'yes', 'True'])('%s is true', (word) => {
    expect(told(`rbac: {scope: ${word}}`)).toEqual(['rbac.scope same fine'])
  })

  test.each(['10:30', '2026-01-01', '1.11.3'])('%s is a text', (word) => {
    expect(told(`controller: {priorityClassName: ${word}}`)).toEqual(['controller.priorityClassName same fine'])
  })

  test('anchors stand for what they name, and maps are merged', () => {
    const text = 'controller: {service: {annotations: &a {b: c}, internal: {<<: {enabled: true}, annotations: *a}}}'
    expect(told(text)).toEqual([
      'controller.service.annotations same fine',
      'controller.service.internal.enabled same fine',
      'controller.service.internal.annotations same fine',
    ])
  })

  test('more aliases than files have are refused', () => {
    const ten = (name: string) => Array.from({ length: 10 }, () => name).join(', ')
    const bomb = [`a: &a [${ten('x')}]`, `b: &b [${ten('*a')}]`, `c: &c [${ten('*b')}]`, `d: [${ten('*c')}]`]
    expect(() => readValues([{ name: 'a.yaml', text: bomb.join('\n') }])).toThrow('alias')
  })

  test.each([
    ['[1]', 'a.yaml holds no values: it is not a map'],
    ['a: 1\nb: [', 'a.yaml:2: '],
    ['a: 1\n---\nb: 1', 'a.yaml:2: '],
  ])('%j is refused, and where', (text, words) => {
    expect(() => readValues([{ name: 'a.yaml', text }])).toThrow(words)
  })

  test('nothing, or comments alone, has no values', () => {
    expect([told(''), told('# nothing')]).toEqual([[], []])
  })
})

test('of two files the later one counts, and each value says where it stands', () => {
  const values = explained('controller:\n  kind: Deployment\n  replicaCount: 2\n', '\ncontroller:\n  replicaCount: two\n')
  expect(values.map(({ path, verdict, source }) => `${path} ${verdict} ${source}`)).toEqual([
    'controller.kind same 1.yaml:2',
    'controller.replicaCount invalid 2.yaml:3',
  ])
})

test('a name is harmless to terminals', () => {
  expect(explained('"a\\u001b[31m": 1')[0]?.path).toBe('a\\u001b[31m')
})
