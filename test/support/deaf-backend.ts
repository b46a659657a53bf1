/** A backend that takes connections and reads nothing from them until it is told to, and then answers each whole request. */
import { type Backend, type BackendOptions, startBackend } from './backend.ts'

export type DeafBackend = Backend & {
  /** Reads what has come and what comes from now on. */
  listen(): void
}

export async function startDeafBackend(name: string, options: BackendOptions = {}): Promise<DeafBackend> {
  let hears: (() => void)[] | undefined = []
  const backend = await startBackend(name, {
    ...options,
    answer: (request, response) => {
      const hear = () => void request.resume().once('end', () => response.end('heard'))
      if (hears === undefined) hear()
      else hears.push(hear)
    },
  })
  return {
    ...backend,
    listen() {
      for (const hear of hears ?? []) hear()
      hears = undefined
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}
