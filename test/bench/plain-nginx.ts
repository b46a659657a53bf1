/** An NGINX on a configuration of ours to write, without the controller: the ideal, and the backend. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { send } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'

export type PlainNginx = AsyncDisposable & { readonly folder: string; readonly pid: number }

/** Resolves once it answers on the port, with whatever status. */
export async function startPlainNginx(
  nginx: string,
  port: number,
  configuration: (folder: string) => string,
  files: Readonly<Record<string, string>> = {},
): Promise<PlainNginx> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-bench-'))
  await chmod(folder, 0o711)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  await writeFile(join(folder, 'nginx.conf'), configuration(folder))
  const log = openSync(join(folder, 'error.log'), 'a')
  const child = spawn(nginx, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', log, log] })
  const ended = once(child, 'exit')
  async function end() {
    child.kill('SIGTERM')
    await ended
    closeSync(log)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await eventually(() => send(port, 'localhost', '/'))
  } catch (cause) {
    const said = await readFile(join(folder, 'error.log'), 'utf8')
    await end()
    throw new Error(`NGINX did not start: ${said}`, { cause })
  }
  return { folder, pid: child.pid ?? 0, [Symbol.asyncDispose]: end }
}
