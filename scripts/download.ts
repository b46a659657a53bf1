/** Archives from elsewhere, taken only with the sum that is pinned here. */
import { createHash } from 'node:crypto'
import type { Say } from './provide.ts'

export type Sum = { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string }

/** Until the server answers, and until all of it has come. */
const ANSWER_TIMEOUT_MS = 5000
const DOWNLOAD_TIMEOUT_MS = 180_000

/** The archive at a URL; undefined when it cannot be had. Throws when what came is something else. `what` is for whoever waits. */
export async function downloadArchive(what: string, url: string, { algorithm, hex }: Sum, say: Say): Promise<Uint8Array | undefined> {
  say(`${what}: downloading ${url.slice(url.lastIndexOf('/') + 1)}`)
  const archive = await download(url).catch((error) => {
    say(`${what}: it cannot be downloaded here (${error instanceof Error ? (error.cause ?? error) : error})`)
    return undefined
  })
  if (archive === undefined) return undefined
  const found = createHash(algorithm).update(archive).digest('hex')
  if (found !== hex) throw new Error(`${url} has the ${algorithm} ${found}, not ${hex}`)
  return archive
}

async function download(url: string): Promise<Uint8Array> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('no answer in time')), ANSWER_TIMEOUT_MS)
  try {
    const response = await fetch(url, { signal: AbortSignal.any([silence.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]) })
    clearTimeout(timer)
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    return new Uint8Array(await response.arrayBuffer())
  } finally {
    clearTimeout(timer)
  }
}
