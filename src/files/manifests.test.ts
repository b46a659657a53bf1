import { describe, expect, test } from '@jest/globals'
import { parseManifests } from './manifests.ts'

const CONFIG_MAP = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n'

/** What a file gives: the names of its objects, and where and why there are Issues. */
function read(content: string) {
  const { objects, issues } = parseManifests(content, 'file.yaml')
  return {
    names: objects.map(({ object }) => `${object.namespace}/${object.name}`),
    issues: issues.map(({ code, source, field }) => ({ code, document: source?.document, line: source?.line, field })),
    messages: issues.map(({ message }) => message),
  }
}

describe('what is read', () => {
  test('every document, with the line it begins at', () => {
    const { objects } = parseManifests(`# a comment\n---\n${CONFIG_MAP}---\n\n${CONFIG_MAP.replace('good', 'second')}`, 'file.yaml')
    expect(objects.map(({ object, source }) => [object.name, source])).toEqual([
      ['good', { file: 'file.yaml', document: 1, line: 3 }],
      ['second', { file: 'file.yaml', document: 2, line: 8 }],
    ])
  })

  test('JSON, a byte order mark, and lines that end as on Windows', () => {
    expect(read('{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "good"}}').names).toEqual(['default/good'])
    expect(read(`\ufeff${CONFIG_MAP}`).names).toEqual(['default/good'])
    expect(read(CONFIG_MAP.replaceAll('\n', '\r\n')).names).toEqual(['default/good'])
  })

  test('lists, and lists in lists', () => {
    const item = (name: string) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}}`
    expect(read(`{apiVersion: v1, kind: List, items: [${item('a')}, {kind: ConfigMapList, items: [${item('b')}]}]}`)).toEqual({
      names: ['default/a', 'default/b'],
      issues: [],
      messages: [],
    })
  })

  test('an object without a namespace is in default, one of a cluster-wide kind in none', () => {
    expect(read('apiVersion: v1\nkind: Secret\nmetadata: {name: a}').names).toEqual(['default/a'])
    expect(read('apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}').names).toEqual(['shop/a'])
    expect(read('apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: a, namespace: shop}').names).toEqual(['/a'])
  })

  test.each([
    ['another kind', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}'],
    ["another group's kind of the same name", 'apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}'],
    ['no kind', 'replicas: 3'],
    ['a kind that is a name in JavaScript', 'apiVersion: v1\nkind: constructor'],
    ['nothing', ''],
    ['blank lines', '\n \n'],
    ['a comment', '# nothing here'],
    ['empty documents', '---\n---\n# nothing\n---\n'],
    ['null', 'null'],
  ])('%s is passed over quietly', (_what, content) => {
    expect(read(content)).toEqual({ names: [], issues: [], messages: [] })
  })
})

describe('what is wrong costs only its document', () => {
  test.each([
    ['bad YAML', 'kind: Ingress\nspec: [', { code: 'invalid-yaml', line: 7 }],
    ['a tab for indentation', 'kind: Ingress\nmetadata:\n\tname: a', { code: 'invalid-yaml', line: 7 }],
    ['a key twice', 'kind: Ingress\nkind: Service', { code: 'invalid-yaml', line: 6 }],
    ['an unknown alias', 'kind: *nobody', { code: 'invalid-yaml', line: 5 }],
    ['a list', '- kind: Ingress', { code: 'invalid-object', line: 5 }],
    ['a word', 'kind', { code: 'invalid-object', line: 5 }],
    [
      'an annotation that is no string',
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a, annotations: {b: true}}',
      { code: 'invalid-object', line: 5, field: 'metadata.annotations.b' },
    ],
    [
      'rules that are no list',
      'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: {host: a.test}}',
      { code: 'invalid-object', line: 5, field: 'spec.rules' },
    ],
    [
      'a port that is no number',
      'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}, {port: "80"}]}',
      { code: 'invalid-object', line: 5, field: 'spec.ports[1].port' },
    ],
    ['no name', 'apiVersion: v1\nkind: Secret\nmetadata: {}', { code: 'invalid-object', line: 5, field: 'metadata.name' }],
    [
      'a version of long ago',
      'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}',
      { code: 'unsupported-version', line: 5, field: 'apiVersion' },
    ],
    ['no version', 'kind: Ingress\nmetadata: {name: a}', { code: 'unsupported-version', line: 5, field: 'apiVersion' }],
  ])('%s', (_what, document, { field, ...expected }: { code: string; line: number; field?: string }) => {
    const { names, issues } = read(`${CONFIG_MAP}---\n${document}\n---\n${CONFIG_MAP.replace('good', 'after')}`)
    expect(issues).toEqual([{ ...expected, document: 2, field }])
    expect(names).toEqual(['default/good', 'default/after'])
  })

  test('one item of a list costs only itself, and is named', () => {
    const { objects, issues } = parseManifests(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'good' } },
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bad' }, data: { a: 1 } },
        ],
      }),
      'file.json',
    )
    expect(objects.map(({ object }) => object.name)).toEqual(['good'])
    expect(issues).toMatchObject([
      { code: 'invalid-object', object: { kind: 'ConfigMap', namespace: 'default', name: 'bad' }, field: 'data.a' },
    ])
  })
})

describe('YAML that means harm', () => {
  /** Nine levels of nine aliases each would be 387 million words. */
  const bomb = Array.from({ length: 9 }, (_, level) => `l${level}: &l${level} [${Array(9).fill(level === 0 ? 'lol' : `*l${level - 1}`)}]`)

  test.each([
    ['aliases of aliases', `${bomb.join('\n')}\n${CONFIG_MAP}`],
    ['brackets without end', '['.repeat(100_000)],
    ['deep nesting', '- '.repeat(20_000)],
    ['a list that holds itself', 'apiVersion: v1\nkind: List\nitems: &a\n- {kind: List, items: *a}'],
  ])('%s is an Issue', (_what, content) => {
    expect(read(content)).toMatchObject({ names: [], issues: [{ code: 'invalid-yaml', document: 1 }] })
  })

  test('merge keys merge nothing', () => {
    const merging = `x: &x {kind: Secret, metadata: {name: merged}}\n<<: *x\n${CONFIG_MAP}`
    expect(read(merging).names).toEqual(['default/good'])
    expect(read('x: &x {name: merged}\napiVersion: v1\nkind: Secret\nmetadata: {<<: *x}').issues).toMatchObject([
      { field: 'metadata.name' },
    ])
  })

  test('keys with a meaning in JavaScript are keys', () => {
    const { objects } = parseManifests(`${CONFIG_MAP}data: {__proto__: a, constructor: b, toString: c}`, 'file.yaml')
    expect(objects[0]?.object).toMatchObject({ name: 'good' })
    expect(Object.getPrototypeOf(objects[0]?.object)).toBe(Object.prototype)
    expect(({} as Record<string, unknown>)['a']).toBeUndefined()
  })

  test("an Issue keeps a stranger's text to one line of 256 characters", () => {
    const { messages } = read(
      `apiVersion: "${'x'.repeat(1000)}\\n\\e[31m"\nkind: Ingress\nmetadata: {name: a}`.replace('x', 'extensions/x'),
    )
    expect(messages).toHaveLength(1)
    expect(messages[0]?.length).toBeLessThanOrEqual(256)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    expect(messages[0]).not.toMatch(/[\u0000-\u001f]/)
  })
})
