/** The word that somebody may have meant. */

/** The known word that differs least, when it differs by little, or begins or ends with the one given; undefined else. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const allowed = Math.max(2, Math.floor(word.length / 6))
  let best: { readonly word: string; readonly distance: number } | undefined
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) > allowed && !isPart(word, candidate)) continue
    const distance = isPart(word, candidate) ? Math.min(2, editDistance(word, candidate)) : editDistance(word, candidate)
    if (distance <= allowed && (best === undefined || distance < best.distance)) best = { word: candidate, distance }
  }
  return best?.word
}

const SHORTEST_PART = 8

function isPart(word: string, candidate: string): boolean {
  return word.length >= SHORTEST_PART && (candidate.startsWith(`${word}-`) || candidate.endsWith(`-${word}`))
}

/** Levenshtein's: how many letters must be added, removed or exchanged. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let line = 1; line <= a.length; line++) {
    const next = [line]
    for (let column = 1; column <= b.length; column++) {
      const exchanged = (row[column - 1] ?? 0) + (a[line - 1] === b[column - 1] ? 0 : 1)
      next.push(Math.min(exchanged, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
