/** Why a schema of objects.ts refused an object, for people. */
import type { z } from 'zod'

/** The first thing that is wrong: the path of the field, as `spec.rules[0].host`, and what is wrong with it. */
export function describeRefusal(error: z.ZodError): { readonly field: string; readonly reason: string } {
  const first = error.issues[0]
  const field = (first?.path ?? [])
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1)
  return { field, reason: first?.message ?? 'is not valid' }
}
