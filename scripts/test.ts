/**
 * `npm test`: everything that must hold, with all that it needs. Further arguments go to Jest. What comes from elsewhere
 * is fetched first, for the tests run in a network of their own. Of the whole, tests that judge times and losses under load
 * run by themselves at the end: beside others they would judge the machine. `--outputFile=X.json` is X-alone.json of these.
 */

import { provideFaketime } from '../test/support/faketime.ts'
import { helmBinaries } from './helm-binaries.ts'
import { namespacePrefix, runPassingSignals } from './in-namespace.ts'
import { kubeBinaries } from './kube-binaries.ts'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()

const say = (line: string) => console.error(`nginx-ts: ${line}`)

const ALONE = [
  ...['agent-kills', 'api-server-away', 'clock-jumps', 'controller-kills', 'lease'],
  ...['nginx-kills', 'no-lost-requests', 'random-faults', 'slow-api'],
]

/** Gives the exit code. */
async function run(name: string, ...line: string[]): Promise<number> {
  say(name)
  const status = await runPassingSignals(line, project)
  if (status !== 0) say(`${name}: failed`)
  return status
}

async function step(name: string, ...line: string[]): Promise<void> {
  const status = await run(name, ...line)
  if (status !== 0) process.exit(status)
}

const node = process.execPath
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
for (const { version, path } of await nginxBinaries(say)) say(`NGINX ${version} is ${path}`)
await step('building', node, 'scripts/build.ts')
await step('checking types', node, 'node_modules/typescript/bin/tsc')
await step('checking style and import directions', node, 'node_modules/@biomejs/biome/bin/biome', 'check', '.')
const kubernetes = await kubeBinaries(say)
say(`Kubernetes ${kubernetes.version} is in ${kubernetes.folder}`)
for (const { version, path } of await helmBinaries(say)) say(`Helm ${version} is ${path}`)
await provideFaketime(say)
const prefix = await namespacePrefix(say)
const given = process.argv.slice(2)
if (given.some((word) => !word.startsWith('-'))) await step('running the tests', ...prefix, node, ...jest, ...given)
else {
  const alone = `/(${ALONE.join('|')})\\.test\\.ts$`
  const outputs = given.map((word) => (word.startsWith('--outputFile=') ? word.replace(/\.json$/, '-alone.json') : word))
  const statuses = [
    await run('running the tests', ...prefix, node, ...jest, ...given, `--testPathIgnorePatterns=/test/cluster/|${alone}`),
    await run('running those that want the machine for themselves', ...prefix, node, ...jest, ...outputs, '--runInBand', alone),
  ]
  process.exitCode = statuses.find((status) => status !== 0) ?? 0
}
