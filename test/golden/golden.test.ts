/**
 * For each folder here, in.yaml comes to out.conf, for NGINX 1.30; and to out-1.22.conf where the folder has one. The root
 * file stands whole in simple-host, elsewhere without what every configuration has. After a change that is meant,
 * UPDATE_GOLDEN=1 writes them anew, for a review to read.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { project } from '../../scripts/project.ts'
import { describeIssue } from '../../src/model/issue.ts'
import { hostKey } from '../../src/model/model.ts'
import { type Configuration, configurationOf, configurationOfText } from '../support/configuration.ts'

const folder = join(project, 'test/golden')
const cases = readdirSync(folder, { withFileTypes: true, recursive: true })
  .filter(({ name }) => name === 'in.yaml')
  .map(({ parentPath }) => relative(folder, parentPath))
  .sort()
const OUTPUTS = [
  { file: 'out.conf', nginxVersion: '1.30.0', isOptional: false },
  { file: 'out-1.22.conf', nginxVersion: '1.22.1', isOptional: true },
]

describe.each(cases)('%s', (name) => {
  const input = readFileSync(join(folder, name, 'in.yaml'), 'utf8')
  const echo = name === 'echo'

  test.each(OUTPUTS.filter(({ file, isOptional }) => !isOptional || existsSync(join(folder, name, file))))(
    'comes to $file',
    ({ file, nginxVersion }) => {
      const path = join(folder, name, file)
      const settings = { nginxVersion, echo, options: optionsOf(input) }
      const configuration = configurationOfText(input, settings)
      const root = rootOf(configuration)
      const printed = print(configuration, name === 'simple-host' ? root : linesBeyond(rootOf(configurationOf([], settings)), root))
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, printed)
      expect(printed).toBe(readFileSync(path, 'utf8'))
    },
  )
})

/** A first line of `# options: {…}` gives them. */
function optionsOf(input: string): object {
  const [, options = '{}'] = /^# options: (.*)$/m.exec(input) ?? []
  return JSON.parse(options)
}

/** Issues, the root file, shards, certificates, names, then servers by host; hashes of contents give way to the hosts and to numbers. */
function print({ configSet, issues }: Configuration, root: string): string {
  const labels = new Map<string, string>(
    configSet.servers.map(({ server, path }) => [path, `servers/${hostKey(server.host) || 'any-host'}.conf`]),
  )
  for (const kind of ['variables', 'endpoints', 'shards', 'certificates', 'hosts', 'streams'])
    for (const [index, { path }] of filesIn(configSet.files, kind).entries()) labels.set(path, `${kind}/${index + 1}.conf`)

  const files = ['variables', 'endpoints', 'shards', 'certificates', 'hosts', 'servers', 'streams'].flatMap((kind) =>
    filesIn(configSet.files, kind),
  )
  const sections = [
    issues.map((found) => `# ${found.severity}: ${describeIssue(found)}\n`).join(''),
    `# ---- nginx.conf\n${root}`,
    ...files.map(({ path, text }) => `# ---- ${path}\n${text}`),
  ]
  const whole = sections.map((section) => section.trimEnd()).filter((section) => section !== '')
  return `${[...labels].reduce((text, [path, label]) => text.replaceAll(path, label), whole.join('\n\n'))}\n`
}

function rootOf({ configSet }: Configuration): string {
  return configSet.rootFile(1).replaceAll(configSet.hash, 'HASH')
}

function linesBeyond(common: string, text: string): string {
  const known = new Set(common.split('\n'))
  return text
    .split('\n')
    .filter((line) => !known.has(line))
    .join('\n')
}

function filesIn<File extends { readonly path: string }>(files: readonly File[], kind: string): readonly File[] {
  return files.filter(({ path }) => path.startsWith(`${kind}/`))
}
