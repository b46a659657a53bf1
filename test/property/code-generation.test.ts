/** The process that renders makes no code out of texts, so it can run where Node forbids that; see the flags of bin's first line. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { project } from '../../scripts/project.ts'

const FLAGS = ['--disallow-code-generation-from-strings', '--disable-proto=delete', '--max-semi-space-size=8']
const golden = join(project, 'test/golden')
const cases = readdirSync(golden, { withFileTypes: true, recursive: true })
  .filter(({ name }) => name === 'in.yaml')
  .map(({ parentPath }) => relative(golden, parentPath))

/** In a child: inside Jest the flags have no effect. */
async function printed(flags: readonly string[], name: string): Promise<{ readonly codeGeneration: boolean; readonly hasProto: boolean }> {
  const program = join(project, 'test/support/print-configuration.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program, join(golden, name, 'in.yaml')], {
    maxBuffer: 16 * 1024 * 1024,
  })
  return JSON.parse(stdout)
}

describe('with code generation and __proto__ forbidden', () => {
  test.each(cases)('%s comes to the same configuration', async (name) => {
    const free = await printed([], name)
    const held = await printed(FLAGS, name)
    expect([free.codeGeneration, free.hasProto]).toEqual([true, true])
    expect([held.codeGeneration, held.hasProto]).toEqual([false, false])
    expect({ ...held, codeGeneration: true, hasProto: true }).toEqual(free)
  })
})

test('the program is started with these flags', () => {
  const [first = ''] = readFileSync(join(project, 'src/main.ts'), 'utf8').split('\n')
  for (const flag of FLAGS) expect(first).toContain(flag)
})
