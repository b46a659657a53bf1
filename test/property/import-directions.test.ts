/** The rooms of src/ import in one direction; the lint that holds them there is seen to refuse what it must, and no more. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { project } from '../../scripts/project.ts'

const SOME_FILE: Readonly<Record<string, string>> = {
  model: '../model/values.ts',
  cluster: '../cluster/objects.ts',
  annotations: '../annotations/read.ts',
  translate: '../translate/translate.ts',
  render: '../render/render.ts',
  explain: '../explain/explain.ts',
  nginx: '../nginx/apply.ts',
  files: '../files/directory.ts',
  kube: '../kube/reflector.ts',
  observe: '../observe/log.ts',
  cli: '../cli/serve.ts',
  options: '../options.ts',
  controller: '../controller.ts',
}

/** What each room may import beside its own files and packages. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  model: [],
  cluster: ['model'],
  annotations: ['model', 'cluster'],
  translate: ['model', 'cluster', 'annotations', 'options'],
  render: ['model'],
  explain: ['model', 'cluster', 'annotations', 'translate', 'render', 'options'],
  nginx: ['model', 'render'],
  files: ['model', 'cluster'],
  kube: ['model', 'cluster'],
  options: ['model', 'cluster'],
}

type Case = { readonly room: string; readonly source: string; readonly isAllowed: boolean; readonly path: string }

const imports = Object.entries(ALLOWED).flatMap(([room, allowed]) => [
  ...Object.entries(SOME_FILE)
    .filter(([other]) => other !== room)
    .map(([other, path]) => ({ room, source: `import { a } from '${path}'`, isAllowed: allowed.includes(other) })),
  { room, source: `import { a } from './neighbour.ts'`, isAllowed: true },
  { room, source: `import { a } from 'node:path'`, isAllowed: true },
  { room, source: `import type { a } from '../cli/serve.ts'`, isAllowed: false },
  { room, source: `export { a } from '../cli/serve.ts'`, isAllowed: false },
  { room, source: `import { a } from '../../src/cli/serve.ts'`, isAllowed: false },
])
const cases: readonly Case[] = imports.map((given, index) => ({ ...given, path: `src/${given.room}/case-${index}.ts` }))

/** The messages of the rule for each file that it refuses. */
let refusals: ReadonlyMap<string, string>

beforeAll(async () => {
  const copy = await mkdtemp(join(tmpdir(), 'nginx-ts-lint-'))
  try {
    const { vcs: _, $schema: __, ...configuration } = JSON.parse(await readFile(join(project, 'biome.json'), 'utf8'))
    await writeFile(join(copy, 'biome.json'), JSON.stringify(configuration))
    for (const { path, source } of cases) {
      await mkdir(join(copy, path, '..'), { recursive: true })
      await writeFile(join(copy, path), `${source}\n`)
    }
    refusals = await lint(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
})

function lint(folder: string): Promise<ReadonlyMap<string, string>> {
  const args = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', '.']
  return new Promise((resolve, reject) => {
    execFile(join(project, 'node_modules/.bin/biome'), args, { cwd: folder }, (_failed, output, errors) => {
      try {
        const { diagnostics } = JSON.parse(output) as { diagnostics: { message: string; location: { path: string } }[] }
        resolve(new Map(diagnostics.map(({ message, location }) => [location.path, message])))
      } catch (cause) {
        reject(new Error(`biome did not say what it found: ${errors}`, { cause }))
      }
    })
  })
}

describe.each(Object.keys(ALLOWED))('src/%s', (room) => {
  const here = cases.filter((one) => one.room === room)

  test.each(here.filter(({ isAllowed }) => !isAllowed))('refuses $source', ({ path }) => {
    expect(refusals.get(path)).toMatch(/ imports? /)
  })

  test.each(here.filter(({ isAllowed }) => isAllowed))('allows $source', ({ path }) => {
    expect(refusals.get(path)).toBeUndefined()
  })
})
