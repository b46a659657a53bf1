/**
 * `npm test`: everything that must hold, with all that it needs. Further arguments go to Jest. What comes from elsewhere
 * is fetched first, for the tests run in a network of their own.
 */

import { provideFaketime } from '../test/support/faketime.ts'
import { helmBinaries } from './helm-binaries.ts'
import { namespacePrefix, runPassingSignals } from './in-namespace.ts'
import { kubeBinaries } from './kube-binaries.ts'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()

const say = (line: string) => console.error(`nginx-ts: ${line}`)

async function step(name: string, ...line: string[]): Promise<void> {
  say(name)
  const status = await runPassingSignals(line, project)
  if (status === 0) return
  say(`${name}: failed`)
  process.exit(status)
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
await step('running the tests', ...prefix, node, ...jest, ...process.argv.slice(2))
