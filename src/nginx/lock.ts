/** One owner a state directory: whoever listens on its lock socket. A dead owner's socket refuses, so no lock outlives its holder. */
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { Layout } from './layout.ts'

/** Takes the lock until the signal aborts. Throws when a living process has it. */
export async function lockStateDirectory(layout: Layout, signal: AbortSignal): Promise<void> {
  if (await isListening(layout.lockSocket))
    throw new Error(`another nginx-ts owns the state directory ${layout.root}; choose another with --state-dir`)
  await rm(layout.lockSocket, { force: true })
  const server = createServer((connection) => connection.destroy())
  server.listen(layout.lockSocket)
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
