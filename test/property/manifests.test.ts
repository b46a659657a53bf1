/** No file of manifests, whatever is in it, stops whoever reads it, and what is good in it is read. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Manifests, parseManifests } from '../../src/files/manifests.ts'
import { anyText, hostileText } from '../support/hostile.ts'

const RUNS = { numRuns: 500 }
const KINDS = [
  'Ingress',
  'IngressClass',
  'Service',
  'EndpointSlice',
  'Secret',
  'ConfigMap',
  'Namespace',
  'List',
  'Pod',
  '__proto__',
  'constructor',
  'toString',
]
const GOOD = 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: good\n'

function read(content: string): Manifests {
  const manifests = parseManifests(content, 'hostile.yaml')
  for (const { message, source } of manifests.issues) {
    expect(message.length).toBeLessThanOrEqual(256)
    expect(message).not.toMatch(/[\p{Cc}\p{Cs}]/u)
    expect(source?.line).toBeGreaterThanOrEqual(1)
  }
  return manifests
}

describe('nothing is thrown', () => {
  test('for any text', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText(), anyText(), fc.string({ unit: 'binary', maxLength: 500 })), (text) => void read(text)),
      RUNS,
    )
  })

  test('for any text that looks like YAML', () => {
    const word = fc.constantFrom(
      'kind: ',
      'List',
      'items:',
      '\n',
      '  ',
      '- ',
      '&a ',
      '*a',
      '{',
      '}',
      '[',
      ']',
      '---\n',
      '...',
      '? ',
      ': ',
      '!!binary ',
      '!x ',
      '|',
      '>',
      '"',
      "'",
      '<<: ',
      '%YAML 1.1\n',
      '\t',
      'metadata:',
      'name: a',
      '~',
      '.nan',
      '0o17',
      '#',
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => void read(words.join(''))),
      { numRuns: 1000 },
    )
  })

  test('for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => void read(Buffer.from(bytes).toString('utf8'))),
      RUNS,
    )
  })

  test('for any JSON value, alone or in the place of a part of an object', () => {
    const values = () => fc.oneof(fc.jsonValue(), hostileText())
    const object = fc.record(
      {
        apiVersion: fc.oneof(fc.constantFrom('v1', 'networking.k8s.io/v1', 'discovery.k8s.io/v1', 'extensions/v1beta1'), values()),
        kind: fc.oneof(fc.constantFrom(...KINDS), values()),
        metadata: fc.oneof(
          fc.record(
            { name: values(), namespace: values(), annotations: values(), labels: values(), creationTimestamp: values() },
            { requiredKeys: [] },
          ),
          values(),
        ),
        spec: fc.oneof(
          fc.record(
            { rules: values(), tls: fc.array(values()), ports: fc.array(values()), defaultBackend: values() },
            { requiredKeys: [] },
          ),
          values(),
        ),
        items: fc.oneof(fc.array(values()), values()),
        endpoints: fc.array(values()),
        data: fc.dictionary(hostileText(), values()),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(object, values()), (value) => void read(JSON.stringify(value))),
      RUNS,
    )
  })

  test.each([
    ['a list that holds itself', '&a\nkind: List\nitems:\n- *a\n- *a'],
    ['a list that holds itself by another', '&a\nkind: List\nitems: [{kind: List, items: [*a]}]'],
    [
      'a billion laughs',
      `a: &a [${'x,'.repeat(9)}]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: &d [${'*c,'.repeat(9)}]\ne: [${'*d,'.repeat(9)}]`,
    ],
    ['merge keys', `a: &a {k: 0}\nb: {<<: [${'*a,'.repeat(2000)}*a]}`],
    ['ten thousand open brackets', '['.repeat(10_000)],
    ['ten thousand nested lists', '{"kind":"List","items":['.repeat(10_000)],
  ])('for %s, and the next document is read', (_, text) => {
    const { objects, issues } = read(`${text}\n---\n${GOOD}`)
    expect(issues.map(({ code }) => code)).toContain('invalid-yaml')
    if (!text.endsWith('[')) expect(objects.map(({ object }) => object.name)).toEqual(['good'])
  })
})

describe('keys', () => {
  test('a hundred thousand in one map are read in no time that anybody would notice', () => {
    const data = Array.from({ length: 100_000 }, (_, index) => `  k${index}: v`).join('\n')
    const { objects, issues } = read(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large}\ndata:\n${data}`)
    expect(issues).toEqual([])
    expect(objects).toHaveLength(1)
  })

  test('one that stands twice in a map is told with its line', () => {
    const { objects, issues } = read(`apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {x: a}\n  name: b\n---\n${GOOD}`)
    expect(issues).toMatchObject([{ code: 'invalid-yaml', source: { document: 1, line: 6 } }])
    expect(issues[0]?.message).toContain('"name"')
    expect(objects.map(({ object }) => object.name)).toEqual(['good'])
  })

  test('with a meaning in JavaScript pollute nothing', () => {
    const { objects } = read(
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {__proto__: x, constructor: y}}\ndata: {__proto__: z}\n__proto__: {polluted: yes}',
    )
    expect(objects.map(({ object }) => object.name)).toEqual(['a'])
    expect(Object.getPrototypeOf(objects[0]?.object)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('that are hostile stand harmless in the field of an Issue', () => {
    const { issues } = read(
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations: { 'x\n\u001b[31m\u202e': 5 } } }),
    )
    expect(issues.map(({ field }) => field)).toEqual(['metadata.annotations.x\\u000a\\u001b[31m\\u202e'])
  })
})

test('texts stay texts and numbers numbers, as YAML 1.2 says', () => {
  const { objects } = read(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: no, namespace: "1"}\ndata: {a: on, b: "0o17", c: 1_0, d: 12:30}',
  )
  expect(objects[0]?.object).toMatchObject({ name: 'no', namespace: '1', data: { a: 'on', b: '0o17', c: '1_0', d: '12:30' } })
})
