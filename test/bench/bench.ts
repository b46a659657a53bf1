/**
 * `npm run bench`: what the controller and its NGINX cost. Parts may be chosen: `npm run bench -- control-plane`,
 * `reflector`, or `data-path [--rounds 15] [--seconds 1]`. What the figures mean is in docs/benchmarks.md.
 */
import { execFile, execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { nginxBinaries } from '../../scripts/nginx-binaries.ts'
import { assertNodeVersion, project } from '../../scripts/project.ts'
import type { ControlPlaneFigures } from './control-plane.ts'
import type { ReflectorFigures } from './reflector.ts'
import { controlPlaneTable, dataPathTable, reflectorTable } from './report.ts'

assertNodeVersion()
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '15' }, seconds: { type: 'string', default: '1' } },
})
const PARTS = ['control-plane', 'reflector', 'data-path']
const parts = positionals.length === 0 ? PARTS : positionals
const unknown = parts.find((part) => !PARTS.includes(part))
if (unknown !== undefined) throw new Error(`there is no part ${unknown}: ${PARTS.join(', ')}`)

const INGRESSES = [1000, 5000]
/** V8 sizes its young generation by the machine's memory: on a large one, it alone takes a hundred megabytes. */
const REFLECTOR_RUNS: readonly (readonly [string, readonly string[]])[] = [
  ['as nginx-ts is started', ['--max-semi-space-size=8']],
  ['with V8 as it is', []],
]
const say = (line: string) => console.error(`bench: ${line}`)

execFileSync(process.execPath, [join(project, 'scripts/compile-templates.ts')])
const binaries = await nginxBinaries(say)
const newest = binaries.at(-1)
if (newest === undefined) throw new Error('there is no NGINX to measure with')
const [processor] = cpus()
console.log(
  `NGINX ${newest.version}, Node ${process.versions.node}, ${cpus().length} × ${processor?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
)

if (parts.includes('control-plane')) {
  const figures: ControlPlaneFigures[] = []
  for (const ingresses of INGRESSES) {
    say(`${ingresses} Ingresses`)
    figures.push(await measureInItsOwnProcess(newest.path, ingresses))
  }
  console.log(`\n${controlPlaneTable(figures)}`)
}
if (parts.includes('reflector')) {
  const runs: [string, ReflectorFigures][] = []
  for (const [name, flags] of REFLECTOR_RUNS) {
    say(`reflector, ${name}`)
    runs.push([name, await measureReflector(flags)])
  }
  console.log(`\n${reflectorTable(runs)}`)
}
if (parts.includes('data-path')) {
  const { ensureWrk } = await import('./wrk.ts')
  const { measureDataPath } = await import('./data-path.ts')
  await ensureWrk(say)
  const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
  console.log(`\n${dataPathTable(await measureDataPath(newest.path, settings, say))}`)
}

/** Nothing but the size under measurement is in its memory. */
async function measureInItsOwnProcess(nginx: string, ingresses: number): Promise<ControlPlaneFigures> {
  const flags = ['--expose-gc', '--disable-warning=ExperimentalWarning']
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...flags,
    join(import.meta.dirname, 'control-plane.ts'),
    nginx,
    String(ingresses),
  ])
  return JSON.parse(stdout)
}

/** With the flags of the real program, which make zod slower. */
async function measureReflector(flags: readonly string[]): Promise<ReflectorFigures> {
  const ours = ['--expose-gc', '--disallow-code-generation-from-strings', '--disable-proto=delete', '--disable-warning=ExperimentalWarning']
  const { stdout } = await promisify(execFile)(process.execPath, [...ours, ...flags, join(import.meta.dirname, 'reflector.ts')])
  return JSON.parse(stdout)
}
