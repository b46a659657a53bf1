/** templates → a module, src → dist. Runs at `npm ci`, so that `npx nginx-ts` works in a fresh clone. */
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()
const run = (...parameters: string[]) => execFileSync(process.execPath, parameters, { cwd: project, stdio: 'inherit' })
run('scripts/compile-templates.ts')
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
chmodSync(join(project, 'dist/main.js'), 0o755)
