/** The chart as Helm renders it, without a cluster. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { chart } from '../../scripts/chart-values.ts'
import { type Helm, helmBinaries } from '../../scripts/helm-binaries.ts'
import { runIn } from '../../scripts/provide.ts'
import type { Manifest } from './objects.ts'

export type Values = Readonly<Record<string, unknown>>

export type Release = {
  readonly name: string
  readonly namespace: string
  /** Of the cluster that it is rendered for. */
  readonly kubeVersion?: string
}

export const RELEASE: Release = { name: 'nginx-ts', namespace: 'ingress' }
const KUBE_VERSION = '1.36.0'

/** Helm 3 and Helm 4. */
export const helms = await helmBinaries()

/** The newer one. */
export function newestHelm(): Helm {
  const helm = helms.at(-1)
  if (helm === undefined) throw new Error('there is no Helm')
  return helm
}

/** Runs Helm with a values file, whose path stands for `VALUES` in the arguments. Gives what it printed; throws what it complained about. */
export async function runHelm(helm: Helm, values: Values, environment: Readonly<Record<string, string>>, ...line: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-chart-'))
  try {
    const file = join(folder, 'values.yaml')
    await writeFile(file, JSON.stringify(values))
    // A folder of its own: what a developer has set up for Helm is nothing of ours.
    const homes = { HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder }
    return await runIn(folder, { ...homes, ...environment }, helm.path, ...line.map((word) => (word === 'VALUES' ? file : word)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What `helm install` says at the end; Helm 3 asks a cluster even when it is not to install. */
export async function notes(values: Values): Promise<string> {
  const said = await runHelm(
    newestHelm(),
    values,
    {},
    'install',
    'nginx-ts',
    chart,
    '--namespace',
    'ingress',
    '--dry-run=client',
    '--values',
    'VALUES',
  )
  return said.slice(said.indexOf('NOTES:'))
}

/** The objects of a release, as `helm template` prints them. */
export async function render(values: Values, release: Release = RELEASE, helm: Helm = newestHelm()): Promise<readonly Manifest[]> {
  const { name, namespace, kubeVersion = KUBE_VERSION } = release
  const line = ['template', name, chart, '--namespace', namespace, '--kube-version', kubeVersion, '--values', 'VALUES']
  return objectsOf(await runHelm(helm, values, {}, ...line))
}

/** Throws where a document is no YAML, or has a key twice. */
function objectsOf(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${document.errors[0]?.message} in ${document}`)
    const object = document.toJS()
    return object == null ? [] : [object]
  })
}

/** `Deployment nginx-ts-controller` */
export function nameOf(object: Manifest): string {
  return `${object['kind']} ${(object['metadata'] as { readonly name: string }).name}`
}

/** The one object of that kind and name, as `Deployment nginx-ts-controller`; undefined when there is none. */
export function find(objects: readonly Manifest[], name: string): Manifest | undefined {
  return objects.find((object) => nameOf(object) === name)
}

/** A field, as `spec.containers.nginx.image`: an element of a list goes by its name, or by its place. */
export function fieldOf(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value.find((element) => element?.name === key) ?? value[Number(key)]
    return (value as Readonly<Record<string, unknown>> | undefined)?.[key]
  }, object)
}

/** The values files of charts/nginx-ts/ci, by name. */
export async function ciValues(): Promise<readonly (readonly [string, Values])[]> {
  const names = (await readdir(join(chart, 'ci'))).sort()
  return await Promise.all(names.map(async (name) => [name, parse(await readFile(join(chart, 'ci', name), 'utf8'))] as const))
}
