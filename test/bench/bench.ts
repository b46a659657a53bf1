/**
 * `npm run bench`: what the controller and its NGINX cost. Parts may be chosen: `npm run bench -- control-plane`, or
 * `data-path [--rounds 15] [--seconds 1]`. What the figures mean is in docs/benchmarks.md.
 */
import { execFile, execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { nginxBinaries } from '../../scripts/nginx-binaries.ts'
import { assertNodeVersion, project } from '../../scripts/project.ts'
import type { ControlPlaneFigures } from './control-plane.ts'
import { controlPlaneTable, dataPathTable } from './report.ts'

assertNodeVersion()
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '15' }, seconds: { type: 'string', default: '1' } },
})
const parts = positionals.length === 0 ? ['control-plane', 'data-path'] : positionals
const unknown = parts.find((part) => part !== 'control-plane' && part !== 'data-path')
if (unknown !== undefined) throw new Error(`there is no part ${unknown}: control-plane, data-path`)

const INGRESSES = [1000, 5000]
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
