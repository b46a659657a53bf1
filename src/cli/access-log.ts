/** Where NGINX logs access. */
import { constants, fstatSync } from 'node:fs'
import { access } from 'node:fs/promises'
import type { Layout } from '../nginx/layout.ts'
import type { Logger } from '../observe/log.ts'

/** Standard output, where a container's log is; a file where NGINX could not open that by name. */
export async function accessLogPath(layout: Layout, log: Logger): Promise<string> {
  const standardOutput = '/dev/stdout'
  const canOpen =
    !fstatSync(1).isSocket() &&
    (await access(standardOutput, constants.W_OK).then(
      () => true,
      () => false,
    ))
  if (canOpen) return standardOutput
  log.info(`access is logged to ${layout.accessLog}, for NGINX cannot open standard output`)
  return layout.accessLog
}
