/** Nunjucks, held to what this project wants of it: precompiled templates, strict views, filters that know their sink. */
import nunjucks from 'nunjucks'
import { compiledTemplates } from './compiled-templates.ts'
import { filters } from './filters.ts'

const environment = new nunjucks.Environment(new nunjucks.PrecompiledLoader(compiledTemplates as never), {
  autoescape: false,
  throwOnUndefined: true,
})
for (const [name, filter] of Object.entries(filters)) environment.addFilter(name, filter)

/**
 * Prints a view, under the one name the template knows it by. Throws when a template asks for a property that the view
 * does not have, or a filter refuses a value.
 */
export function print(template: string, name: string, view: object): string {
  return `${environment.render(template, { [name]: strict(view) }).trimStart()}`
}

/**
 * The same data, which throws where an unknown property is read: Nunjucks takes it for undefined, and `{% if %}` for
 * false. A property that may be missing is there, with the value undefined.
 */
export function strict<View>(view: View): View {
  if (Array.isArray(view)) return view.map(strict) as View
  if (typeof view !== 'object' || view === null) return view
  return new Proxy(view, {
    get(target, property) {
      if (typeof property === 'symbol' || Object.hasOwn(target, property)) return strict(Reflect.get(target, property))
      throw new Error(`a template asks for ${property}, which its view does not have`)
    },
  })
}
