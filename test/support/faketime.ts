/** libfaketime, which gives a process another wall clock than the machine's. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

const LIBRARIES = '/usr/lib'
const NAME = 'libfaketime.so.1'

/** Where Debian's package `libfaketime` has put it; undefined where it is not installed. */
export async function faketimeLibrary(): Promise<string | undefined> {
  for (const architecture of await namesIn(LIBRARIES)) {
    const folder = join(LIBRARIES, architecture, 'faketime')
    if ((await namesIn(folder)).includes(NAME)) return join(folder, NAME)
  }
  return undefined
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => [])
}
