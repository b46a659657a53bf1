import { hash } from 'node:crypto'

/** So many hexadecimal digits that stand for the text: 12 tell names apart, 20 contents. */
export function shortHash(text: string, digits: 12 | 20): string {
  return hash('sha256', text).slice(0, digits)
}
