/** A directory translated and rendered without any NGINX: `render` and `lint`. */
import { readDirectory } from '../files/directory.ts'
import { describeIssue, type Issue } from '../model/issue.ts'
import { capabilitiesOf, probeNginx } from '../nginx/capabilities.ts'
import { writeConfigSet } from '../nginx/generations.ts'
import { probeMachine } from '../nginx/machine.ts'
import { SELF_SIGNED_NAME } from '../nginx/self-signed.ts'
import { createOptionsReader, type Options } from '../options.ts'
import { type ConfigSet, render } from '../render/render.ts'
import { translate } from '../translate/translate.ts'
import { canResolveNames, renderContextOf } from './render-context.ts'

/** The version that is rendered for where there is no binary to ask: the image's. */
const ASSUMED_VERSION = '1.30.0'

export type OfflineResult = {
  readonly configSet: ConfigSet
  readonly issues: readonly Issue[]
  readonly counts: { readonly ingresses: number; readonly served: number; readonly hosts: number }
}

/** Reads and translates the directory as `serve` would, for a state directory at `root`. */
export async function translateOffline(directory: string, flags: Options, nginx: string, root: string): Promise<OfflineResult> {
  const { state, issues } = (await readDirectory(directory)).snapshot()
  const { options, issues: optionIssues } = createOptionsReader(flags)(state)
  const selfSignedKeyPair = { name: SELF_SIGNED_NAME, pem: '' }
  const capabilities = await probeNginx(nginx).then(
    (binary) => binary.capabilities,
    () => capabilitiesOf(ASSUMED_VERSION),
  )
  const machine = await probeMachine()
  const translation = translate(state, options, {
    source: 'files',
    canResolveNames: canResolveNames(capabilities, machine),
    hasStreamModule: capabilities.stream !== undefined,
    allowLoopback: true,
    echoSocket: undefined,
    selfSignedKeyPair,
  })
  const configSet = render(translation.model, renderContextOf(capabilities, machine, root, '/dev/stdout'))
  return {
    configSet,
    issues: [...issues, ...optionIssues, ...translation.issues],
    counts: { ingresses: state.ingresses.size, served: translation.served.length, hosts: translation.model.servers.length - 1 },
  }
}

/** `nginx-ts render`: the configuration to standard output or into a folder, Issues to standard error. */
export async function renderCommand(
  result: OfflineResult,
  folder: string | undefined,
  print: (text: string) => void,
  printError: (text: string) => void,
): Promise<void> {
  for (const found of result.issues) printError(describeIssue(found))
  if (folder !== undefined) await writeConfigSet(result.configSet, folder)
  else print([result.configSet.rootFile(1), ...result.configSet.files.map(({ path, text }) => `# ---- ${path}\n${text}`)].join('\n'))
}

export type LintFormat = 'text' | 'json'

/** `nginx-ts lint`: the Issues; gives the exit code, 1 when one is an error. */
export function lintCommand(result: OfflineResult, format: LintFormat, print: (text: string) => void): number {
  const errors = result.issues.filter(({ severity }) => severity === 'error').length
  if (format === 'json') print(JSON.stringify({ issues: result.issues, counts: { ...result.counts, errors } }, null, 2))
  else {
    for (const found of result.issues) print(`${found.severity.padEnd(7)} ${describeIssue(found)}`)
    const { ingresses, served, hosts } = result.counts
    print(
      `${ingresses} Ingresses read, ${served} served${served < ingresses ? `, ${ingresses - served} of another class` : ''}; ${hosts} hosts; ${result.issues.length} issues, ${errors} of them errors`,
    )
  }
  return errors > 0 ? 1 : 0
}
