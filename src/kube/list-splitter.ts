/**
 * The text of a list, taken apart into its items as it arrives. V8 makes what it parses from a text above 100 kB long-lived
 * at once, and so a page parsed as a whole is garbage that piles up; an item parsed by itself is gone in no time.
 */

export type ListSplitter = {
  /** The texts of the items that this part of the list completes. */
  push(chunk: string): readonly string[]
  /** The text of the list without its items, once everything was pushed. */
  rest(): string
}

const BEFORE_ITEMS = /"items"\s*:\s*$/
const [QUOTE, BACKSLASH, COMMA, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d]
/** Within the braces of the list, and within the brackets of its items. */
const IN_LIST = 1
const IN_ITEMS = 2

/** Does not judge what it takes apart: that is left to whoever parses the parts. */
export function createListSplitter(): ListSplitter {
  let rest = ''
  let item = ''
  let depth = 0
  let isInItems = false
  let isInString = false
  let isEscaped = false

  function push(chunk: string): readonly string[] {
    const items: string[] = []
    let start = 0
    const complete = (end: number) => {
      const text = item + chunk.slice(start, end)
      if (text.trim() !== '') items.push(text)
      item = ''
      start = end
    }
    for (let at = 0; at < chunk.length; at += 1) {
      const code = chunk.charCodeAt(at)
      if (isInString) {
        if (isEscaped) isEscaped = false
        else if (code === BACKSLASH) isEscaped = true
        else if (code === QUOTE) isInString = false
      } else if (code === QUOTE) isInString = true
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        depth += 1
        if (code !== OPEN_BRACKET || depth !== IN_ITEMS || !BEFORE_ITEMS.test(rest + chunk.slice(start, at))) continue
        isInItems = true
        rest += chunk.slice(start, at + 1)
        start = at + 1
      } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
        depth -= 1
        if (!isInItems || depth !== IN_LIST) continue
        complete(at)
        isInItems = false
      } else if (code === COMMA && isInItems && depth === IN_ITEMS) {
        complete(at)
        start = at + 1
      }
    }
    if (isInItems) item += chunk.slice(start)
    else rest += chunk.slice(start)
    return items
  }

  return { push, rest: () => rest }
}
