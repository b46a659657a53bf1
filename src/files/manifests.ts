/** The text of a file of manifests → objects and Issues. Pure; one bad document costs only itself. */
import { LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import { type ClusterObject, type ObjectKind, objectKinds } from '../cluster/objects.ts'
import { type Issue, issue, type ObjectRef, type SourcePosition } from '../model/issue.ts'

export type ManifestObject = { readonly object: ClusterObject; readonly source: SourcePosition }
export type Manifests = { readonly objects: readonly ManifestObject[]; readonly issues: readonly Issue[] }

/** An alias-laden document of a few lines can stand for gigabytes; this many aliases are more than manifests use. */
const MOST_ALIASES = 100

/** Reads every document of a file. `file` is the name that Issues give. */
export function parseManifests(content: string, file: string): Manifests {
  const objects: ManifestObject[] = []
  const issues: Issue[] = []
  const lines = new LineCounter()
  const documents = parseAllDocuments(content, { lineCounter: lines, merge: false, prettyErrors: false, logLevel: 'silent' })
  if ('empty' in documents) return { objects, issues }
  for (const [index, document] of documents.entries()) {
    const positionAt = (offset: number): SourcePosition => ({ file, document: index + 1, line: lines.linePos(offset).line })
    const error = document.errors[0]
    if (error !== undefined) {
      issues.push(
        issue('invalid-yaml', undefined, {
          source: positionAt(error.pos[0]),
          message: `document ${index + 1} is not valid YAML: ${error.message}`,
        }),
      )
      continue
    }
    const source = positionAt(document.contents?.range?.[0] ?? document.range?.[0] ?? 0)
    const value = plainValue(() => document.toJS({ maxAliasCount: MOST_ALIASES }))
    if (!value.ok) {
      issues.push(issue('invalid-yaml', undefined, { source, message: `document ${index + 1}: ${value.reason}` }))
      continue
    }
    for (const item of unfoldLists(value.value)) {
      const read = readObject(item, source)
      if (read !== undefined && 'object' in read && 'source' in read && !('code' in read)) objects.push(read)
      else if (read !== undefined) issues.push(read as Issue)
    }
  }
  return { objects, issues }
}

function plainValue(read: () => unknown): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string } {
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

/** The object, an Issue, or nothing for what is not ours to read. */
function readObject(value: unknown, source: SourcePosition): ManifestObject | Issue | undefined {
  if (!isRecord(value)) {
    return value == null
      ? undefined
      : issue('invalid-object', undefined, {
          source,
          message: `document ${source.document} is no object but a ${Array.isArray(value) ? 'list' : typeof value}`,
        })
  }
  const { kind, apiVersion } = value
  if (typeof kind !== 'string' || !Object.hasOwn(objectKinds, kind)) return undefined
  const { apiVersion: expected, schema } = objectKinds[kind as ObjectKind]
  const ref = refOf(kind, value['metadata'])
  if (apiVersion !== expected) {
    if (
      typeof apiVersion === 'string' &&
      groupOf(apiVersion) !== groupOf(expected) &&
      !(kind === 'Ingress' && groupOf(apiVersion) === 'extensions')
    )
      return undefined
    return issue('unsupported-version', ref, {
      source,
      field: 'apiVersion',
      message: `apiVersion ${JSON.stringify(apiVersion ?? null)} of ${kind} is not supported; write ${expected}`,
    })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { object: parsed.data, source }
  return issue('invalid-object', ref, { source, ...fieldAndReason(parsed.error) })
}

function fieldAndReason(error: z.ZodError): { readonly field: string; readonly message: string } {
  const first = error.issues[0]
  const field = (first?.path ?? [])
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1)
  return { field, message: `${first?.message ?? 'is not valid'}; the object is left out` }
}

function refOf(kind: string, metadata: unknown): ObjectRef {
  const { name, namespace } = isRecord(metadata) ? metadata : {}
  const isClusterWide = kind === 'IngressClass' || kind === 'Namespace'
  return {
    kind,
    namespace: isClusterWide ? '' : typeof namespace === 'string' ? namespace : 'default',
    name: typeof name === 'string' ? name : '(no name)',
  }
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
