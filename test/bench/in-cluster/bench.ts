/**
 * `npm run bench:cluster`: what a whole cluster's changes cost and how long they take, against a real API server.
 * `-- --ingresses 1000 --samples 20`; the other settings are below. What the figures mean is in docs/benchmarks.md.
 */
import { execFile, execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { namespacePrefix } from '../../../scripts/in-namespace.ts'
import { kubeBinaries } from '../../../scripts/kube-binaries.ts'
import { nginxBinaries } from '../../../scripts/nginx-binaries.ts'
import { assertNodeVersion, project } from '../../../scripts/project.ts'
import { chooseSeed } from '../../support/random.ts'
import type { InClusterFigures } from './measure.ts'
import { inClusterTable } from './report.ts'
import type { Settings } from './settings.ts'

assertNodeVersion()
const { values } = parseArgs({
  allowNegative: true,
  options: {
    ingresses: { type: 'string', default: '1000,5000' },
    samples: { type: 'string', default: '30' },
    status: { type: 'boolean', default: true },
    foreign: { type: 'string', default: '5000' },
    'foreign-changes': { type: 'string', default: '10' },
    'foreign-seconds': { type: 'string', default: '60' },
    seed: { type: 'string', default: `${chooseSeed()}` },
  },
})
const say = (line: string) => console.error(`bench: ${line}`)

execFileSync(process.execPath, [join(project, 'scripts/build.ts')])
const [newest, kubernetes, prefix] = [(await nginxBinaries(say)).at(-1), await kubeBinaries(say), await namespacePrefix(say)]
const [processor] = cpus()
console.log(
  `NGINX ${newest?.version}, Kubernetes ${kubernetes.version}, Node ${process.versions.node}, ${cpus().length} × ${processor?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB; seed ${values.seed}`,
)
const figures: InClusterFigures[] = []
for (const ingresses of values.ingresses.split(',').map(Number)) {
  figures.push(
    await measureInNamespace({
      ingresses,
      samples: Number(values.samples),
      status: values.status,
      foreign: Number(values.foreign),
      foreignChangesPerSecond: Number(values['foreign-changes']),
      foreignSeconds: Number(values['foreign-seconds']),
      seed: Number(values.seed),
    }),
  )
}
console.log(`\n${inClusterTable(figures)}`)

async function measureInNamespace(settings: Settings): Promise<InClusterFigures> {
  say(`${settings.ingresses} Ingresses`)
  const [command = '', ...rest] = [...prefix, process.execPath, '--disable-warning=ExperimentalWarning']
  const measuring = promisify(execFile)(command, [...rest, join(import.meta.dirname, 'measure.ts'), JSON.stringify(settings)], {
    cwd: project,
  })
  measuring.child.stderr?.pipe(process.stderr)
  return JSON.parse((await measuring).stdout)
}
