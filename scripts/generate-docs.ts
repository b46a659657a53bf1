/** `npm run generate`: the reference pages, from the code that they describe. test/docs.test.ts fails when one is stale. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Command, Option } from 'commander'
import { z } from 'zod'
import { type Compatibility, camelCase } from '../src/annotations/define.ts'
import { otherNames } from '../src/annotations/other-names.ts'
import { features } from '../src/annotations/registry.ts'
import { createProgram } from '../src/cli/program.ts'
import { explanationSchema, levels, verdicts } from '../src/explain/schema.ts'
import { semanticCodes } from '../src/explain/semantics.ts'
import { valueLevels, valuesExplanationSchema, valueVerdicts } from '../src/explain/values-schema.ts'
import { issueCodes } from '../src/model/issue.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { configMapKeys } from '../src/options/keys.ts'
import { otherKeys } from '../src/options/other-keys.ts'
import { chart, foreignFlags, foreignValues, knownValues, valueRows, valuesSchema } from './chart-values.ts'
import { project } from './project.ts'

const GENERATED = '<!-- Written by `npm run generate`. Change the code that this page describes, not the page. -->'

/** Each page's text, by its path within the project. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/reference/issues.md', issuesPage()],
    ['docs/reference/command-line.md', commandLinePage(createProgram())],
    ['docs/reference/configmap.md', configMapPage()],
    ['docs/reference/annotations.md', annotationsPage()],
    ['src/annotations/registry.ts', registryModule()],
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/explain.md', explainPage()],
    ['src/explain/known-values.json', `${JSON.stringify(knownValues(), null, 2)}\n`],
    ['charts/nginx-ts/values.schema.json', `${JSON.stringify(valuesSchema(), null, 2)}\n`],
    ['charts/nginx-ts/README.md', chartReadme()],
  ])
}

function issuesPage(): string {
  const rows = Object.entries(issueCodes).map(([code, { severity, meaning }]) => [`\`${code}\``, severity, meaning])
  return page('Issues', [
    'An Issue says what is wrong in a manifest, where, and what happens meanwhile. `nginx-ts lint` prints them, `serve` logs each',
    'when it appears, and `nginx_ts_issues` counts them. Codes are never renamed, so that alerts can be built on them.',
    '',
    'An `error` is something that was asked for and is not served as asked. A `warning` is served, perhaps not as meant. An `info` is',
    'worth knowing.',
    '',
    table(['code', 'severity', 'meaning'], rows),
  ])
}

/** The names in the order that people look for them: what works, by feature; then all others. */
function annotationsPage(): string {
  const rows = Object.values(features).flatMap((feature) =>
    Object.entries(feature.annotations).map(([key, spec]) => [
      `\`${key}\``,
      feature.scope,
      verdictOf(spec.ingressNginx),
      spec.summary,
      `\`${spec.example}\``,
      spec.ingressNginx === 'same' ? '' : spec.ingressNginx.difference,
    ]),
  )
  const others = Object.entries(otherNames).map(([name, { verdict, message }]) => [`\`${name}\``, verdict, sentence(message)])
  return page('Annotations', [
    'Under `nginx.ingress.kubernetes.io/` an annotation does what it did in ingress-nginx, or the table says what it does instead.',
    'Under `nginx-ts.io/` the same keys work, and count where both are there. A value that is not valid is an Issue; the route is',
    'served as if the annotation were not there where that is safe, and answers 503 where the annotation protects it.',
    '',
    `${rows.length + others.length} names are known: ${rows.length} work, ${others.length} do not and say why.`,
    '',
    table(['annotation', 'of', 'compared with ingress-nginx', 'meaning', 'example', 'difference'], rows.toSorted(byFirst)),
    '',
    '## Without effect here',
    '',
    table(['annotation', 'verdict', 'what is said'], others.toSorted(byFirst)),
  ])
}

function verdictOf(compatibility: Compatibility): string {
  return compatibility === 'same' ? 'same' : compatibility.verdict
}

