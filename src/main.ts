#!/usr/bin/env -S node --disallow-code-generation-from-strings --disable-proto=delete
/** Runs the command line; the only place that ends the process. */
import { ZodError } from 'zod'
import { createProgram } from './cli/program.ts'

const FAILURE = 1
const MISUSE = 2

/** Runs the command line; resolves to the exit code. */
async function main(): Promise<number> {
  try {
    await createProgram().parseAsync()
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.'))
      return 'exitCode' in error && error.exitCode === 0 ? 0 : MISUSE
    process.stderr.write(`nginx-ts: ${messageOf(error)}\n`)
    return error instanceof ZodError ? MISUSE : FAILURE
  }
}

function messageOf(error: unknown): string {
  if (error instanceof ZodError)
    return error.issues
      .map((issue) => `--${issue.path.join('.').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${issue.message}`)
      .join('; ')
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}

process.exitCode = await main()
