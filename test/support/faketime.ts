/** libfaketime, which gives a process another wall clock than the machine's. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { aptInstall, type Say } from '../../scripts/provide.ts'

/** Installs it through apt-get where it is missing; tests that need it are skipped where that cannot be. */
export async function provideFaketime(say: Say): Promise<void> {
  if ((await faketimeLibrary()) !== undefined) return
  await aptInstall(['libfaketime'], say).catch(() => say('there is no libfaketime: clocks jump in unit tests only'))
}

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
