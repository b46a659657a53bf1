/** Every annotation feature is whole: a golden case, a live test of its own, valid examples; and no name is answered twice. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { scaffold } from '../scripts/new-annotation.ts'
import { project } from '../scripts/project.ts'
import { otherNames } from '../src/annotations/other-names.ts'
import { features } from '../src/annotations/registry.ts'

/** What ingress-nginx 1.15 has, had, or is believed to have: its documentation and source, and public manifests. */
const knownNames = readFileSync(join(project, 'test/fixtures/annotation-names.txt'), 'utf8').trim().split('\n')
const COUNT_OF_NAMES = 159

describe.each(Object.entries(features))('%s', (name, feature) => {
  const keys = Object.keys(feature.annotations)

  test('has a golden case with each of its annotations', () => {
    const folder = join(project, 'test/golden/annotations', name)
    const text = readFileSync(join(folder, 'in.yaml'), 'utf8')
    expect(existsSync(join(folder, 'out.conf'))).toBe(true)
    expect(keys.filter((key) => !text.includes(`/${key}:`))).toEqual([])
  })

  test('has a live test with each of its annotations', () => {
    const path = join(project, 'test/integration/annotations', `${name}.test.ts`)
    expect(existsSync(path)).toBe(true)
    expect(keys.filter((key) => !readFileSync(path, 'utf8').includes(key))).toEqual([])
  })

  test.each(keys)('%s takes its own example, and says what it does', (key) => {
    const spec = feature.annotations[key]
    expect(spec?.value.safeParse(spec.example)).toMatchObject({ success: true })
    expect(spec?.summary).toMatch(/^[A-Z].*\.$/)
    expect(spec?.summary).not.toContain('TODO')
  })
})

test('a new one comes with a file for each of these, and none is finished', () => {
  const files = [...scaffold('new-one', "it's")]
  expect(files.map(([path]) => path)).toEqual([
    'src/annotations/features/new-one.ts',
    'test/integration/annotations/new-one.test.ts',
    'test/golden/annotations/new-one/in.yaml',
  ])
  for (const [path, text] of files.slice(0, 2)) expect(`${path}: ${text}`).toContain('TODO')
  for (const [, text] of files) expect(text).toMatch(/"it's"|'it\\'s'/)
})

test('every name has one answer, and a line of the reference page', () => {
  const inFeatures = Object.values(features).flatMap(({ annotations }) => Object.keys(annotations))
  expect(new Set(inFeatures).size).toBe(inFeatures.length)
  expect(inFeatures.filter((name) => Object.hasOwn(otherNames, name))).toEqual([])
  const answered = new Set([...inFeatures, ...Object.keys(otherNames)])
  expect(new Set(knownNames).size).toBe(COUNT_OF_NAMES)
  expect(knownNames.filter((name) => !answered.has(name))).toEqual([])
  const page = readFileSync(join(project, 'docs/reference/annotations.md'), 'utf8')
  expect([...answered].filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([])
})

test('how many names have which verdict', () => {
  const works = Object.values(features).flatMap(({ annotations }) =>
    Object.entries(annotations).map(([name, { ingressNginx }]) => [name, ingressNginx === 'same' ? 'same' : ingressNginx.verdict] as const),
  )
  const others = Object.entries(otherNames).map(([name, { verdict }]) => [name, verdict] as const)
  const verdicts = new Map<string, string>([...works, ...others])
  const count = (names: Iterable<string>) => {
    const groups = Object.groupBy(names, (name) => verdicts.get(name) ?? 'none')
    return Object.entries(groups).map(([verdict, group]) => `${verdict} ${group?.length}`)
  }
  process.stderr.write(`annotations: ${COUNT_OF_NAMES} names of ingress-nginx: ${count(knownNames).join(', ')}\n`)
  const own = [...verdicts.keys()].filter((name) => !knownNames.includes(name))
  if (own.length > 0) process.stderr.write(`annotations: ${own.length} more: ${count(own).join(', ')}\n`)
  expect(count(knownNames).join()).not.toContain('none')
})
