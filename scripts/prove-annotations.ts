/**
 * `npm run prove:annotations [FEATURE…]`: that live tests hold what annotations do. In a copy of the tree, each annotation
 * in turn has no effect any more, as if its feature's `apply` never saw a value, and one of the feature's tests must fail.
 * `--features` takes the whole `apply` of each feature away instead, which is quicker. NGINX_TS_VERSIONS, 1.30 when not
 * given, is what the tests run on. Exit code 1 when something went unnoticed.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { camelCase } from '../src/annotations/define.ts'
import { features } from '../src/annotations/registry.ts'
import { namespacePrefix } from './in-namespace.ts'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

/** Copied: all but what is not of the tree, and node_modules, to which a link leads. */
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', 'dist'])
/** A test that waits for what no longer comes gives up after this. */
const TEST_TIMEOUT_MS = 15_000
const EXPORT = 'export default defineFeature('

/** What is taken away: one annotation of a feature, or all of it. */
type Loss = { readonly feature: string; readonly key: string | undefined }
type Outcome = { readonly failed: readonly string[]; readonly count: number; readonly problem: string | undefined }

/** What Jest's `--json` says, as far as it is read here. */
type JestReport = {
  readonly numTotalTests: number
  readonly numRuntimeErrorTestSuites: number
  readonly testResults: readonly { readonly assertionResults: readonly { readonly title: string; readonly status: string }[] }[]
}

/** The feature's file, in which the annotation, or everything, is without effect. */
function withoutEffect(source: string, { feature, key }: Loss): string {
  if (!source.includes(EXPORT)) throw new Error(`a feature does not begin with ${EXPORT}`)
  return `${source.replace(EXPORT, 'const whole = defineFeature(')}\nexport default { ...whole, ${changeThatTakes(feature, key)} }\n`
}

function changeThatTakes(feature: string, key: string | undefined): string {
  if (key === undefined) return 'apply: () => undefined'
  // `apply` sees what another spelling says under the main one; alone, nothing reads it.
  if (features[feature]?.annotations[key]?.aliasOf !== undefined)
    return `annotations: { ...whole.annotations, '${key}': { ...whole.annotations['${key}'], aliasOf: undefined } }`
  return `apply: (values, more) => whole.apply({ ...values, ${camelCase(key)}: undefined }, more)`
}

async function runTests(tree: string, feature: string, prefix: readonly string[]): Promise<Outcome> {
  const report = join(tree, 'report.json')
  await rm(report, { force: true })
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', '--rootDir', tree]
  const [command = '', ...line] = [...prefix, process.execPath, ...jest]
  const options = [
    '--json',
    '--outputFile',
    report,
    '--testTimeout',
    `${TEST_TIMEOUT_MS}`,
    `integration/annotations/${feature}\\.test\\.ts$`,
  ]
  const output = await new Promise<string>((resolve) =>
    execFile(command, [...line, ...options], { cwd: tree, maxBuffer: 2 ** 26 }, (_, stdout, stderr) => resolve(stderr || stdout)),
  )
  const text = await readFile(report, 'utf8').catch(() => undefined)
  if (text === undefined) return { failed: [], count: 0, problem: output.slice(-1000) }
  const { numTotalTests: count, numRuntimeErrorTestSuites, testResults } = JSON.parse(text) as JestReport
  const failed = testResults.flatMap(({ assertionResults }) => assertionResults.filter(({ status }) => status === 'failed'))
  const problem = numRuntimeErrorTestSuites > 0 || count === 0 ? output.slice(-1000) : undefined
  return { failed: failed.map(({ title }) => title), count, problem }
}

/** A tree of its own, in which the tests of each loss are run one after the other. */
async function prove(losses: readonly Loss[], prefix: readonly string[]): Promise<boolean> {
  const tree = await mkdtemp(join(tmpdir(), 'nginx-ts-prove-'))
  try {
    await cp(project, tree, { recursive: true, filter: (path) => !LEFT_OUT.has(relative(project, path)) })
    await symlink(join(project, 'node_modules'), join(tree, 'node_modules'))
    let isProven = true
    const say = (verdict: string, loss: Loss, note: string) => {
      console.log(`${verdict.padEnd(9)} ${(loss.key ?? loss.feature).padEnd(34)} ${note}`)
      if (verdict !== 'noticed') isProven = false
    }
    const whole = new Map<string, Outcome>()
    for (const loss of losses) {
      const before = whole.get(loss.feature) ?? (await runTests(tree, loss.feature, prefix))
      whole.set(loss.feature, before)
      if (before.problem !== undefined || before.failed.length > 0) {
        say('broken', loss, before.problem ?? `fails with it in place: ${before.failed[0]}`)
        continue
      }
      const file = join(tree, 'src/annotations/features', `${loss.feature}.ts`)
      const source = await readFile(file, 'utf8')
      await writeFile(file, withoutEffect(source, loss))
      const after = await runTests(tree, loss.feature, prefix)
      await writeFile(file, source)
      if (after.problem !== undefined) say('broken', loss, after.problem)
      else say(after.failed.length > 0 ? 'noticed' : 'UNNOTICED', loss, `${after.failed.length}/${after.count} ${after.failed[0] ?? ''}`)
    }
    return isProven
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  assertNodeVersion()
  process.env['NGINX_TS_VERSIONS'] ??= '1.30'
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
  const unknown = wanted.filter((name) => !Object.hasOwn(features, name))
  if (unknown.length > 0) throw new Error(`there is no feature ${unknown.join(', ')}; there are ${Object.keys(features).join(', ')}`)
  const byFeature = process.argv.includes('--features')
  const losses = Object.entries(features)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .flatMap(([feature, { annotations }]): Loss[] =>
      byFeature ? [{ feature, key: undefined }] : Object.keys(annotations).map((key) => ({ feature, key })),
    )
  await nginxBinaries(console.error)
  const isProven = await prove(losses, await namespacePrefix(console.error))
  console.log(isProven ? `${losses.length} proven` : 'not all are proven')
  process.exitCode = isProven ? 0 : 1
}
