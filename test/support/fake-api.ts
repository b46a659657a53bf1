/**
 * A KubeClient on an API server of a few lines, kept in memory: for tests that inject a fault into a single call, or
 * that run thousands of them in virtual time. What the real one does is tested on the real one, in test/e2e.
 */
import { ApiError, type ApiRequest, type KubeClient } from '../../src/kube/client.ts'

export type FakeObject = { readonly metadata: { readonly name: string; readonly resourceVersion?: string } } & Readonly<
  Record<string, unknown>
>

export type FakeApi = {
  readonly client: KubeClient
  /** By path. Writing here stands for what somebody else does. */
  readonly objects: ReadonlyMap<string, FakeObject>
  put(path: string, object: object): void
  remove(path: string): void
  /** What was asked, in order, as `PATCH /path`. */
  readonly requests: ApiRequest[]
  /** Stands before each request; what it throws is thrown in place of the answer. */
  before: (request: ApiRequest) => void | Promise<void>
}

/** Knows GET, lists, POST, PUT and merge patches, and refuses a version that is not the newest. */
export function createFakeApi(): FakeApi {
  const objects = new Map<string, FakeObject>()
  let version = 0

  function put(path: string, object: object): FakeObject {
    version += 1
    const { metadata } = object as FakeObject
    const stored = { ...object, metadata: { ...metadata, resourceVersion: String(version) } }
    objects.set(path, stored)
    return stored
  }

  function expectVersion(path: string, body: unknown): FakeObject {
    const stored = objects.get(path)
    if (stored === undefined) throw new ApiError(`${path}: 404`, 404, 'NotFound', undefined)
    const { metadata } = body as Partial<FakeObject>
    if (metadata?.resourceVersion !== undefined && metadata.resourceVersion !== stored.metadata.resourceVersion)
      throw new ApiError(`${path}: 409`, 409, 'Conflict', undefined)
    return stored
  }

  function answer({ method = 'GET', path, body }: ApiRequest): unknown {
    const target = path.replace(/\/status$/, '')
    if (method === 'GET' && objects.has(target)) return objects.get(target)
    if (method === 'GET' && !isCollection(path)) throw new ApiError(`${path}: 404`, 404, 'NotFound', undefined)
    if (method === 'GET') return { metadata: {}, items: [...objects].filter(([key]) => isIn(path, key)).map(([, object]) => object) }
    if (method === 'POST') {
      const key = `${path}/${(body as FakeObject).metadata.name}`
      if (objects.has(key)) throw new ApiError(`${key}: 409`, 409, 'AlreadyExists', undefined)
      return put(key, body as FakeObject)
    }
    const stored = expectVersion(target, body)
    if (method === 'PUT') return put(target, body as FakeObject)
    if (method === 'PATCH') return put(target, merged(stored, body) as FakeObject)
    throw new Error(`${method} is not known here`)
  }

  const fake: FakeApi = {
    objects,
    put,
    remove: (path) => objects.delete(path),
    requests: [],
    before: () => {},
    client: {
      async request<Result>(request: ApiRequest) {
        request.permit?.()
        fake.requests.push(request)
        await fake.before(request)
        return structuredClone(answer(request)) as Result
      },
      chunks() {
        throw new Error('no list in parts here')
      },
      stream() {
        throw new Error('no watch here')
      },
    },
  }
  return fake
}

const COLLECTIONS = ['leases', 'ingresses', 'events', 'pods', 'nodes', 'services', 'endpointslices']

function isCollection(path: string): boolean {
  return COLLECTIONS.includes(path.slice(path.lastIndexOf('/') + 1))
}

/** Whether an object is in the collection, which may be that of all namespaces. */
function isIn(collection: string, path: string): boolean {
  const own = path.slice(0, path.lastIndexOf('/'))
  return own === collection || own.replace(/\/namespaces\/[^/]+/, '') === collection
}

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {}
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value)
  }
  return result
}
