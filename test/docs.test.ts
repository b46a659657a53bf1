import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { requests } from '../examples/requests.ts'
import { demoUrl, describeExpected } from '../scripts/demo/ask.ts'
import { referencePages } from '../scripts/generate-docs.ts'
import { project } from '../scripts/project.ts'
import { runNginxTs } from './support/command-line.ts'

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md', 'charts/nginx-ts/README.md'],
  ...(await readdir(join(project, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
]

test.each([...referencePages()])('%s says what the code says (npm run generate)', async (path, text) => {
  expect(await readFile(join(project, path), 'utf8')).toBe(text)
})

test.each(pages)('%s links to files that exist', async (page) => {
  const text = await readFile(join(project, page), 'utf8')
  const targets = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = '']) => target).filter((target) => !/^[a-z]+:/.test(target))
  const missing: string[] = []
  for (const target of targets) await stat(join(project, dirname(page), target)).catch(() => missing.push(target))
  expect(missing).toEqual([])
})

test('the README shows answers of the demo that it still gives', async () => {
  const ports = { http: 8080, https: 8443, status: 10254 }
  const answers = requests.map((request) => `${demoUrl(request.url, ports)} ${describeExpected(request, ports)}`)
  const readme = await readFile(join(project, 'README.md'), 'utf8')
  const shown = [...readme.matchAll(/^ok {2}(\S+) +(.+)$/gm)].map(([, url, answer]) => `${url} ${answer}`)
  expect(shown.length).toBeGreaterThan(0)
  expect(shown.filter((line) => !answers.includes(line))).toEqual([])
  expect(readme).toContain(`${requests.length} right, 0 wrong`)
})

test('the README shows what explain says', async () => {
  const readme = await readFile(join(project, 'README.md'), 'utf8')
  const [, file = '', shown = ''] = /^\$ npx nginx-ts explain (\S+)\n(.*?)^```$/ms.exec(readme) ?? []
  const { stdout } = await runNginxTs(['explain', file])
  expect(shown).toBe(stdout)
})

test('every decision is listed', async () => {
  const index = await readFile(join(project, 'docs/decisions/README.md'), 'utf8')
  const decisions = (await readdir(join(project, 'docs/decisions'))).filter((name) => /^\d{4}-/.test(name))
  expect(decisions.filter((name) => !index.includes(`](${name})`))).toEqual([])
})

test('every test that the semantics are held by exists', async () => {
  const text = await readFile(join(project, 'docs/semantics.md'), 'utf8')
  const missing: string[] = []
  let count = 0
  for (const [, file = '', title = ''] of text.matchAll(/`((?:src|test)\/[^`]+\.test\.ts)` "([^"]+)"/g)) {
    count += 1
    const source = await readFile(join(project, file), 'utf8').catch(() => '')
    if (!source.includes(title)) missing.push(`${file} "${title}"`)
  }
  expect(missing).toEqual([])
  expect(count).toBeGreaterThan(100)
})