function byFirst([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1
}

/** One import a file of features/. */
function registryModule(): string {
  const names = readdirSync(join(project, 'src/annotations/features'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort()
  const entries = names.map((name) => {
    const variable = camelCase(name)
    return variable === name ? `  ${name},` : `  '${name}': ${variable},`
  })
  return [
    '// Written by `npm run generate` from the files of features/.',
    "import type { Feature } from './define.ts'",
    ...names.map((name) => `import ${camelCase(name)} from './features/${name}.ts'`),
    '',
    '/** Every feature, by the name of its file. */',
    'export const features: Readonly<Record<string, Feature>> = {',
    ...entries,
    '}',
    '',
  ].join('\n')
}

function configMapPage(): string {
  const rows = Object.entries(configMapKeys.shape).map(([key, schema]) => [
    `\`${key}\``,
    defaultOf(schema.def.defaultValue),
    schema.meta()?.description ?? '',
  ])
  const others = Object.entries(otherKeys).map(([key, { kind, reason, protects }]) => [
    `\`${key}\``,
    kind,
    `${sentence(reason)}${protects ? ' Set, it makes all requests get 503 rather than pass unchecked.' : ''}`,
  ])
  return page('ConfigMap', [
    'The ConfigMap that `--configmap` names, followed as it changes. Names, defaults and meanings are those of ingress-nginx where',
    'nothing else is said. Values are texts: sizes in bytes or as `8k`, `1m`, `1g`; times in seconds, and with a unit (`10m`) where the',
    'default has one; lists between commas. A key that cannot be read is an Issue, and its default holds; where it keeps people out,',
    'nobody is let in. A key beside a flag of the same meaning comes before it.',
    '',
    table(['key', 'default', 'meaning'], rows),
    '',
    "## ingress-nginx's other keys",
    '',
    'They are told in an Issue when they ask for something.',
    '',
    table(['key', 'here', 'why'], others),
  ])
}

function defaultOf(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

function commandLinePage(program: Command): string {
  // The commands that read Ingresses are a family; the others have their own flags only.
  const family = program.commands.filter(({ options }) => options.some(({ long }) => long === '--ingress-class'))
  const [first, ...others] = family
  const shared = (first?.options ?? []).filter((option) =>
    others.every(({ options }) => options.some(({ flags, description }) => flags === option.flags && description === option.description)),
  )
  const sharedFlags = new Set(shared.map(({ flags }) => flags))
  const sections = program.commands.flatMap((command) => {
    const own = command.options.filter(({ flags }) => !family.includes(command) || !sharedFlags.has(flags))
    const argumentsGiven = command.registeredArguments.map((argument) => [`\`<${argument.name()}>\``, '', sentence(argument.description)])
    return [
      '',
      `## nginx-ts ${command.name()}`,
      '',
      `\`nginx-ts ${command.name()} ${command.usage()}\``,
      '',
      sentence(command.description()),
      '',
      optionTable([...argumentsGiven, ...own.map(optionRow)]),
    ]
  })
  return page('Command line', [
    sentence(program.description()),
    '',
    'Exit codes: 0, all is well; 1, it failed, or `lint` or `explain` found something bad; 2, the command line is wrong.',
    ...sections,
    '',
    `## Options of ${family.map((command) => command.name()).join(', ')}`,
    '',
    optionTable(shared.map(optionRow)),
    '',
    `\`nginx-ts ${program.options.map(({ long }) => long).join('|')}\` prints the version, \`--help\` the flags of each command.`,
  ])
}

function optionTable(rows: readonly (readonly string[])[]): string {
  return table(['flag', 'default', 'meaning'], rows)
}

function optionRow(option: Option): readonly string[] {
  const fallback = option.defaultValue === undefined ? '' : `\`${option.defaultValue}\``
  const choices = option.argChoices === undefined ? '' : `One of ${option.argChoices.map((choice) => `\`${choice}\``).join(', ')}.`
  return [
    `\`${option.flags}\``,
    fallback,
    [option.description === '' ? '' : sentence(option.description), choices].filter(Boolean).join(' '),
  ]
}

function metricsPage(): string {
  const metrics = createMetrics(Date.now)
    .registry.getMetricsAsArray()
    .map((metric) => [`\`${metric.name}\``, String(metric.type), labelsOf(metric), metric.help])
  return page('Metrics', [
    'At `/metrics` of the status port, in the text format of Prometheus. Names that begin with `nginx_ingress_controller_` mean what',
    'they meant in ingress-nginx; `nginx_ts_` are new.',
    '',
    table(['name', 'type', 'labels', 'meaning'], metrics),
  ])
}

function explainPage(): string {
  const codes = Object.entries(semanticCodes).map(([code, meaning]) => [`\`${code}\``, meaning])
  const named = (entries: Readonly<Record<string, string>>) => Object.entries(entries).map(([name, meaning]) => [`\`${name}\``, meaning])
  return page('Explain', [
    '`nginx-ts explain` reads Ingresses from files, directories, standard input or a cluster, and says what becomes of each annotation',
    'before anything is deployed. Of a cluster it lists Ingresses, IngressClasses and Services, gets the Secrets and ConfigMaps that',
    'Ingresses refer to, and writes nothing. The NGINX that is explained is that of the image, whatever this machine has.',
    '',
    'All classes are explained, unless a flag says whose Ingresses are meant (`--ingress-class`, `--controller-class`,',
    '`--ingress-class-by-name`, `--watch-ingress-without-class`, `--takeover`).',
    '',
    'The directives are those of the real configuration: it is rendered with the annotation and without it, and what differs is shown.',
    'Where the rest of a feature makes no sense without the annotation, the feature is taken away as a whole; annotations that make the',
    'Ingress answer 503 are left out meanwhile. Services that the input lacks are stood in for, with addresses from 192.0.2.0/24.',
    '',
    '## Levels and exit codes',
    '',
    table(['level', 'meaning'], named(levels)),
    '',
    'Exit codes: 0, nothing is as bad as `--fail-on` says, which is `ignored` when not given; 1, something is, or reading failed; 2, the',
    'command line is wrong. `--namespace` and `--ingress` narrow down what counts.',
    '',
    '## Verdicts',
    '',
    table(['verdict', 'meaning'], named(verdicts)),
    '',
    '## Findings',
    '',
    'Issues ([issues.md](issues.md)) that no annotation by itself is the reason of, an error as `blocked`, a warning as `different`, and:',
    '',
    table(['code', 'meaning'], codes),
    '',
    '## JSON',
    '',
    '`--format json` prints one object of this schema. Within a `version` fields and verdicts are added, never renamed or taken away.',
    '',
    ...jsonSchemaLines(explanationSchema),
    '',
    '## Values of a chart',
    '',
    "`nginx-ts explain --values FILE` reads a values file of ingress-nginx's chart, and says what each value comes to in the chart",
    '[nginx-ts](../../charts/nginx-ts/README.md), before it is installed: values and flags (`controller.extraArgs`) by the schema of the',
    'chart, options (`controller.config`) by what the controller says of its ConfigMap, TCP and UDP services by their format. It reads',
    'nothing else, and needs neither Helm nor a cluster. Of several files the later one counts. What holds a template of Helm is not',
    'judged. What works is counted, and named with `--verbose`.',
    '',
    table(['level', 'meaning'], named(valueLevels)),
    '',
    table(['verdict', 'meaning'], named(valueVerdicts)),
    '',
    'Exit codes and `--fail-on` are as above. `--format json` prints one object of this schema, to which the same holds.',
    '',
    ...jsonSchemaLines(valuesExplanationSchema),
  ])
}

/** What is added later must not break whoever validates by the page of today. */
function jsonSchemaLines(schema: z.ZodType): readonly string[] {
  const jsonSchema = z.toJSONSchema(schema, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties
      delete jsonSchema.maximum
    },
  })
  return ['```json', JSON.stringify(jsonSchema, null, 2), '```']
}

