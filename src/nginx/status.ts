/** Asking the workers: which generation answers now, and from which process. */
import { request } from 'node:http'
import type { Generation } from './generations.ts'

export type WorkerAnswer = { readonly kind: 'answer'; readonly generation: Generation; readonly pid: number; readonly version: string }
/** `gone`: nobody listens. `silent`: somebody does, and says nothing that makes sense in time. */
export type StatusAnswer = WorkerAnswer | { readonly kind: 'gone' } | { readonly kind: 'silent' }

const ANSWER_TIMEOUT_MS = 1000

/** Asks one worker, on a fresh connection. */
export async function askWorker(statusSocket: string): Promise<StatusAnswer> {
  return await new Promise((resolve) => {
    const asking = request({ socketPath: statusSocket, path: '/generation', agent: false, timeout: ANSWER_TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve(parseAnswer(text)))
      response.on('error', () => resolve({ kind: 'silent' }))
    })
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
    asking.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ kind: error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? 'gone' : 'silent' }),
    )
    asking.end()
  })
}

function parseAnswer(text: string): StatusAnswer {
  const [, number, hash, pid, version] = /^(\d+) (\w+) (\d+) (\S+)\n$/.exec(text) ?? []
  if (number === undefined || hash === undefined || pid === undefined || version === undefined) return { kind: 'silent' }
  return { kind: 'answer', generation: { number: Number(number), hash }, pid: Number(pid), version }
}
