/**
 * How long a text becomes as one token of nginx.conf: values grow when they are printed, and one that does not fit stops
 * everything. Parsers refuse by the same numbers as filters do.
 */

/** NGINX's buffer for one token is 4096 bytes, quotes included. */
export const LONGEST_TOKEN_BYTES = 4090

/** What stands for a dollar sign where variables are expanded. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: NGINX's syntax, not ours
export const DOLLAR = '${dollar}'

/** Of a text in which NGINX expands nothing. */
export function literalBytes(text: string): number {
  return Buffer.byteLength(text) + countOf(text, /[\\"]/g)
}

/** Of a text beside variables that NGINX expands. */
export function interpolatedBytes(text: string): number {
  return literalBytes(text) + countOf(text, /\$/g) * (DOLLAR.length - 1)
}

/** Of a variable's name, in braces. */
export function variableBytes(name: string): number {
  return `\${${name}}`.length
}

function countOf(text: string, characters: RegExp): number {
  return text.match(characters)?.length ?? 0
}
