/** `npm test`: everything that must hold, with all that it needs. Further arguments go to Jest. */
import { spawnSync } from 'node:child_process'
import { nginxBinaries } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()

function step(name: string, ...parameters: string[]): void {
  console.error(`nginx-ts: ${name}`)
  const { status } = spawnSync(process.execPath, parameters, { cwd: project, stdio: 'inherit' })
  if (status !== 0) {
    console.error(`nginx-ts: ${name}: failed`)
    process.exit(status ?? 1)
  }
}

const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js']
for (const { version, path } of await nginxBinaries((line) => console.error(`nginx-ts: ${line}`)))
  console.error(`nginx-ts: NGINX ${version} is ${path}`)
step('building', 'scripts/build.ts')
step('checking types', 'node_modules/typescript/bin/tsc')
step('checking style and import directions', 'node_modules/@biomejs/biome/bin/biome', 'check', '.')
step('running the tests', ...jest, ...process.argv.slice(2))
