/** Configurations on disk: immutable files, a root file a generation, and one rename that makes it the active one. */
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { KeyPair } from '../model/model.ts'
import type { ConfigFile, ConfigSet } from '../render/render.ts'
import { CONTENT_FOLDERS, type Layout } from './layout.ts'

/** Names one configuration: its place in time, and its content. */
export type Generation = { readonly number: number; readonly hash: string }

export type GenerationStore = {
  /** Writes the files that are missing and the root file to test. Gives the bytes written. */
  stage(configSet: ConfigSet, number: number): Promise<number>
  /** Deletes what has been written since a configuration was promoted, for nothing of it is served. */
  discard(): Promise<void>
  /** Makes the staged root the active one. */
  promote(): Promise<void>
  /** Makes the root before the last promotion the active one again; none where there was none. */
  revert(): Promise<void>
  /** Writes certificates that are new or renewed; those in place are replaced by a rename. Gives the bytes written. */
  writeKeyPairs(keyPairs: readonly KeyPair[]): Promise<number>
  /** Deletes files that neither the configuration nor the one before it includes. */
  prune(configSet: ConfigSet): Promise<void>
  /** The active generation, as the root file on disk says. */
  active(): Promise<Generation | undefined>
}

const WRITES_AT_ONCE = 32
/** Readable by us and, through the group, by workers of another account. */
const KEY_MODE = 0o640

/** `workerGroup` is the group id that must be able to read keys, undefined when workers run as we do. */
export function createGenerationStore(
  layout: Layout,
  workerGroup: number | undefined,
  chown: (path: string, group: number) => Promise<void>,
): GenerationStore {
  const written = new Set<string>()
  /** Those among them that nothing served has named yet. */
  const staged = new Set<string>()
  const pairs = new Map<string, string>()
  let current: ReadonlySet<string> = new Set()
  let currentPairs: ReadonlySet<string> = new Set()

  async function writeWhole(path: string, text: string, mode = 0o644): Promise<number> {
    const temporary = `${path}.new`
    await writeFile(temporary, text, { mode })
    if (mode === KEY_MODE && workerGroup !== undefined) await chown(temporary, workerGroup)
    await rename(temporary, path)
    return Buffer.byteLength(text)
  }

  async function writeUnlessThere({ path, text }: ConfigFile, mode?: number): Promise<number> {
    const target = join(layout.conf, path)
    const isThere = (await readFile(target, 'utf8').catch(() => undefined)) === text
    if (!isThere) staged.add(path)
    const bytes = isThere ? 0 : await writeWhole(target, text, mode)
    written.add(path)
    return bytes
  }

  async function writeKeyPair({ name, pem }: KeyPair): Promise<number> {
    const bytes = await writeWhole(join(layout.certificates, `${name}.pem`), pem, KEY_MODE)
    pairs.set(name, pem)
    return bytes
  }

  return {
    async stage(configSet, number) {
      const areMissing = ({ path }: ConfigFile) => !written.has(path)
      const secrets = await writeAll(secretFilesOf(configSet).filter(areMissing), (file) => writeUnlessThere(file, KEY_MODE))
      const files = await writeAll(configSet.files.filter(areMissing), (file) => writeUnlessThere(file))
      return secrets + files + (await writeWhole(layout.stagedRoot, configSet.rootFile(number)))
    },
    async discard() {
      for (const path of staged) {
        staged.delete(path)
        written.delete(path)
        for (const file of [path, `${path}.new`]) await rm(join(layout.conf, file), { force: true })
      }
    },
    async promote() {
      staged.clear()
      if (await exists(layout.activeRoot)) await copyFile(layout.activeRoot, layout.previousRoot)
      else await rm(layout.previousRoot, { force: true })
      await rename(layout.stagedRoot, layout.activeRoot)
    },
    async revert() {
      if (await exists(layout.previousRoot)) await rename(layout.previousRoot, layout.activeRoot)
      else await rm(layout.activeRoot, { force: true })
    },
    async writeKeyPairs(keyPairs) {
      const changed = keyPairs.filter(({ name, pem }) => pairs.get(name) !== pem)
      return await writeAll(changed, writeKeyPair)
    },
    async prune(configSet) {
      const next = new Set([...configSet.files, ...secretFilesOf(configSet)].map(({ path }) => path))
      const keep = new Set([...current, ...next])
      current = next
      for (const folder of CONTENT_FOLDERS) {
        for (const name of await readdir(join(layout.conf, folder))) {
          const path = `${folder}/${name}`
          if (keep.has(path)) continue
          await rm(join(layout.conf, path), { force: true })
          written.delete(path)
        }
      }
      const nextPairs = new Set<string>(configSet.keyPairs.map(({ name }) => name))
      for (const file of await readdir(layout.certificates)) {
        const name = file.replace(/\.pem$/, '')
        if (nextPairs.has(name) || currentPairs.has(name)) continue
        await rm(join(layout.certificates, file), { force: true })
        pairs.delete(name)
      }
      currentPairs = nextPairs
    },
    active: () => activeGeneration(layout),
  }
}

/** The active generation, as the root file on disk says; undefined when there is none. */
export async function activeGeneration(layout: Layout): Promise<Generation | undefined> {
  const head = (await readFile(layout.activeRoot, 'utf8').catch(() => '')).slice(0, 200)
  const [, number, hash] = /^# nginx-ts generation (\d+), configuration (\w+)/.exec(head) ?? []
  return number === undefined || hash === undefined ? undefined : { number: Number(number), hash }
}

function secretFilesOf({ secretFiles }: ConfigSet): readonly ConfigFile[] {
  return secretFiles.map(({ name, text }) => ({ path: `secrets/${name}`, text }))
}

/** Writes all, some at a time, and gives the bytes written. */
async function writeAll<Item>(items: readonly Item[], write: (item: Item) => Promise<number>): Promise<number> {
  let bytes = 0
  for (let start = 0; start < items.length; start += WRITES_AT_ONCE) {
    const results = await Promise.allSettled(items.slice(start, start + WRITES_AT_ONCE).map(write))
    // None is under way any more when it is known that one has failed.
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason
      bytes += result.value
    }
  }
  return bytes
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** Writes one configuration set into a directory, for looking at and for `nginx -t`, which opens sockets and temporary files. */
export async function writeConfigSet(configSet: ConfigSet, folder: string): Promise<void> {
  for (const used of ['run', 'temp']) await mkdir(join(folder, used), { recursive: true })
  const files = [...configSet.files, { path: 'nginx.conf', text: configSet.rootFile(1) }].map((file) => ({ ...file, mode: 0o644 }))
  const secrets = secretFilesOf(configSet).map((file) => ({ ...file, mode: 0o600 }))
  for (const { path, text, mode } of [...files, ...secrets]) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text, { mode })
  }
}
