/**
 * nginx.conf as NGINX reads it: a transcription of ngx_conf_read_token (src/core/ngx_conf_file.c), which knows nothing of
 * what directives mean. What it gives for a text is what NGINX gets to see of it.
 */

/** One directive. `args` are decoded; `block` is there for one that ends in braces. */
export type Directive = { readonly name: string; readonly args: readonly string[]; readonly block: readonly Directive[] | undefined }

/** NGX_CONF_BUFFER: a token, or a comment, has to end within so many bytes of its beginning. */
const CONF_BUFFER_BYTES = 4096

type Token = { readonly end: 'semicolon' | 'opened' | 'closed' | 'file'; readonly words: readonly string[] }

/** Reads a whole file. Throws where NGINX would refuse it for its form. */
export function parseDirectives(text: string): readonly Directive[] {
  const reader = createReader(text)
  return readBlock(reader, 'file')
}

/** Every directive of a tree, parents first. */
export function everyDirective(directives: readonly Directive[]): readonly Directive[] {
  return directives.flatMap((directive) => [directive, ...everyDirective(directive.block ?? [])])
}

/** The names and numbers of arguments, nested: the tree without its values. */
export function shapeOf(directives: readonly Directive[]): unknown {
  return directives.map(({ name, args, block }) => [name, args.length, ...(block === undefined ? [] : [shapeOf(block)])])
}

function readBlock(reader: () => Token, until: 'closed' | 'file'): readonly Directive[] {
  const directives: Directive[] = []
  for (;;) {
    const { end, words } = reader()
    if (end === until) return directives
    if (end === 'closed') throw new Error('unexpected "}"')
    if (end === 'file') throw new Error('unexpected end of file, expecting "}"')
    const [name = '', ...args] = words
    directives.push({ name, args, block: end === 'opened' ? readBlock(reader, 'closed') : undefined })
  }
}

/** Gives the words up to the next `;`, `{`, `}` or the end of the file, one directive's a call. */
function createReader(text: string): () => Token {
  let position = 0

  return function readToken(): Token {
    const words: string[] = []
    let start = position
    let isQuoted = false
    let isComment = false
    let needsSpace = false
    let isBetween = true
    let inDouble = false
    let inSingle = false
    let isVariable = false

    const finished = (end: Token['end']): Token => ({ end, words })

    for (;;) {
      if (position >= text.length) {
        if (words.length > 0 || !isBetween) throw new Error('unexpected end of file, expecting ";" or "}"')
        return finished('file')
      }
      const character = text.charAt(position)
      position += 1
      if (character === '\n') isComment = false
      if (isComment) {
        refuseTooLong(start)
        continue
      }
      if (isQuoted) {
        isQuoted = false
        continue
      }
      if (needsSpace) {
        if (isSpace(character)) {
          isBetween = true
          needsSpace = false
          continue
        }
        if (character === ';') return finished('semicolon')
        if (character === '{') return finished('opened')
        if (character !== ')') throw new Error(`unexpected "${character}"`)
        isBetween = true
        needsSpace = false
      }
      if (isBetween) {
        start = position - 1
        if (isSpace(character)) continue
        if (character === ';' || character === '{') {
          if (words.length === 0) throw new Error(`unexpected "${character}"`)
          return finished(character === '{' ? 'opened' : 'semicolon')
        }
        if (character === '}') {
          if (words.length > 0) throw new Error('unexpected "}"')
          return finished('closed')
        }
        if (character === '#') {
          isComment = true
          continue
        }
        isBetween = false
        if (character === '\\') isQuoted = true
        else if (character === '"' || character === "'") {
          start += 1
          inDouble = character === '"'
          inSingle = character === "'"
        } else if (character === '$') isVariable = true
        continue
      }
      if (character === '{' && isVariable) continue
      isVariable = false
      if (character === '\\') {
        isQuoted = true
        continue
      }
      if (character === '$') {
        isVariable = true
        continue
      }
      if (inDouble || inSingle) {
        if (character !== (inDouble ? '"' : "'")) continue
        inDouble = false
        inSingle = false
        needsSpace = true
      } else if (isSpace(character) || character === ';' || character === '{') isBetween = true
      else continue

      refuseTooLong(start)
      words.push(decode(text.slice(start, position - 1)))
      if (character === ';') return finished('semicolon')
      if (character === '{') return finished('opened')
    }
  }

  function refuseTooLong(start: number) {
    // Bytes never outnumber three times the UTF-16 units: most tokens need no count.
    if ((position - start) * 3 <= CONF_BUFFER_BYTES) return
    if (Buffer.byteLength(text.slice(start, position)) > CONF_BUFFER_BYTES) throw new Error('too long parameter')
  }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n'
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' }

/** An escape that NGINX does not know stays as it is, backslash included. */
function decode(raw: string): string {
  return raw.replace(/\\([\s\S])/g, (whole, escaped: string) => ESCAPES[escaped] ?? whole)
}
