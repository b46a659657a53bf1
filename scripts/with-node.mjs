/**
 * Runs a script of this project on the project's own Node, whatever Node the machine has: installs the dependencies
 * first when they are missing or older than the lock file. Plain JavaScript, for it runs on any Node from 18 on.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = join(dirname(fileURLToPath(import.meta.url)), '..')
const [script, ...rest] = process.argv.slice(2)

function run(command, ...parameters) {
  const { status, error, signal } = spawnSync(command, parameters, { cwd: project, stdio: 'inherit' })
  if (error) throw error
  return signal ? 130 : (status ?? 1)
}

/** npm writes this file at the end of an installation. */
const installed = join(project, 'node_modules/.package-lock.json')
const isInstalled = existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(project, 'package-lock.json')).mtimeMs
if (!isInstalled && process.env.npm_lifecycle_event !== 'prepare') {
  console.error('nginx-ts: installing dependencies (npm ci)')
  const status = run('npm', 'ci', '--no-audit', '--no-fund')
  if (status !== 0) process.exit(status)
}

// The script decides what a signal means and when to end. npm passes signals on to this process alone.
const child = spawn(join(project, 'node_modules/.bin/node'), ['--disable-warning=ExperimentalWarning', join(project, script), ...rest], {
  cwd: project,
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('error', (error) => {
  throw error
})
child.on('exit', (status, signal) => process.exit(signal ? 130 : (status ?? 1)))
