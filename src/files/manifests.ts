/** The text of a file of manifests → objects and Issues. Pure; one bad document costs only itself. */
import { type Document, isScalar, LineCounter, parseAllDocuments, type Scalar, visit } from 'yaml'
import type { z } from 'zod'
import { type ClusterObject, type ObjectKind, objectKinds } from '../cluster/objects.ts'
import { describeRefusal } from '../cluster/refusal.ts'
import { type Issue, issue, type ObjectRef, type SourcePosition } from '../model/issue.ts'

export type ManifestObject = { readonly object: ClusterObject; readonly source: SourcePosition }
export type Manifests = { readonly objects: readonly ManifestObject[]; readonly issues: readonly Issue[] }

/** Stands in an Issue where an object should say its name. */
export const NO_NAME = '(no name)'

/** An alias-laden document of a few lines can stand for gigabytes; this many aliases are more than manifests use. */
const MOST_ALIASES = 100

/** Reads every document of a file. `file` is the name that Issues give. */
export function parseManifests(content: string, file: string): Manifests {
  const lines = new LineCounter()
  const documents = parseAllDocuments(content, {
    lineCounter: lines,
    merge: false,
    // Its own check compares every key of a map with every other; see repeatedKey.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
  if ('empty' in documents) return NOTHING
  return joined(
    documents.map((document, index) =>
      readDocument(document, (offset) => ({ file, document: index + 1, line: lines.linePos(offset).line })),
    ),
  )
}

const NOTHING: Manifests = { objects: [], issues: [] }

function refused(...given: Parameters<typeof issue>): Manifests {
  return { objects: [], issues: [issue(...given)] }
}

function joined(parts: readonly Manifests[]): Manifests {
  return { objects: parts.flatMap(({ objects }) => objects), issues: parts.flatMap(({ issues }) => issues) }
}

/** `positionAt` turns an offset in the file into a place that people find. */
function readDocument(document: Document.Parsed, positionAt: (offset: number) => SourcePosition): Manifests {
  const source = positionAt(document.contents?.range[0] ?? document.range[0])
  const refuse = (message: string, offset?: number) =>
    refused('invalid-yaml', undefined, {
      source: offset === undefined ? source : positionAt(offset),
      message: `document ${source.document} is not valid: ${message}`,
    })
  const [error] = document.errors
  if (error !== undefined) return refuse(error.message, error.pos[0])
  const repeated = repeatedKey(document)
  if (repeated !== undefined) return refuse(`the key ${JSON.stringify(repeated.value)} stands twice in one map`, repeated.range?.[0])
  const items = unlessThrown(() => unfoldLists(document.toJS({ maxAliasCount: MOST_ALIASES })))
  return items.ok ? joined(items.value.map((item) => readObject(item, source))) : refuse(items.reason)
}

/** The second of two equal keys of a map. */
function repeatedKey(document: Document): Scalar | undefined {
  let repeated: Scalar | undefined
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) {
          repeated = key
          return visit.BREAK
        }
        seen.add(key.value)
      }
      return undefined
    },
  })
  return repeated
}

/** What toJS throws for too many aliases, and what a list that holds itself comes to. */
function unlessThrown<Value>(
  read: () => Value,
): { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: read() }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** A `List` (or a typed one, `IngressList`) stands for its items, to any depth. */
function unfoldLists(value: unknown): readonly unknown[] {
  if (!isRecord(value) || !Array.isArray(value['items']) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List'))
    return [value]
  return value['items'].flatMap(unfoldLists)
}

/** The object, or why it is none; nothing for what is not ours to read. */
function readObject(value: unknown, source: SourcePosition): Manifests {
  if (value == null) return NOTHING
  if (!isRecord(value)) {
    const found = Array.isArray(value) ? 'list' : typeof value
    return refused('invalid-object', undefined, { source, message: `document ${source.document} is no object but a ${found}` })
  }
  const { kind, apiVersion } = value
  if (typeof kind !== 'string' || !Object.hasOwn(objectKinds, kind)) return NOTHING
  const { apiVersion: expected, schema } = objectKinds[kind as ObjectKind]
  const ref = refOf(kind, value['metadata'])
  if (apiVersion !== expected) {
    if (typeof apiVersion === 'string' && isForeignGroup(kind, groupOf(apiVersion), groupOf(expected))) return NOTHING
    const message = `apiVersion ${JSON.stringify(apiVersion ?? null)} of ${kind} is not supported; write ${expected}`
    return refused('unsupported-version', ref, { source, field: 'apiVersion', message })
  }
  const parsed = schema.safeParse(value)
  return parsed.success
    ? { objects: [{ object: parsed.data, source }], issues: [] }
    : refused('invalid-object', ref, { source, ...fieldAndReason(parsed.error) })
}

/** Other groups have kinds of the same name, as Knative its Service; Ingress was in `extensions` once. */
function isForeignGroup(kind: string, group: string, expected: string): boolean {
  return group !== expected && !(kind === 'Ingress' && group === 'extensions')
}

function fieldAndReason(error: z.ZodError): { readonly field: string; readonly message: string } {
  const { field, reason } = describeRefusal(error)
  return { field, message: `${reason}; the object is left out` }
}

function refOf(kind: string, metadata: unknown): ObjectRef {
  const { name, namespace } = isRecord(metadata) ? metadata : {}
  const isClusterWide = kind === 'IngressClass' || kind === 'Namespace'
  return {
    kind,
    namespace: isClusterWide ? '' : typeof namespace === 'string' ? namespace : 'default',
    name: typeof name === 'string' && name !== '' ? name : NO_NAME,
  }
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
