/** How scripts come by the programs that tests need: commands, apt, and a cache outside the checkout. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Takes a line for each slow step. */
export type Say = (line: string) => void

const ATTEMPTS = 3
const STALE_AFTER_MS = 60 * 60 * 1000
/** What a download or a build is called until it is whole. */
const UNFINISHED = '.unfinished-'

const execFilePromise = promisify(execFile)

/** Where the cache is: NGINX_TS_CACHE, otherwise `nginx-ts` among the user's caches. */
export function cacheFolder(): string {
  const { NGINX_TS_CACHE: given, XDG_CACHE_HOME: caches } = process.env
  return resolve(given || join(caches || join(homedir(), '.cache'), 'nginx-ts'))
}

/**
 * Makes a folder of the cache at once: `make` fills the folder it is given, which takes its final name when it is whole.
 * Safe from several processes: where another has finished first, as `isThere` finds, its copy serves.
 */
export async function provideFolder(
  final: string,
  make: (folder: string) => Promise<void>,
  isThere: () => Promise<boolean>,
): Promise<void> {
  await mkdir(dirname(final), { recursive: true })
  await removeStale(dirname(final))
  const work = await mkdtemp(join(dirname(final), UNFINISHED))
  try {
    const folder = join(work, 'folder')
    await mkdir(folder)
    await make(folder)
    await rename(folder, final).catch(async (error) => {
      if (!(await isThere())) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Removes what killed downloads left behind. */
async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const made = name.startsWith(UNFINISHED) && (await stat(join(folder, name)).catch(() => undefined))
    if (made && Date.now() - made.mtimeMs > STALE_AFTER_MS) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** Installs Debian packages on this machine, with sudo when not root. Throws where there is no apt-get. */
export async function aptInstall(packages: readonly string[], say: Say): Promise<void> {
  const names = packages.join(', ')
  if ((await findExecutable('apt-get')) === undefined) {
    throw new Error(`There is no apt-get on this machine to install with: install by hand ${names}`)
  }
  say(`installing through apt-get: ${names}`)
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const aptGet = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=300']
  await retried(async () => {
    await run(...aptGet, 'update')
    await run(...aptGet, '-y', '--no-install-recommends', 'install', ...packages)
  }, say)
}

/** The path of an executable in PATH or in the folders for servers, which are not in every user's PATH. */
export async function findExecutable(name: string): Promise<string | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const folder of folders.filter(isAbsolute)) {
    const path = join(folder, name)
    if (await isExecutable(path)) return path
  }
  return undefined
}

export async function isExecutable(path: string): Promise<boolean> {
  const executable = access(path, constants.X_OK).then(() => true)
  return await executable.catch(() => false)
}

/** Runs a step again after a pause when it fails: a mirror may be unreachable, or in the middle of an update. */
export async function retried<T>(step: () => Promise<T>, say: Say): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      say(`${error instanceof Error ? error.message : error}\nTrying again`)
      await sleep(attempt * 2000)
    }
  }
}

/** Runs a command and returns all it printed; throws an error that carries it when the command fails. */
export async function run(...line: readonly string[]): Promise<string> {
  return await runIn(process.cwd(), {}, ...line)
}

/** The same in a directory, with further environment variables. */
export async function runIn(cwd: string, variables: Readonly<Record<string, string>>, ...line: readonly string[]): Promise<string> {
  const [command = '', ...args] = line
  const env = { ...process.env, LC_ALL: 'C', ...variables }
  try {
    const { stdout, stderr } = await execFilePromise(command, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })
    return stdout + stderr
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${line.join(' ')} failed: ${(stdout + stderr).trim() || error}`)
  }
}
