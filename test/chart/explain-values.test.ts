/** What `explain --values` says of a values file, and what Helm and the chart's notes do, is the same. */
import { expect, test } from '@jest/globals'
import { chartValues, foreignFlags, foreignValues, knownValues } from '../../scripts/chart-values.ts'
import { explainValues } from '../../src/explain/values.ts'
import { readValues } from '../../src/explain/values-file.ts'
import type { ValueExplanation } from '../../src/explain/values-schema.ts'
import { ciValues, newestHelm, notes, RELEASE, render, type Values } from '../support/chart.ts'
import { merged, nested } from './cases/case.ts'

const ci = await ciValues()

function explained(values: Values): readonly ValueExplanation[] {
  const files = readValues([{ name: 'values.yaml', text: JSON.stringify(values) }])
  return explainValues({ name: 'values.yaml', files, flagFault: () => undefined }).values
}

const somethingOf = (paths: readonly string[]) => paths.map((path) => nested(path, 'something')).reduce(merged)

test.each([
  ...ci,
  ['every value of ingress-nginx without a meaning', somethingOf(foreignValues.map(({ path }) => path))],
  ['every flag', somethingOf(Object.keys(foreignFlags).map((flag) => `controller.extraArgs.${flag}`))],
] as readonly (readonly [string, Values])[])('%s: what the notes list has no meaning to explain either', async (_name, values) => {
  const listed = [...(await notes(values)).matchAll(/^- ([^ :]+): /gm)].map(([, path]) => path)
  const options = /^controller\.config\./
  const told = explained(values).filter(({ verdict, path }) => ['no-effect', 'not-yet', 'refused'].includes(verdict) && !options.test(path))
  expect(told.map(({ path }) => path).toSorted()).toEqual(listed.toSorted())
})

test.each([
  ['controler', { replicaCount: 2 }],
  ['controller.replicas', 2],
  ['controller.replicaCount', '2'],
  ['controller.replicaCount', 2.5],
  ['controller.replicaCount', -1],
  ['controller.kind', 'StatefulSet'],
  ['controller.podAnnotations', { scrape: true }],
  ['controller.minAvailable', []],
  ['controller.electionTTL', '30x'],
  ['controller.service', 'none'],
  ['controller.service.ipFamilies', ['IPv5']],
  ['controller.service.internal.ports', { htp: 80 }],
  ['controller.config', { 'keep-alive': [75] }],
  ['controller.extraArgs', { 'ingres-class': 'nginx' }],
  ['controller.extraArgs', { takeover: ['true'] }],
  ['tcp', { http: 'a/b:80' }],
  ['tcp', { 80: 80 }],
  ['portNamePrefix', 'longer'],
  ['global', 'text'],
])('%s: %j is refused by Helm, as is told', async (path, value) => {
  expect(explained(nested(path, value)).filter(({ message }) => message?.includes('Helm refuses the file'))).toHaveLength(1)
  await expect(render(nested(path, value), RELEASE, newestHelm())).rejects.toThrow('schema')
})

test.each(ci)('%s: nothing is said to be refused that Helm takes', (_name, values) => {
  expect(explained(values).filter(({ level }) => level === 'blocked')).toEqual([])
})

test('the defaults of every value are values that it takes', () => {
  const all = chartValues()
    .map(({ path, default: value }) => nested(path, value))
    .reduce(merged)
  expect(explained(all).filter(({ level }) => level === 'blocked' || level === 'ignored')).toEqual([])
})

test('what wants a second look is a value of the chart', () => {
  const { values, differing } = knownValues()
  expect(Object.keys(differing).filter((path) => !Object.hasOwn(values, path))).toEqual([])
})
