/** A Service with several endpoints, each a backend of its own that says which it is. */
import { type Backend, type BackendOptions, startBackend } from './backend.ts'
import { endpointSlice, type Manifest, service } from './objects.ts'

export type Pods = {
  /** `shop-1`, `shop-2`, … */
  readonly names: readonly string[]
  /** The Service, with these of its endpoints; with all of them when none are named. */
  manifests(...names: readonly string[]): readonly Manifest[]
}

/** Starts so many endpoints of a Service, for as long as `started` lives. */
export async function startPods(started: AsyncDisposableStack, name: string, count: number, options: BackendOptions = {}): Promise<Pods> {
  const backends: Backend[] = []
  for (let index = 1; index <= count; index++) backends.push(started.use(await startBackend(`${name}-${index}`, options)))
  return {
    names: backends.map((backend) => backend.name),
    manifests: (...names) => [
      service(name),
      ...backends
        .filter((backend) => names.length === 0 || names.includes(backend.name))
        .map((backend) => endpointSlice(name, [{ address: backend.address }], { port: backend.port }, { suffix: backend.name })),
    ],
  }
}
