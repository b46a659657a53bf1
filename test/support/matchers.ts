/** Words of our own for what a request came to. */
import { expect } from '@jest/globals'
import type { Answer } from './client.ts'

function fromBackend(answer: Answer): string | undefined {
  return answer.seen?.backend
}

expect.extend({
  toComeFrom(answer: Answer, backend: string) {
    const pass = answer.status === 200 && fromBackend(answer) === backend
    return { pass, message: () => `expected an answer of ${backend}, got ${answer.status} from ${fromBackend(answer) ?? 'NGINX'}` }
  },
  toHaveStatus(answer: Answer, status: number) {
    return {
      pass: answer.status === status,
      message: () => `expected ${status}, got ${answer.status} from ${fromBackend(answer) ?? 'NGINX'}: ${answer.body.slice(0, 200)}`,
    }
  },
})

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>> {
    /** 200, answered by the backend of that name. */
    toComeFrom(backend: string): R
    toHaveStatus(status: number): R
  }
}
