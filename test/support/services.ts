/** Backends by the name of the Service that leads to them. */
import { type BackendOptions, startBackend } from './backend.ts'
import { type Manifest, serviceFor } from './objects.ts'

/** Starts a backend for each name, for as long as `started` lives, and gives the Services and slices that lead there. */
export async function startServices(started: AsyncDisposableStack, names: readonly string[], options: BackendOptions = {}) {
  const manifests: Manifest[] = []
  for (const name of names) manifests.push(...serviceFor(started.use(await startBackend(name, options))))
  return manifests
}
