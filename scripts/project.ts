/** What every script of this project needs to know. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the checkout. */
export const project = join(dirname(fileURLToPath(import.meta.url)), '..')

const NODE_MAJOR = 24

/** Without node_modules, npm would silently use the machine's own Node. */
export function assertNodeVersion(): void {
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR) throw new Error(`Node ${NODE_MAJOR} is needed and this is ${process.versions.node}: run the script through npm`)
}
