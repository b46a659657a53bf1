/** Where things are in the state directory. */
import { chmod, mkdir, stat } from 'node:fs/promises'
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
  /** Further files that only NGINX may read. */
  readonly secrets: string
  readonly pidFile: string
  /** The master that the agent started last, as a ProcessIdentity. */
  readonly masterFile: string
  /** The process of `nginx-ts agent`, as a ProcessIdentity. */
  readonly agentFile: string
  /** Where that process answers the controller. */
  readonly agentSocket: string
  readonly statusSocket: string
  readonly echoSocket: string
  /** Held by the process that owns this directory. */
  readonly lockSocket: string
  /** Held by the controller, which writes what this directory has of configuration. */
  readonly controllerLockSocket: string
  /** Where access is logged when standard output cannot be opened by name. */
  readonly accessLog: string
}

/** `sun_path` of a unix socket address has 108 bytes, NUL included: unix(7). */
const LONGEST_SOCKET_PATH = 107

const PASSABLE = 0o711

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
    secrets: join(root, 'conf/secrets'),
    pidFile: join(root, 'run/nginx.pid'),
    masterFile: join(root, 'run/master'),
    agentFile: join(root, 'run/agent'),
    agentSocket: join(root, 'run/agent.sock'),
    statusSocket: join(root, 'run/status.sock'),
    echoSocket: join(root, 'run/echo.sock'),
    lockSocket: join(root, 'run/lock.sock'),
    controllerLockSocket: join(root, 'conf/lock.sock'),
    accessLog: join(root, 'logs/access.log'),
  }
  if (Buffer.byteLength(layout.statusSocket) > LONGEST_SOCKET_PATH)
    throw new Error(`the state directory's path is too long for a unix socket: ${root}`)
  return layout
}

/** Both halves, for a process that is controller and agent at once. */
export async function createLayout(layout: Layout): Promise<void> {
  await createConfigurationLayout(layout)
  await createRuntimeLayout(layout)
}

/** Folders of conf/ whose files are named by their content and never change. */
export const CONTENT_FOLDERS = ['servers', 'shards', 'certificates', 'hosts', 'secrets', 'variables', 'endpoints', 'streams'] as const

/** What the controller writes, and NGINX and its agent only read. Workers of another account read certificates and secrets by name. */
export async function createConfigurationLayout(layout: Layout): Promise<void> {
  await makeFolders(layout, [...CONTENT_FOLDERS.map((folder) => `conf/${folder}`), 'conf/certs'])
  await letPass(layout, ['', 'conf', 'conf/certs', 'conf/secrets'])
}

/** What NGINX and its agent write. Workers of another account pass through, and keep bodies in files. */
export async function createRuntimeLayout(layout: Layout): Promise<void> {
  await makeFolders(layout, ['run', 'temp', 'logs'])
  await letPass(layout, ['', 'run', 'temp'])
}

async function makeFolders(layout: Layout, folders: readonly string[]): Promise<void> {
  for (const folder of folders) await mkdir(join(layout.root, folder), { recursive: true })
}

/** Others may pass through to a name that they know, and not list. What is another user's is as that user made it. */
async function letPass(layout: Layout, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const path = join(layout.root, folder)
    if ((await stat(path)).uid === process.geteuid?.()) await chmod(path, PASSABLE)
  }
}
