/**
 * A program of its own: prints what a file of manifests comes to, as JSON, for the tests that need other flags of Node's
 * than Jest can run with.
 */
import { readFileSync } from 'node:fs'
import { configurationOfText } from './configuration.ts'

const { configSet, issues } = configurationOfText(readFileSync(process.argv[2] ?? '', 'utf8'))
const { files, hash } = configSet
process.stdout.write(
  JSON.stringify({ root: configSet.rootFile(1), files, hash, issues, codeGeneration: canGenerateCode(), hasProto: '__proto__' in {} }),
)

function canGenerateCode(): boolean {
  try {
    return new Function('return true')()
  } catch {
    return false
  }
}
