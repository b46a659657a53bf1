/**
 * templates/*.njk → src/render/compiled-templates.ts, so that the process that renders needs no code generation at run
 * time. Refuses a template that prints a value through no filter, or reads a name that nobody gives it: Nunjucks itself
 * takes a misspelt name in `{% if %}` or `{% for %}` for nothing, in silence.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'
import { filters } from '../src/render/filters.ts'

type Node = {
  readonly typename: string
  readonly lineno: number
  readonly value?: unknown
  readonly name?: Node
  readonly children?: readonly Node[]
  readonly fields?: readonly string[]
} & Readonly<Record<string, unknown>>
type Internals = {
  readonly parser: { parse(source: string): Node }
  readonly compiler: {
    compile(source: string, asyncFilters: readonly unknown[], extensions: readonly unknown[], name: string, options: object): string
  }
}
const { parser, compiler } = nunjucks as unknown as Internals

const project = join(dirname(fileURLToPath(import.meta.url)), '..')

/** What is wrong in a template, one line each; empty when nothing is. `given` are the names that render passes in. */
export function templateFaults(source: string, name: string, given: ReadonlySet<string>): readonly string[] {
  const faults: string[] = []
  const fault = (node: Node, text: string) => faults.push(`${name}:${node.lineno + 1}: ${text}`)

  function visit(node: Node, names: ReadonlySet<string>) {
    if (node.typename === 'Output') for (const child of node.children ?? []) checkOutput(child)
    if (node.typename === 'Symbol' && typeof node.value === 'string' && !names.has(node.value))
      fault(node, `nobody gives the name ${node.value}`)
    if (node.typename === 'Filter' || node.typename === 'FunCall' || node.typename === 'Is') {
      // The callee of a filter or test is its name, not a variable.
      if (node.typename === 'FunCall') visitAll([node.name, ...childrenOf(node['args'])], names)
      else if (node.typename === 'Filter') visitAll(childrenOf(node['args']), names)
      else visitAll([node['left'] as Node], names)
      return
    }
    const inner = node.typename === 'NodeList' || node.typename === 'Root' ? withDefined(node, names) : namesWithin(node, names)
    for (const field of node.fields ?? []) {
      if (field === 'name' && (node.typename === 'Macro' || node.typename === 'For')) continue
      if (node.typename === 'Macro' && field === 'args') continue
      if (node.typename === 'FromImport' || node.typename === 'Pair') continue
      const value = node[field]
      visitAll(Array.isArray(value) ? value : [value], inner)
    }
  }

  function visitAll(nodes: readonly unknown[], names: ReadonlySet<string>) {
    for (const node of nodes) if (isNode(node)) visit(node, names)
  }

  function checkOutput(child: Node) {
    if (child.typename === 'TemplateData') return
    // A macro prints through filters of its own; a method of a value would print the value.
    if (child.typename === 'FunCall' && child.name?.typename === 'Symbol') return
    const filter = child.typename === 'Filter' ? String(child.name?.value) : undefined
    if (filter === undefined) fault(child, 'a value is printed through no filter')
    else if (!Object.hasOwn(filters, filter)) fault(child, `there is no filter ${filter}`)
  }

  visit(parser.parse(source), given)
  return faults
}

/** The names that imports and macros of a block define for all that follows. */
function withDefined(block: Node, names: ReadonlySet<string>): ReadonlySet<string> {
  const defined = (block.children ?? []).flatMap((child) => {
    if (child.typename === 'FromImport') return childrenOf(child['names']).map((name) => String(name.value))
    return child.typename === 'Macro' ? [String(child.name?.value)] : []
  })
  return new Set([...names, ...defined])
}

function namesWithin(node: Node, names: ReadonlySet<string>): ReadonlySet<string> {
  if (node.typename === 'For') return new Set([...names, String(node.name?.value)])
  if (node.typename === 'Macro') return new Set([...names, ...childrenOf(node['args']).map((argument) => String(argument.value))])
  return names
}

function childrenOf(list: unknown): readonly Node[] {
  return isNode(list) ? (list.children ?? []) : []
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'typename' in value
}

/** The names that `render` passes to each template; the others get theirs as arguments of macros. */
export const templateInputs: Readonly<Record<string, readonly string[]>> = {
  'nginx.conf.njk': ['root'],
  'server.njk': ['server'],
  'shard.njk': ['shard'],
  'certificates.njk': ['certificates'],
  'hosts.njk': ['hosts'],
  'variables.njk': ['variables'],
  'endpoints.njk': ['endpoints'],
  'stream.njk': ['stream'],
}

function compileAll() {
  const folder = join(project, 'templates')
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.njk'))
    .sort()
  const modules = names.map((name) => {
    const source = readFileSync(join(folder, name), 'utf8')
    const faults = templateFaults(source, name, new Set(templateInputs[name] ?? []))
    if (faults.length > 0) throw new Error(`templates are refused:\n${faults.join('\n')}`)
    return `  ${JSON.stringify(name)}: (() => {\n${compiler.compile(source, [], [], name, { throwOnUndefined: true, autoescape: false })}\n  })(),`
  })
  const target = join(project, 'src/render/compiled-templates.ts')
  mkdirSync(dirname(target), { recursive: true })
  const text = `// Made by scripts/compile-templates.ts from templates/*.njk; not kept in git.\n// @ts-nocheck\n\nexport const compiledTemplates: Readonly<Record<string, { readonly root: unknown }>> = {\n${modules.join('\n')}\n}\n`
  // A file that is newer than what was built from it asks for another build.
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) writeFileSync(target, text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) compileAll()
