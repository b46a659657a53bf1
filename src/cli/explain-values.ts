/** `nginx-ts explain --values`: what becomes of a values file of ingress-nginx's chart, before it is installed. */
import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { isAtLeast } from '../explain/schema.ts'
import { explainValues } from '../explain/values.ts'
import { readValues, type ValuesText } from '../explain/values-file.ts'
import { printValuesMarkdown, printValuesText } from '../explain/values-print.ts'
import type { ValuesExplanation } from '../explain/values-schema.ts'
import { type ExplainFormat, type FailOn, STANDARD_INPUT, type Streams } from './explain.ts'
import { optionsFrom } from './given-options.ts'
import { createProgram } from './program.ts'

export type ExplainValuesSettings = {
  /** `-` is standard input. Of two files the later one counts. */
  readonly files: readonly string[]
  readonly format: ExplainFormat
  readonly verbose: boolean
  /** From which level on the exit code is 1. */
  readonly failOn: FailOn
}

/** Gives the exit code: 1 when something is as bad as `failOn`, or worse. */
export async function explainValuesCommand(settings: ExplainValuesSettings, streams: Streams): Promise<number> {
  const texts: ValuesText[] = []
  for (const file of settings.files)
    texts.push(
      file === '-'
        ? { name: STANDARD_INPUT, text: await text(streams.input) }
        : { name: relative(process.cwd(), file), text: await readFile(file, 'utf8') },
    )
  const explanation = explainValues({ name: texts.map(({ name }) => name).join(', '), files: readValues(texts), flagFault })
  streams.print(printed(explanation, settings, streams))
  const { failOn } = settings
  return failOn !== 'never' && explanation.values.some(({ level }) => isAtLeast(level, failOn)) ? 1 : 0
}

function printed(explanation: ValuesExplanation, { format, verbose }: ExplainValuesSettings, { width, colour }: Streams): string {
  if (format === 'json') return JSON.stringify(explanation, null, 2)
  return format === 'markdown' ? printValuesMarkdown(explanation, { verbose }) : printValuesText(explanation, { width, colour, verbose })
}

/** What the command line of the container controller would say of a flag of `controller.extraArgs`. */
function flagFault(flag: string, value: string): string | undefined {
  const program = createProgram()
  for (const command of program.commands)
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .action((given) => void optionsFrom(given))
  try {
    program.parse(['controller', ...argumentsFor(flag, value)], { from: 'user' })
    return undefined
  } catch (error) {
    return faultIn(error)
  }
}

/** As the chart makes them: a switch is given or not, but for those that are on unless they are told otherwise. */
function argumentsFor(flag: string, value: string): readonly string[] {
  if (value === 'true' || value === '') return [`--${flag}`]
  return value === 'false' && !flag.startsWith('update-status') ? [] : [`--${flag}=${value}`]
}

function faultIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('issues' in error && Array.isArray(error.issues))
    return error.issues.map(({ message }) => String(message).replace(/^Invalid input: /, '')).join('; ')
  return error.message.replace(/^error: /, '')
}
