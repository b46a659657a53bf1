/** A directory of manifests as the source of the cluster's state. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { watch } from 'chokidar'
import { keyOf } from '../cluster/objects.ts'
import { type ClusterState, createStore } from '../cluster/state.ts'
import { describeObject, type Issue, issue } from '../model/issue.ts'
import { type ManifestObject, type Manifests, parseManifests } from './manifests.ts'

export type DirectoryState = { readonly state: ClusterState; readonly issues: readonly Issue[] }

/** The directory's objects as they are now. */
export type Directory = {
  snapshot(): DirectoryState
  /** Reads a file anew, by its path; one that is gone, or no manifest, takes its objects with it. */
  read(path: string): Promise<void>
}

const MANIFEST_EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json'])
/** No object in etcd is above 1.5 MB; a file may hold many. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024

export function isManifestPath(path: string): boolean {
  return MANIFEST_EXTENSIONS.has(extname(path).toLowerCase())
}

/** A view on `root` that knows no file yet. */
export function createDirectory(root: string): Directory {
  const files = new Map<string, Manifests>()
  const store = createStore()
  let inStore: ReadonlyMap<string, ManifestObject> = new Map()

  async function read(path: string) {
    const name = relative(root, path)
    const manifests = await readManifests(path, name)
    if (manifests === undefined) files.delete(name)
    else files.set(name, keepingWhatWasGood(files.get(name), manifests))
  }

  function snapshot(): DirectoryState {
    const { objects, duplicates } = firstOfEach(files)
    for (const [key, { object }] of inStore) if (!objects.has(key)) store.delete(object.kind, keyOf(object.namespace, object.name))
    for (const { object } of objects.values()) store.set(object)
    inStore = objects
    return { state: store.snapshot(), issues: [...[...files.values()].flatMap((manifests) => manifests.issues), ...duplicates] }
  }

  return { read, snapshot }
}

/** Reads the whole directory once. */
export async function readDirectory(root: string): Promise<Directory> {
  const directory = createDirectory(root)
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => !entry.isDirectory() && isManifestPath(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  await Promise.all(paths.map((path) => directory.read(path)))
  return directory
}

/**
 * Follows a directory until the signal aborts: `changed` is called after each file read anew. Resolves once all
 * that was there at the start has been read.
 */
export async function watchDirectory(
  root: string,
  changed: (path: string) => void,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Directory> {
  const directory = createDirectory(root)
  const watcher = watch(root, { ignored: (path, stats) => stats?.isFile() === true && !isManifestPath(path), ignoreInitial: false })
  signal.addEventListener('abort', () => void watcher.close(), { once: true })
  const initial: Promise<void>[] = []
  let reading = Promise.resolve()
  let isReady = false

  const readAgain = (path: string) => {
    if (!isManifestPath(path)) return
    if (!isReady) {
      initial.push(directory.read(path))
      return
    }
    reading = reading.then(() => directory.read(path)).then(() => changed(path), failed)
  }
  watcher.on('add', readAgain).on('change', readAgain).on('unlink', readAgain).on('error', failed)
  await new Promise<void>((resolve) => watcher.once('ready', resolve))
  isReady = true
  await Promise.all(initial)
  return directory
}

/** undefined when there is no such file. */
async function readManifests(path: string, name: string): Promise<Manifests | undefined> {
  try {
    const { size } = await stat(path)
    if (size > LARGEST_FILE_BYTES) throw new Error(`it has ${size} bytes, ${LARGEST_FILE_BYTES} are the most`)
    return parseManifests(await readFile(path, 'utf8'), name)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    const source = { file: name, document: 1, line: 1 }
    return {
      objects: [],
      issues: [
        issue('unreadable-file', undefined, {
          source,
          message: `the file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        }),
      ],
    }
  }
}

/**
 * While a file has a broken document, the objects it gave before and no longer gives stay: a slip of the pen must not
 * take a site down, as a refused `kubectl apply` does not.
 */
function keepingWhatWasGood(before: Manifests | undefined, now: Manifests): Manifests {
  if (before === undefined || now.issues.length === 0) return now
  const present = new Set(now.objects.map(({ object }) => identityOf(object)))
  return { issues: now.issues, objects: [...now.objects, ...before.objects.filter(({ object }) => !present.has(identityOf(object)))] }
}

/** The first definition of each object, by file name and place; the others are answered. */
function firstOfEach(files: ReadonlyMap<string, Manifests>) {
  const objects = new Map<string, ManifestObject>()
  const duplicates: Issue[] = []
  for (const name of [...files.keys()].sort()) {
    for (const found of files.get(name)?.objects ?? []) {
      const identity = identityOf(found.object)
      const first = objects.get(identity)
      if (first === undefined) objects.set(identity, found)
      else {
        const message = `${describeObject(found.object)} is defined already at ${first.source.file}:${first.source.line}, which is used`
        duplicates.push(issue('duplicate-object', found.object, { source: found.source, message }))
      }
    }
  }
  return { objects, duplicates }
}

function identityOf(object: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${object.kind}/${object.namespace}/${object.name}`
}
