/** Programs that are compiled from Go modules, each module with every sum pinned, where no archive of them can be had. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from './project.ts'
import { findExecutable, runIn } from './provide.ts'

/** A folder each. */
const MODULES = join(project, 'test/cluster/go')
const ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off' }

/** Compiles a package as a module of test/cluster/go pins it. */
export async function goBuild(module: string, pack: string, output: string, ...flags: readonly string[]): Promise<void> {
  await runIn(join(MODULES, module), ENVIRONMENT, 'go', 'build', '-mod=readonly', '-buildvcs=false', ...flags, '-o', output, pack)
}

/** The version of a dependency that such a module requires, directly or not. */
export async function pinnedVersion(module: string, dependency: string): Promise<string> {
  const text = await readFile(join(MODULES, module, 'go.mod'), 'utf8')
  const words = text.split('\n').map((line) =>
    line
      .replace(/^require /, '')
      .trim()
      .split(' '),
  )
  const [, version] = words.find(([name]) => name === dependency) ?? []
  if (version === undefined) throw new Error(`${join(MODULES, module, 'go.mod')} does not require ${dependency}`)
  return version
}

/** Throws where there is no Go. `otherwise` says what to do about it. */
export async function needGo(what: string, otherwise: string): Promise<void> {
  if ((await findExecutable('go')) === undefined)
    throw new Error(`There is no go on this machine to build ${what} with: install Go, or ${otherwise}`)
}
