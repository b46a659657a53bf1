/** One owner a state directory: whoever listens on its lock socket. A dead owner's socket refuses, so no lock outlives its holder. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { Layout } from './layout.ts'

/** Owns NGINX until the signal aborts. Throws when a living process does. */
export async function lockStateDirectory(layout: Layout, signal: AbortSignal): Promise<void> {
  await lock(layout.lockSocket, `the state directory ${layout.root}`, signal)
}

/** Owns the configuration until the signal aborts. Throws when a living process does. */
export async function lockConfiguration(layout: Layout, signal: AbortSignal): Promise<void> {
  await lock(layout.controllerLockSocket, `the configuration in ${layout.conf}`, signal)
}

async function lock(socketPath: string, owned: string, signal: AbortSignal): Promise<void> {
  if (await isListening(socketPath)) throw new Error(`another nginx-ts owns ${owned}; choose another directory with --state-dir`)
  await rm(socketPath, { force: true })
  const server = createServer((connection) => connection.destroy())
  server.listen(socketPath)
  await once(server, 'listening')
  signal.addEventListener('abort', () => server.close(), { once: true })
}

async function isListening(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const connection = connect(path, () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}
