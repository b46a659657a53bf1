/** An explanation for a pull request or a wiki. */
import type { Explanation } from './schema.ts'

export function printMarkdown(explanation: Explanation, settings: { readonly verbose: boolean }): string {
  return `${explanation.version}${settings.verbose}`
}
