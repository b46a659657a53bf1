/**
 * `node .ci/summary.mjs FOLDER NAME STATUS…`: which tests failed of Jest's FOLDER/NAME.json, each run of which ended with
 * STATUS, and in the last line how many. What was skipped, or left no count, has failed.
 */
import { readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const [folder, ...statuses] = process.argv.slice(2)
let [passed, failed] = [0, 0]
for (let at = 0; at < statuses.length; at += 2) {
  const [name, status] = [statuses[at], Number(statuses[at + 1])]
  const results = resultsOf(name)
  const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0)
  const broken = (results?.numFailedTests ?? 0) + (results?.numRuntimeErrorTestSuites ?? 0) + skipped
  for (const suite of results?.testResults ?? []) if (suite.status === 'failed') tellFailures(suite)
  if (skipped > 0) console.log(`${skipped} ${name} were skipped, which counts as failed here`)
  const isUntold = broken === 0 && (results === undefined || status !== 0)
  if (isUntold) console.log(`${name}: ended with ${status}, which counts as one failed`)
  passed += results?.numPassedTests ?? 0
  failed += isUntold ? 1 : broken
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function resultsOf(name) {
  try {
    return JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8'))
  } catch {
    return undefined
  }
}

/** Said once more at the end, where it is seen in a log that is cut. */
function tellFailures({ name, message, assertionResults }) {
  const failures = assertionResults.filter(({ status }) => status === 'failed')
  const told = failures.length > 0 ? failures.map((test) => [test.fullName, test.failureMessages[0]]) : [['the suite itself', message]]
  for (const [test, reason] of told) {
    const lines = stripVTControlCharacters(reason ?? '')
      .trim()
      .slice(0, 600)
      .split('\n')
    console.log([`FAILED ${name.replace(`${process.cwd()}/`, '')}: ${test}`, ...lines.map((line) => line.trim())].join('\n    '))
  }
}
