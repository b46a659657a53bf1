/**
 * `npm run faults [-- --quick] [ROW…]`: the rows of the table of faults with their full counts, each by its test, and
 * docs/faults.md from what was seen; what it has of other rows stays. A count that is set in the environment wins. A row
 * that fails does not keep the others from running; the exit code is 1 then.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { provideFaketime } from '../test/support/faketime.ts'
import { FIGURES, type Figures } from '../test/support/figures.ts'
import { type FaultRow, faultRows } from './fault-rows.ts'
import { namespacePrefix } from './in-namespace.ts'
import { kubeBinaries } from './kube-binaries.ts'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

type Outcome = { readonly row: FaultRow; readonly ok: boolean; readonly lines: readonly string[] }

const TABLE = join(project, 'docs/faults.md')
const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
const LARGEST_SEED = 2 ** 31
const MACHINE = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`

const INTRODUCTION = `# Faults

\`npm run faults\` runs every row with full counts, in some two hours, and writes this page from what was seen;
\`npm run faults -- 6 8\` only some rows, \`--quick\` a short form, \`--seed N\` a seed, and a count in the environment
(\`NGINX_TS_KILLS=50\`) another length. \`npm test\` has a short form of each.

A request is **lost** when no connection could be made, an answer was cut after its first byte or never came, NGINX
answered 5xx of its own, or the wrong backend answered. An idle keep-alive connection that NGINX closes while the client is
sending is counted apart, as **reuse-close**: RFC 9110 lets the client retry. Half of the requests come on fresh
connections, half over keep-alive.
`

assertNodeVersion()
const say = (line: string) => console.error(`nginx-ts: ${line}`)
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, seed: { type: 'string' } },
  allowPositionals: true,
})
const rows = faultRows.filter(({ row }) => positionals.length === 0 || positionals.includes(`${row}`))
const unknown = positionals.filter((given) => !faultRows.some(({ row }) => given === `${row}`))
if (unknown.length > 0)
  throw new Error(`there is no row ${unknown.join(', ')}; there are ${[...new Set(faultRows.map(({ row }) => row))].join(', ')}`)

const nginx = (await nginxBinaries(say)).at(-1)
await kubeBinaries(say)
await provideFaketime(say)
const prefix = await namespacePrefix(say)
const logs = await mkdtemp(join(tmpdir(), 'nginx-ts-faults-'))
say(`logs are in ${logs}`)

const outcomes: Outcome[] = []
for (const row of rows) {
  const outcome = await runRow(row)
  outcomes.push(outcome)
  await writeFile(TABLE, page(await linesWith(outcome)))
}
say(`the table is in ${TABLE}, the logs are in ${logs}`)
if (outcomes.some(({ ok }) => !ok)) process.exitCode = 1

async function runRow(row: FaultRow): Promise<Outcome> {
  const seed = Number(values.seed ?? process.env['NGINX_TS_SEED'] ?? Math.floor(Math.random() * LARGEST_SEED))
  const counts = countsOf(row)
  const log = join(logs, `${row.row}-${row.test.replaceAll(/.*\/|\.test\.ts/g, '')}.log`)
  say(`row ${row.row}: ${row.what}, seed ${seed}, ${describe(counts)}`)
  const start = performance.now()
  const [command = '', ...parameters] = [...prefix, process.execPath, ...JEST, row.test]
  const child = spawn(command, parameters, {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NGINX_TS_VERSIONS: nginx?.version ?? '', NGINX_TS_SEED: `${seed}`, ...counts },
  })
  const end = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const [[status]] = await Promise.all([
    once(child, 'close'),
    pipeline(child.stderr, createWriteStream(log)),
    pipeline(child.stdout, createWriteStream(`${log}.out`)),
  ])
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
  const minutes = (performance.now() - start) / 60_000
  const ok = status === 0
  say(`row ${row.row}: ${ok ? 'passed' : `FAILED, see ${log}`} after ${minutes.toFixed(1)} min`)
  const result = `${ok ? 'held' : '**FAILED**'} in ${minutes.toFixed(1)} min on ${new Date().toISOString().slice(0, 10)}, ${MACHINE}`
  const seen = figuresIn(await readFile(log, 'utf8')).map((one) => ({ ...one, text: describe(one.figures) }))
  const told = seen.length > 0 ? seen : [{ what: row.what, seed, text: describe(counts) }]
  const lines = told.map(
    ({ what, seed: used, text }) => `| ${[row.row, what, text, row.target, result, used, `\`${row.test}\``].join(' | ')} |`,
  )
  return { row, ok, lines }
}

/** What the row asks for, unless the environment asks for something else. */
function countsOf(row: FaultRow): FaultRow['full'] {
  const asked = Object.entries(values.quick ? row.quick : row.full)
  return Object.fromEntries(asked.map(([name, count]) => [name, process.env[name] ?? count]))
}

function figuresIn(log: string): readonly Figures[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith(FIGURES))
    .map((line) => JSON.parse(line.slice(FIGURES.length)))
}

function describe(figures: Figures['figures']): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ')
}

/** The lines of the table, in the order of the rows: what was just seen, and of other tests what was seen before. */
async function linesWith({ row, lines }: Outcome): Promise<readonly string[]> {
  const before = (await readFile(TABLE, 'utf8').catch(() => '')).split('\n')
  return faultRows.flatMap(({ test }) => (test === row.test ? lines : before.filter((line) => line.endsWith(`| \`${test}\` |`))))
}

function page(lines: readonly string[]): string {
  return `${INTRODUCTION}
| row | fault | seen | to hold | outcome | seed | test |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`
}
