#!/usr/bin/env -S node --disallow-code-generation-from-strings --disable-proto=delete --max-semi-space-size=8
/** Runs the command line; the only place that ends the process. */
import type { ZodError } from 'zod'
import { keepAgent, needsInit } from './cli/init.ts'

const FAILURE = 1
const MISUSE = 2

/** Runs the command line; resolves to the exit code. */
async function main(): Promise<number> {
  // The parent of the agent is to stay small, so all else is imported behind it.
  const parameters = process.argv.slice(2)
  if (needsInit(parameters)) return await keepAgent(import.meta.filename, parameters)
  const { createProgram } = await import('./cli/program.ts')
  try {
    await createProgram().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.'))
      return 'exitCode' in error && error.exitCode === 0 ? 0 : MISUSE
    process.stderr.write(`nginx-ts: ${messageOf(error)}\n`)
    return isZodError(error) ? MISUSE : FAILURE
  }
}

function isZodError(error: unknown): error is ZodError {
  return error instanceof Error && error.name === 'ZodError'
}

function messageOf(error: unknown): string {
  if (isZodError(error))
    return error.issues
      .map((issue) => `--${issue.path.join('.').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${issue.message}`)
      .join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}

process.exitCode = await main()
