/** Asking the workers: which generation answers now, and from which process. */
import { request } from 'node:http'
import type { Generation } from './generations.ts'

export type WorkerAnswer = { readonly kind: 'answer'; readonly generation: Generation; readonly pid: number; readonly version: string }
/** `gone`: nobody listens. `silent`: somebody does, and says nothing that makes sense in time. */
export type NoAnswer = { readonly kind: 'gone' } | { readonly kind: 'silent' }
export type StatusAnswer = WorkerAnswer | NoAnswer

const ANSWER_TIMEOUT_MS = 1000

/** Asks one worker, on a fresh connection. */
export async function askWorker(statusSocket: string): Promise<StatusAnswer> {
  const answer = await askSocket(statusSocket, '/generation')
  return answer.kind === 'text' ? parseAnswer(answer.text) : answer
}

/** The text at a path of NGINX's own server on the status socket. */
export async function askSocket(statusSocket: string, path: string): Promise<{ readonly kind: 'text'; readonly text: string } | NoAnswer> {
  return await new Promise((resolve) => {
    const asking = request({ socketPath: statusSocket, path, agent: false, timeout: ANSWER_TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ kind: 'text', text }))
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