/** prom-client's types keep silent about the labels that its objects have. */
function labelsOf(metric: object): string {
  const labels: unknown = 'labelNames' in metric ? metric.labelNames : []
  return Array.isArray(labels) ? labels.map((label) => `\`${label}\``).join(', ') : ''
}

/** Written by hand, but for its tables. */
function chartReadme(): string {
  const values = table(['value', 'default', 'meaning'], valueRows())
  const flags = Object.entries(foreignFlags).map(([flag, says]) => ({ path: `controller.extraArgs.${flag}`, says }))
  const others = table(
    ['value', 'here'],
    [...foreignValues, ...flags].map(({ path, says }) => [`\`${path}\``, sentence(says)]),
  )
  const readme = readFileSync(join(chart, 'README.md'), 'utf8')
  return between(between(readme, 'values', values), 'ingress-nginx', others)
}

/** Puts a text between the comments that name its place. */
function between(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: written by \`npm run generate\` -->\n`
  const end = `<!-- end of ${name} -->`
  const [before, rest] = page.split(begin)
  const after = rest?.slice(rest.indexOf(end))
  if (after === undefined) throw new Error(`there is no place for ${name}`)
  return `${before}${begin}\n${text}\n\n${after}`
}

function page(title: string, lines: readonly string[]): string {
  return [`# ${title}`, '', GENERATED, '', ...lines, ''].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** A capital at the beginning, unless a name stands there, and a full stop at the end. */
function sentence(text: string): string {
  const capital = text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase())
  return text.endsWith('.') ? capital : `${capital}.`
}

if (import.meta.main) {
  // The pages are printed from the registry, which this process has read before it writes it: another one is to start anew.
  const registry = join(project, 'src/annotations/registry.ts')
  if (readFileSync(registry, 'utf8') !== registryModule()) {
    await writeFile(registry, registryModule())
    process.exit(spawnSync(process.execPath, [import.meta.filename], { stdio: 'inherit' }).status ?? 1)
  }
  for (const [path, text] of referencePages()) {
    await mkdir(dirname(join(project, path)), { recursive: true })
    await writeFile(join(project, path), text)
    console.log(path)
  }
}
