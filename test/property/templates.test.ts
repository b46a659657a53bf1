/** A template that prints a value bare, or misspells a name, is refused before anything is rendered with it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import nunjucks from 'nunjucks'
import { templateFaults, templateInputs } from '../../scripts/compile-templates.ts'
import { project } from '../../scripts/project.ts'

const folder = join(project, 'templates')
const names = readdirSync(folder).filter((name) => name.endsWith('.njk'))

function faultsOf(source: string): readonly string[] {
  return templateFaults(source, 'test.njk', new Set(['server']))
}

describe('printing is refused', () => {
  test.each([
    ['a value through no filter', '{{ server.name }}', 'a value is printed through no filter'],
    ['a text of the template itself', '{{ "x" }}', 'a value is printed through no filter'],
    ['two values joined', '{{ server.a ~ server.b }}', 'a value is printed through no filter'],
    ['a filtered value joined with another', '{{ (server.a | literal) ~ server.b }}', 'a value is printed through no filter'],
    ['a choice of values', '{{ server.a if server.b else server.c }}', 'a value is printed through no filter'],
    ['what a method of a value gives', '{{ server.name.trim() }}', 'a value is printed through no filter'],
    ['what a method of a list gives', '{{ server.names.join(" ") }}', 'a value is printed through no filter'],
    ['a part of a value', '{{ server["a"] }}', 'a value is printed through no filter'],
    ['within a block', '{% if server.a %}{% for x in server.b %}{{ x }}{% endfor %}{% endif %}', 'a value is printed through no filter'],
    ['within a macro', '{% macro m(x) %}{{ x }}{% endmacro %}', 'a value is printed through no filter'],
    ['through `safe`', '{{ server.name | safe }}', 'there is no filter safe'],
    ['through `join`', '{{ server.names | join(" ") }}', 'there is no filter join'],
    ['through a filter that is misspelt', '{{ server.name | litteral }}', 'there is no filter litteral'],
    ['through one of ours and then another', '{{ server.name | literal | upper }}', 'there is no filter upper'],
    ['through a property of every object', '{{ server.name | constructor }}', 'there is no filter constructor'],
  ])('%s', (_, source, fault) => {
    expect(faultsOf(source)).toEqual([`test.njk:1: ${fault}`])
  })
})

describe('a name that nobody gives is refused', () => {
  test.each([
    ['in a condition', '{% if sever.auth %}x{% endif %}'],
    ['in a negated one', '{% if not sever %}x{% endif %}'],
    ['in `elif`', '{% if server.a %}{% elif sever.b %}{% endif %}'],
    ['in `is defined`', '{% if sever.a is defined %}x{% endif %}'],
    ['in a comparison', '{% if server.a == sever.b %}x{% endif %}'],
    ['in a loop', '{% for x in sever.list %}{% endfor %}'],
    ['in an output', '{{ sever.name | literal }}'],
    ['in the argument of a filter', '{{ server.name | literal(sever) }}'],
    ['in the argument of a macro', '{% macro m(x) %}{% endmacro %}{{ m(sever) }}'],
    ['as the macro that is called', '{{ sever(server) }}'],
    ['after the loop that gives it', '{% for sever in server.list %}{% endfor %}{% if sever %}{% endif %}'],
    ['within a macro, which sees only its arguments and what is given', '{% macro m(x) %}{% if sever %}{% endif %}{% endmacro %}'],
  ])('%s', (_, source) => {
    expect(faultsOf(source)).toEqual(['test.njk:1: nobody gives the name sever'])
  })
})

test('a template with nothing wrong has no faults', () => {
  const source = [
    '{% from "other.njk" import block %}',
    '{% macro m(x, y) %}{{ x | literal }}{% if y is defined %}{{ y.a | integer }}{% endif %}{% endmacro %}',
    '{% for item in server.items %}{{ m(item, server.y) }}{{ block(item) }}{% endfor %}',
  ]
  expect(faultsOf(source.join('\n'))).toEqual([])
})

test('a fault is told with its line', () => {
  expect(faultsOf('server {\n\n  {{ server.name }};\n}')).toEqual(['test.njk:3: a value is printed through no filter'])
})

test('Nunjucks itself would take a misspelt name for nothing, in silence', () => {
  const environment = new nunjucks.Environment(null, { throwOnUndefined: true, autoescape: false })
  expect(environment.renderString('{% if sever.auth %}protected{% endif %}{% for x in sever %}x{% endfor %}open', {})).toBe('open')
})

describe('the templates', () => {
  test.each(names)('%s is free of faults', (name) => {
    expect(templateFaults(readFileSync(join(folder, name), 'utf8'), name, new Set(templateInputs[name] ?? []))).toEqual([])
  })

  test('that are given a view exist', () => {
    expect(names).toEqual(expect.arrayContaining(Object.keys(templateInputs)))
  })

  test.each(names)(
    '%s includes no other template by a name that is not its own, sets no variable, and calls nothing but macros',
    (name) => {
      expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/{%-?\s*(include|extends|set|call|filter|raw|import)\b/)
    },
  )
})
