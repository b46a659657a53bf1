/** Every value of the chart is documented, in the schema, and does something: its case renders it, and sees what it says. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { chart, chartValues, foreignFlags, foreignValues, ownFlags } from '../../scripts/chart-values.ts'
import { fieldOf, find, render, type Values } from '../support/chart.ts'
import { type Cases, merged, nested } from './cases/case.ts'
import { defaultBackendCases } from './cases/default-backend.ts'
import { metricsCases } from './cases/metrics.ts'
import { podCases } from './cases/pod.ts'
import { releaseCases } from './cases/release.ts'
import { serviceCases } from './cases/services.ts'

const cases: Cases = { ...releaseCases, ...podCases, ...serviceCases, ...metricsCases, ...defaultBackendCases }
const values = chartValues()

test('every value has a case', () => {
  expect(Object.keys(cases).toSorted()).toEqual(values.map(({ path }) => path).toSorted())
})

/** Most cases change the same release. */
const befores = new Map<string, ReturnType<typeof render>>()

function before(others: Values): ReturnType<typeof render> {
  const key = JSON.stringify(others)
  const rendering = befores.get(key) ?? render(others)
  befores.set(key, rendering)
  return rendering
}

test.each(Object.entries(cases))('%s takes effect', async (path, wanted) => {
  const [was, is] = [await before(wanted.with), await render(merged(wanted.with, nested(path, wanted.to)))].map((objects) =>
    find(objects, wanted.object),
  )
  if (wanted.kind === 'made') expect([was, is]).toEqual([undefined, expect.anything()])
  else if (wanted.kind === 'gone') expect([was, is]).toEqual([expect.anything(), undefined])
  else {
    expect(fieldOf(is, wanted.field)).toEqual(wanted.is)
    expect(fieldOf(was, wanted.field)).not.toEqual(wanted.is)
  }
})

test('the flags of ingress-nginx that have no meaning here are none of ours', () => {
  expect(Object.keys(foreignFlags).filter((flag) => ownFlags().includes(flag))).toEqual([])
})

test("what is said of ingress-nginx's values is one sentence or two, and says first what becomes of it", () => {
  const all = [...foreignValues.map(({ says }) => says), ...Object.values(foreignFlags)]
  expect(all.filter((says) => !/^(no effect|not yet|refused); .*\.$/.test(says))).toEqual([])
})

test('the chart is of the version that package.json says', async () => {
  const text = await readFile(join(chart, 'Chart.yaml'), 'utf8')
  const { version } = JSON.parse(await readFile(join(chart, '../../package.json'), 'utf8'))
  expect(text).toContain(`appVersion: "${version}"`)
})
