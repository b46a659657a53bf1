/** How `$request_uri` becomes the value of a parameter: see templates/escaping.njk. */

/** Each takes some variables, for which every request has a place. */
const MOST_ESCAPES = 32

/**
 * All but what a query gives a meaning to; an escape of other than ASCII means the same when it has been decoded once.
 * Possessive, like all of the expression: clients write what it is matched with, and it never goes back.
 */
const PLAIN = '(?:[^%&+#;]++|%[89A-Fa-f])*+'

export function escapingView() {
  const pieces = Array.from({ length: MOST_ESCAPES }, (_, index) => index + 1)
  const rest = pieces.map((piece) => `(?<uri_special_${piece}>[%&+#;]?+)(?<uri_piece_${piece}>${PLAIN})`)
  return { pieces, expression: `~^(?<uri_piece_0>${PLAIN})${rest.join('')}$` }
}
