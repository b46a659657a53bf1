/** A directory of manifests as the source of the cluster's state. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { watch } from 'chokidar'
import { keyOf } from '../cluster/objects.ts'
import { type ClusterState, createStore } from '../cluster/state.ts'
import { describeObject, type Issue, issue, type ObjectRef, type SourcePosition } from '../model/issue.ts'
import { type ManifestObject, type Manifests, NO_NAME, parseManifests } from './manifests.ts'

export type DirectoryState = { readonly state: ClusterState; readonly issues: readonly Issue[] }

/** The directory's objects as they are now. */
export type Directory = {
  snapshot(): DirectoryState
  /** Reads a file anew, by its path; one that is gone, or no manifest, takes its objects with it. */
  read(path: string): Promise<void>
  /** Reads all that is below a path. */
  readAll(path: string): Promise<void>
  /** Takes a text for the content of a file of that name. */
  take(name: string, text: string): void
  /** Where an object stands that the last snapshot has. */
  positionOf(object: ObjectRef): SourcePosition | undefined
}

const MANIFEST_EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json'])
/** No object in etcd is above 1.5 MB; a file may hold many. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024

export function isManifestPath(path: string): boolean {
  return MANIFEST_EXTENSIONS.has(extname(path).toLowerCase())
}

/** A ConfigMap mounted as a volume keeps its files in such directories, and links to them from where they are meant to be read. */
function isInternal(root: string, path: string): boolean {
  return relative(root, path)
    .split(sep)
    .some((segment) => segment.startsWith('..'))
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

  async function readAll(path: string) {
    const paths = (await readdir(path, { recursive: true })).map((name) => join(path, name))
    await Promise.all(paths.filter((one) => isManifestPath(one) && !isInternal(path, one)).map(read))
  }

  function take(name: string, text: string) {
    files.set(name, textOf(text, name))
  }

  function snapshot(): DirectoryState {
    const { objects, duplicates } = firstOfEach(files)
    for (const [key, { object }] of inStore) if (!objects.has(key)) store.delete(object.kind, keyOf(object.namespace, object.name))
    for (const { object } of objects.values()) store.set(object)
    inStore = objects
    return { state: store.snapshot(), issues: [...byName(files).flatMap((manifests) => manifests.issues), ...duplicates] }
  }

  return { read, readAll, take, snapshot, positionOf: (object) => inStore.get(identityOf(object))?.source }
}

/** Reads the whole directory once. */
export async function readDirectory(root: string): Promise<Directory> {
  const directory = createDirectory(root)
  await directory.readAll(root)
  return directory
}

/**
 * Follows a directory until the signal aborts: `changed` is called with each path to read anew, when its writer may
 * not have finished yet. Resolves once all that was there at the start has been read.
 */
export async function watchDirectory(
  root: string,
  changed: (path: string) => void,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Directory> {
  const directory = createDirectory(root)
  const watcher = watch(root, {
    ignored: (path, stats) => isInternal(root, path) || (stats?.isFile() === true && !isManifestPath(path)),
    ignoreInitial: false,
  })
  signal.addEventListener('abort', () => void watcher.close(), { once: true })
  const initial = new Set<string>()
  let notice: (path: string) => void = (path) => initial.add(path)
  const onPath = (path: string) => {
    if (isManifestPath(path)) notice(path)
  }
  watcher.on('add', onPath).on('change', onPath).on('unlink', onPath).on('error', failed)
  await new Promise<void>((resolve) => watcher.once('ready', resolve))
  notice = changed
  await Promise.all([...initial].map((path) => directory.read(path)))
  return directory
}

/** undefined when there is no such file: a directory, a pipe or a socket is none either, whatever its name. */
async function readManifests(path: string, name: string): Promise<Manifests | undefined> {
  try {
    const stats = await stat(path)
    if (!stats.isFile()) return undefined
    const { size } = stats
    if (size > LARGEST_FILE_BYTES) throw new Error(`it has ${size} bytes, ${LARGEST_FILE_BYTES} are the most`)
    const text = await readFile(path, 'utf8')
    return textOf(text, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
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

function textOf(text: string, name: string): Manifests {
  return text.trim() === '' ? emptyFile(name) : parseManifests(text, name)
}

function emptyFile(name: string): Manifests {
  const source = { file: name, document: 1, line: 1 }
  const message = 'the file is empty; what it held before, if anything, stays served until it is filled or deleted'
  return { objects: [], issues: [issue('empty-file', undefined, { source, message })] }
}

/**
 * While a document is broken, the object it gave before stays: a slip of the pen must not take a site down, as a
 * refused `kubectl apply` does not. Where it no longer says which object that was, all that the file no longer gives stay.
 */
function keepingWhatWasGood(before: Manifests | undefined, now: Manifests): Manifests {
  if (before === undefined || now.issues.length === 0) return now
  const present = new Set(now.objects.map(({ object }) => identityOf(object)))
  const broken = new Set(now.issues.map(({ object }) => object && identityOf(object)))
  const isNamed = now.issues.every(({ object }) => object !== undefined && object.name !== NO_NAME)
  const kept = before.objects.filter(({ object }) => {
    const identity = identityOf(object)
    return !present.has(identity) && (!isNamed || broken.has(identity))
  })
  return { issues: now.issues, objects: [...now.objects, ...kept] }
}

function byName(files: ReadonlyMap<string, Manifests>): readonly Manifests[] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, manifests]) => manifests)
}

/** The first definition of each object, by file name and place; the others are answered. */
function firstOfEach(files: ReadonlyMap<string, Manifests>) {
  const objects = new Map<string, ManifestObject>()
  const duplicates: Issue[] = []
  for (const manifests of byName(files)) {
    for (const found of manifests.objects) {
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

function identityOf(object: ObjectRef): string {
  return `${object.kind}/${object.namespace}/${object.name}`
}
