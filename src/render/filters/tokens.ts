/** Text as one token of nginx.conf. NGINX's rules were measured on 1.22, 1.26 and 1.30. */
import type { VariableText } from '../../model/balancing.ts'
import type { LogPart } from '../../model/log-format.ts'
import type { RewriteTarget } from '../../model/redirect.ts'
import { isTemplateVariable, type Template } from '../../model/template.ts'
import { DOLLAR } from '../../model/token.ts'
import { hasControlCharacter } from '../../model/values.ts'
import { expectText, type Filter, fitting, refusal } from './checks.ts'

/** A token in which NGINX expands nothing: within quotes only `\` and `"` are special. */
export function literal(value: unknown): string {
  const text = expectText('literal', value)
  if (hasControlCharacter(text)) throw refusal('literal', value, 'has a control character')
  if (!text.isWellFormed()) throw refusal('literal', value, 'is not well-formed Unicode')
  return `"${fitting('literal', text.replace(/[\\"]/g, '\\$&'))}"`
}

/** A token in which NGINX expands variables: `\$` does not escape, a variable that holds a dollar sign does. */
export function interpolated(value: unknown): string {
  return fitting('interpolated', literal(value).replaceAll('$', DOLLAR))
}

/**
 * The realm of Basic authentication, which is none when it is `off`. NGINX puts it between quotes and escapes nothing, so
 * it is escaped here as RFC 9110 section 5.6.4 says.
 */
export function realm(value: unknown): string {
  const text = expectText('realm', value)
  if (text === 'off') throw refusal('realm', value, 'switches authentication off')
  return interpolated(text.replace(/[\\"]/g, '\\$&'))
}

/** Text in which variables stand: those are expanded, and what is text stays text. */
export function variableText(value: unknown): string {
  const token = (value as VariableText)
    .map((part) => {
      if (part.kind === 'text') return within(interpolated(part.text))
      if (!/^[a-z0-9_]{1,80}$/.test(part.name)) throw refusal('variableText', part.name, 'is no variable')
      // A capture has no braces.
      return /^[1-9]$/.test(part.name) ? `$${part.name}` : `\${${part.name}}`
    })
    .join('')
  return `"${fitting('variableText', token)}"`
}

/** The format of a log as one token: text is text, and only variables of the allow-list are expanded. */
export function formatOf(filter: string, isKnown: (name: string) => boolean): Filter {
  return (value) => {
    const token = (value as readonly LogPart[])
      .map((part) => {
        if (part.kind === 'text') {
          if (part.text.includes('$')) throw refusal(filter, part.text, 'has a dollar sign')
          return within(literal(part.text))
        }
        if (!isKnown(part.name)) throw refusal(filter, part.name, 'is no variable that may be logged')
        return `\${${part.name}}`
      })
      .join('')
    return `"${fitting(filter, token)}"`
  }
}

/** A template as one token: text is text, and only variables of the list are expanded. */
export function template(value: unknown): string {
  const parts = value as Template
  const token = parts
    .map((part) => {
      if (part.kind === 'text') return within(interpolated(part.text))
      if (!isTemplateVariable(part.name)) throw refusal('template', part.name, 'is no variable of templates')
      return `\${${part.name}}`
    })
    .join('')
  fitting('template', token)
  const [only, ...others] = parts
  return only?.kind === 'variable' && others.length === 0 ? `$${only.name}` : `"${token}"`
}

/** The replacement of a rewrite: text of an allow-list, and captures by their numbers. */
export function rewriteTarget(value: unknown): string {
  const token = (value as RewriteTarget).parts
    .map((part) => {
      if (part.kind === 'capture' && Number.isInteger(part.number) && part.number >= 1 && part.number <= 9) return `$${part.number}`
      if (part.kind !== 'text' || !/^[A-Za-z0-9\-._~/:]+$/.test(part.text)) throw refusal('rewriteTarget', value, 'is no target')
      return part.text
    })
    .join('')
  return literal(token)
}

/** An expression of this program's own making, or of parts that were parsed. */
export function expression(value: unknown): string {
  return literal(value)
}

/** What stands between the quotes. */
function within(token: string): string {
  return token.slice(1, -1)
}
