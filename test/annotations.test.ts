/** Every annotation feature is whole: a golden case, a live test of its own, valid examples; and no name is answered twice. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { project } from '../scripts/project.ts'
import { otherNames } from '../src/annotations/other-names.ts'
import { features } from '../src/annotations/registry.ts'

/** ingress-nginx 1.15 has, or had, or people write by mistake, so many names: its documentation and source, and public manifests. */
const KNOWN_NAMES = 159

describe.each(Object.entries(features))('%s', (name, feature) => {
  const keys = Object.keys(feature.annotations)

  test('has a golden case with each of its annotations', () => {
    const text = readFileSync(join(project, 'test/golden/annotations', name, 'in.yaml'), 'utf8')
    expect(keys.filter((key) => !text.includes(`/${key}:`))).toEqual([])
  })

  test('has a live test with each of its annotations', () => {
    const path = join(project, 'test/integration/annotations', `${name}.test.ts`)
    expect(existsSync(path)).toBe(true)
    expect(keys.filter((key) => !readFileSync(path, 'utf8').includes(key))).toEqual([])
  })

  test.each(keys)('%s takes its own example', (key) => {
    const spec = feature.annotations[key]
    expect(spec?.value.safeParse(spec.example)).toMatchObject({ success: true })
  })
})

test('every name has one answer', () => {
  const inFeatures = Object.values(features).flatMap(({ annotations }) => Object.keys(annotations))
  expect(new Set(inFeatures).size).toBe(inFeatures.length)
  expect(inFeatures.filter((name) => Object.hasOwn(otherNames, name))).toEqual([])
  const count = inFeatures.length + Object.keys(otherNames).length
  const verdicts = Object.groupBy(
    Object.values(features).flatMap(({ annotations }) => Object.values(annotations)),
    ({ ingressNginx }) => (ingressNginx === 'same' ? 'same' : ingressNginx.verdict),
  )
  const others = Object.groupBy(Object.values(otherNames), ({ verdict }) => verdict)
  const counts = Object.entries({ ...verdicts, ...others }).map(([verdict, entries]) => `${verdict} ${entries?.length}`)
  process.stderr.write(`annotations: ${count} names; ${counts.join(', ')}\n`)
  expect(count).toBeGreaterThanOrEqual(KNOWN_NAMES)
})
