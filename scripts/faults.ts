/**
 * `npm run faults [-- --quick] [ROW…]`: the rows of the table of faults with their full counts, each by its test, and
 * docs/faults.md from what was seen. A row that fails does not keep the others from running; the exit code is 1 then.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { FIGURES, type Figures } from '../test/support/figures.ts'
import { type FaultRow, faultRows } from './fault-rows.ts'
import { namespacePrefix } from './in-namespace.ts'
import { kubeBinaries } from './kube-binaries.ts'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'
import { aptInstall } from './provide.ts'

type Outcome = {
  readonly row: FaultRow
  readonly ok: boolean
  readonly seed: number
  readonly seen: readonly Figures[]
  readonly minutes: number
}

const TABLE = join(project, 'docs/faults.md')
const JEST = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
const LARGEST_SEED = 2 ** 31

const INTRODUCTION = `# Faults

\`npm run faults\` runs every row with full counts, in some two hours, and writes this page; \`npm run faults -- 6 8\` only
some rows, \`--quick\` a short form, \`--seed N\` a seed. \`npm test\` has a short form of each.

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
const kubernetes = await kubeBinaries(say)
await aptInstall(['faketime'], say).catch(() => say('there is no libfaketime; clocks jump in unit tests only'))
const prefix = await namespacePrefix(say)
const logs = await mkdtemp(join(tmpdir(), 'nginx-ts-faults-'))
say(`logs are in ${logs}`)

const outcomes: Outcome[] = []
for (const row of rows) {
  outcomes.push(await runRow(row))
  await writeFile(TABLE, await page(outcomes))
}
say(`the table is in ${TABLE}, the logs are in ${logs}`)
if (outcomes.some(({ ok }) => !ok)) process.exitCode = 1

async function runRow(row: FaultRow): Promise<Outcome> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * LARGEST_SEED) : Number(values.seed)
  const counts = values.quick ? row.quick : row.full
  const log = join(logs, `${row.row}-${row.test.replaceAll(/.*\/|\.test\.ts/g, '')}.log`)
  say(`row ${row.row}: ${row.what}, seed ${seed}, ${describeCounts(counts)}`)
  const start = performance.now()
  const [command = '', ...parameters] = [...prefix, process.execPath, ...JEST, row.test]
  const child = spawn(command, parameters, {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NGINX_TS_VERSIONS: nginx?.version ?? '', NGINX_TS_SEED: `${seed}`, NGINX_TS_FAULT_SEED: `${seed}`, ...counts },
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
  return { row, ok, seed, seen: figuresIn(await readFile(log, 'utf8')), minutes }
}

function figuresIn(log: string): readonly Figures[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith(FIGURES))
    .map((line) => JSON.parse(line.slice(FIGURES.length)))
}

function describeCounts(counts: FaultRow['full']): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

async function page(outcomes: readonly Outcome[]): Promise<string> {
  const lines = outcomes.flatMap(({ row, ok, seed, seen, minutes }) => {
    const result = `${ok ? 'held' : '**FAILED**'}, ${minutes.toFixed(1)} min`
    const told = seen.length === 0 ? [{ what: row.what, seed, figures: row.full }] : seen
    return told.map(({ what, seed: used, figures }) => {
      const shown = seen.length === 0 ? describeCounts(values.quick ? row.quick : row.full) : describeFigures(figures)
      return `| ${row.row} | ${what} | ${shown} | ${row.target} | ${result} | ${used} | \`${row.test}\` |`
    })
  })
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${INTRODUCTION}
Seen on ${new Date().toISOString().slice(0, 10)} with${values.quick ? ' **short** counts (`--quick`)' : ' full counts'}, NGINX ${nginx?.version}, Kubernetes ${kubernetes.version}, Node ${process.versions.node}, ${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB:

| row | fault | seen | to hold | outcome | seed | test |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`
}

function describeFigures(figures: Figures['figures']): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ')
}
