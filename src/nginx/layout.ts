/** Where things are in the state directory. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

export type Layout = {
  readonly root: string
  /** The configuration that NGINX runs, and falls back to at a restart. */
  readonly activeRoot: string
  /** The configuration under test. */
  readonly stagedRoot: string
  /** The configuration before the active one. */
  readonly previousRoot: string
  /** Files that configurations include; NGINX resolves relative names from here. */
  readonly conf: string
  readonly certificates: string
  readonly pidFile: string
  readonly statusSocket: string
  readonly echoSocket: string
  /** Held by the process that owns this directory. */
  readonly lockSocket: string
  /** Where access is logged when standard output cannot be opened by name. */
  readonly accessLog: string
}

/** `sun_path` of a unix socket address has 108 bytes, NUL included: unix(7). */
const LONGEST_SOCKET_PATH = 107

/** The paths below a state directory. Throws when NGINX could not use one. */
export function layoutOf(root: string): Layout {
  // NGINX expands variables in the path of a log, with no way to write a plain dollar sign there.
  if (root.includes('$')) throw new Error(`the state directory's path has a dollar sign, which NGINX takes for a variable: ${root}`)
  const layout: Layout = {
    root,
    activeRoot: join(root, 'conf/nginx.conf'),
    stagedRoot: join(root, 'conf/staged.conf'),
    previousRoot: join(root, 'conf/previous.conf'),
    conf: join(root, 'conf'),
    certificates: join(root, 'conf/certs'),
    pidFile: join(root, 'run/nginx.pid'),
    statusSocket: join(root, 'run/status.sock'),
    echoSocket: join(root, 'run/echo.sock'),
    lockSocket: join(root, 'run/lock.sock'),
    accessLog: join(root, 'logs/access.log'),
  }
  if (Buffer.byteLength(layout.statusSocket) > LONGEST_SOCKET_PATH)
    throw new Error(`the state directory's path is too long for a unix socket: ${root}`)
  return layout
}

/** Makes the directories. Workers of another account pass through them, read certificates by name and keep bodies in files. */
export async function createLayout(layout: Layout): Promise<void> {
  for (const folder of ['conf/servers', 'conf/shards', 'conf/certificates', 'conf/hosts', 'conf/certs', 'run', 'temp', 'logs']) {
    await mkdir(join(layout.root, folder), { recursive: true })
  }
  await Promise.all(['', 'run', 'conf', 'conf/certs', 'temp'].map((folder) => chmod(join(layout.root, folder), 0o711)))
}
