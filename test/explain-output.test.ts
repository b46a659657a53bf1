/**
 * What a person reads of an explanation: three Ingresses, and three thousand. After a change that is meant,
 * UPDATE_GOLDEN=1 writes the files of test/fixtures/explain anew, for a review to read.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { project } from '../scripts/project.ts'
import { objectKinds } from '../src/cluster/objects.ts'
import { createStore } from '../src/cluster/state.ts'
import { printMarkdown } from '../src/explain/markdown.ts'
import type { Explanation } from '../src/explain/schema.ts'
import { printText } from '../src/explain/text.ts'
import { explainValues } from '../src/explain/values.ts'
import { readValues } from '../src/explain/values-file.ts'
import { printValuesMarkdown, printValuesText } from '../src/explain/values-print.ts'
import { explainObjects, explainState, explainText } from './support/explain.ts'
import { ingress } from './support/objects.ts'

const folder = join(project, 'test/fixtures/explain')
const three = explainText(readFileSync(join(folder, 'three.yaml'), 'utf8'))
const SETTINGS = { width: 100, colour: false, verbose: false }

function expectGolden(file: string, printed: string): void {
  const path = join(folder, file)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, `${printed}\n`)
  expect(`${printed}\n`).toBe(readFileSync(path, 'utf8'))
}

/** A company's: most of it plain, and the same mistakes again and again. */
function thousands(): Explanation {
  const shapes: readonly Readonly<Record<string, string>>[] = [
    {},
    { 'proxy-body-size': '8m' },
    { 'proxy-body-size': '8m', 'proxy-read-timeout': '300' },
    { 'proxy-read-timeout': '300s' },
    { 'proxy-buffering': 'off', 'service-upstream': 'true' },
    { 'secure-backends': 'true', 'session-cookie-hash': 'sha1' },
    { 'proxy-buffer-size': '16k' },
    { 'proxy-body-sizes': '8m' },
    {},
    { 'configuration-snippet': 'more_set_headers "A: b";', 'add-base-url': 'true' },
  ]
  const store = createStore()
  for (const number of Array(3000).keys()) {
    const name = `app-${String(number).padStart(4, '0')}`
    const plain = ingress(name)
      .namespace(`team-${number % 50}`)
      .class('nginx')
      .host(`${name}.example.test`)
      .prefix('/', 'app')
    const annotations = Object.entries(shapes[number % shapes.length] ?? {})
    const annotated = annotations.reduce((one, [key, value]) => one.annotation(`nginx.ingress.kubernetes.io/${key}`, value), plain)
    store.set(objectKinds.Ingress.schema.parse(annotated.toManifest()))
  }
  return explainState(store.snapshot())
}

describe('three Ingresses', () => {
  test('are told one by one, the worst first', () => {
    expectGolden('three.txt', printText(three, SETTINGS))
  })

  test('in Markdown', () => {
    expectGolden('three.md', printMarkdown(three, { verbose: false }))
  })

  test('in colour say the same', () => {
    const printed = printText(three, { ...SETTINGS, colour: true })
    expect(printed).not.toBe(stripVTControlCharacters(printed))
    expect(stripVTControlCharacters(printed)).toBe(printText(three, SETTINGS))
  })

  test.each([40, 60, 80, 140])('at %i columns no line is wider, but for titles and for words that are', (width) => {
    const lines = printText(three, { ...SETTINGS, width }).split('\n')
    const wide = lines.filter((line) => line.length > width && line.trim().includes(' '))
    expect(wide.filter((line) => !/^ {0,2}[✗!~✓] /.test(line))).toEqual([])
  })
})

describe('three thousand Ingresses', () => {
  const explanation = thousands()

  test('are told by what is said of them, with numbers and examples', () => {
    expectGolden('three-thousand.txt', printText(explanation, SETTINGS))
  })

  test('fit on a screen or two, and are all there for who asks', () => {
    expect(printText(explanation, SETTINGS).split('\n').length).toBeLessThan(80)
    const verbose = printText(explanation, { ...SETTINGS, verbose: true })
    expect(explanation.ingresses.filter(({ namespace, name }) => !verbose.includes(`${namespace}/${name}`))).toEqual([])
  })

  test('in Markdown they are not told one by one', () => {
    expect(printMarkdown(explanation, { verbose: false }).split('\n').length).toBeLessThan(80)
    expect(printMarkdown(explanation, { verbose: true })).toContain('### `team-0/app-0000`')
  })
})

describe('a values file', () => {
  const name = 'values.yaml'
  const files = readValues([{ name, text: readFileSync(join(folder, name), 'utf8') }])
  const explanation = explainValues({ name, files, flagFault: () => undefined })

  test('is told value by value, the worst first, and what works is counted', () => {
    expectGolden('values.txt', printValuesText(explanation, SETTINGS))
  })

  test('in Markdown', () => {
    expectGolden('values.md', printValuesMarkdown(explanation, { verbose: false }))
  })

  test('is told whole to who asks', () => {
    const printed = [printValuesText(explanation, { ...SETTINGS, verbose: true }), printValuesMarkdown(explanation, { verbose: true })]
    for (const text of printed) expect(explanation.values.filter(({ path }) => !text.includes(path))).toEqual([])
  })

  test('in colour says the same', () => {
    const printed = printValuesText(explanation, { ...SETTINGS, colour: true })
    expect(printed).not.toBe(stripVTControlCharacters(printed))
    expect(stripVTControlCharacters(printed)).toBe(printValuesText(explanation, SETTINGS))
  })

  test('stays text in Markdown', () => {
    const hostile = readValues([{ name, text: JSON.stringify({ '<img src=x>|`': 1, tcp: { 80: '<b>|`[a](b)' } }) }])
    const printed = printValuesMarkdown(explainValues({ name, files: hostile, flagFault: () => undefined }), { verbose: false })
    expect(printed).toContain('`` <img src=x>\\|` ``')
    expect(printed).toContain('\\<b\\>\\|\\`\\[a\\](b)')
  })
})

test('nothing is said in words', () => {
  expect(printText(explainObjects([]), SETTINGS)).toBe('No Ingresses.')
})

test('what is written in a manifest stays text in Markdown', () => {
  const hostile = ingress('a').host('a.test').prefix('/', 'a').annotation('nginx.ingress.kubernetes.io/<img src=x>|`', '1 | 2')
  const timeout = ingress('b').host('b.test').prefix('/', 'b').annotation('nginx.ingress.kubernetes.io/proxy-read-timeout', '<b>|`[a](b)')
  const printed = printMarkdown(explainObjects([hostile, timeout]), { verbose: false })
  expect(printed).toContain('`` <img src=x>\\|` ``')
  expect(printed).toContain('\\<b\\>\\|\\`\\[a\\](b)')
  for (const row of printed.split('\n').filter((line) => line.startsWith('| ') && line.includes('proxy-read-timeout')))
    expect(row.replaceAll('\\|', '').match(/\|/g)).toHaveLength(4)
})
