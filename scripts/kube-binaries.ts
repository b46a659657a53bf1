// A real etcd and kube-apiserver for the tests: the machine's own where KUBEBUILDER_ASSETS names them, otherwise those
// of the project's cache, which is filled with the official archive or, where that cannot be reached, from Go modules.

import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { project } from './project.ts'
import { cacheFolder, findExecutable, isExecutable, provideFolder, run, runIn, type Say } from './provide.ts'

/** Absolute paths, and the version the API server reports (`v1.36.1`). */
export type KubeBinaries = {
  readonly folder: string
  readonly etcd: string
  readonly kubeApiserver: string
  readonly kubectl: string
  readonly version: string
}

/** As controller-runtime's envtest names it, so that one download serves every project on a machine. */
const FOLDER_VARIABLE = 'KUBEBUILDER_ASSETS'
const PROGRAMS = ['etcd', 'kube-apiserver', 'kubectl']

/** A release of the archives that controller-runtime's envtest uses; sums are SHA-512, from its envtest-releases.yaml. */
const ARCHIVE = {
  version: 'v1.36.2',
  sha512: {
    x64: 'ea743186c8a799f5cf8faf16969f86189d003cb7d130e0ac4b58789f1e5748dcf30ebe91c837a10d5ac415383da3e10b9e64d65785c938c23e739781cfb76f08',
    arm64:
      '2d72ee985a8e262a3c57dc9f7f0fd891f6a8c7bf7ebaa2db6dc6d8eac8ae28181afe51c1f368b67756cdb40b10de9b205609e1726e5f27f7c6d824dd9c6649ac',
  },
} as const
/** Until the server answers, and until all of it has come. */
const ANSWER_TIMEOUT_MS = 5000
const DOWNLOAD_TIMEOUT_MS = 180_000

/** A module each, with every sum pinned. */
const MODULES = join(project, 'test/cluster/go')
const GO_ENVIRONMENT = { CGO_ENABLED: '0', GOWORK: 'off' }

/**
 * The programs of a Kubernetes control plane, as far as tests need it. A filled cache is only read; filling it takes a
 * download, or some ten minutes of compiling. `say` gets a line for each slow step. Throws when KUBEBUILDER_ASSETS names
 * a folder without them, and when they can be had in no way. Safe to call from several processes at once.
 */
export async function kubeBinaries(say: Say = () => {}): Promise<KubeBinaries> {
  const given = process.env[FOLDER_VARIABLE]
  if (given) return await givenBinaries(given)
  const built = await pinnedVersion('kubernetes', 'k8s.io/kubernetes')
  const cached = (await readCached(ARCHIVE.version)) ?? (await readCached(built))
  if (cached !== undefined) return cached
  const archive = await downloadArchive(say)
  if (archive !== undefined) {
    await provide(ARCHIVE.version, (folder) => unpack(archive, folder))
    return await provided(ARCHIVE.version)
  }
  await provide(built, (folder) => build(folder, built, say))
  return await provided(built)
}

async function givenBinaries(folder: string): Promise<KubeBinaries> {
  for (const name of PROGRAMS) {
    if (!(await isExecutable(join(folder, name)))) throw new Error(`${FOLDER_VARIABLE} is ${folder}, and there is no ${name} in it`)
  }
  const version = /v\d+\.\d+\.\d+\S*/.exec(await run(join(folder, 'kube-apiserver'), '--version'))?.[0]
  if (version === undefined) throw new Error(`${join(folder, 'kube-apiserver')} does not say its version`)
  return binariesIn(folder, version)
}

function binariesIn(folder: string, version: string): KubeBinaries {
  const [etcd, kubeApiserver, kubectl] = [join(folder, 'etcd'), join(folder, 'kube-apiserver'), join(folder, 'kubectl')]
  return { folder, etcd, kubeApiserver, kubectl, version }
}

function cachedFolder(version: string): string {
  return join(cacheFolder(), 'kube', version)
}

async function readCached(version: string): Promise<KubeBinaries | undefined> {
  const folder = cachedFolder(version)
  return (await isExecutable(join(folder, 'kube-apiserver'))) ? binariesIn(folder, version) : undefined
}

async function provided(version: string): Promise<KubeBinaries> {
  const cached = await readCached(version)
  if (cached === undefined) throw new Error(`${cachedFolder(version)} holds no kube-apiserver`)
  return cached
}

async function provide(version: string, make: (folder: string) => Promise<void>): Promise<void> {
  await provideFolder(cachedFolder(version), make, async () => (await readCached(version)) !== undefined)
}

/** The archive, checked; undefined when it cannot be had. Throws when what came is something else. */
async function downloadArchive(say: Say): Promise<Uint8Array | undefined> {
  const sha512 = process.arch === 'x64' || process.arch === 'arm64' ? ARCHIVE.sha512[process.arch] : undefined
  if (process.platform !== 'linux' || sha512 === undefined) return undefined
  const name = `envtest-${ARCHIVE.version}-linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`
  const url = `https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-${ARCHIVE.version}/${name}`
  say(`kubernetes ${ARCHIVE.version}: downloading ${name}`)
  const archive = await download(url).catch((error) => {
    say(`kubernetes ${ARCHIVE.version}: it cannot be downloaded here (${error instanceof Error ? (error.cause ?? error) : error})`)
    return undefined
  })
  if (archive === undefined) return undefined
  const found = createHash('sha512').update(archive).digest('hex')
  if (found !== sha512) throw new Error(`${url} has the SHA-512 ${found}, not ${sha512}`)
  return archive
}

async function download(url: string): Promise<Uint8Array> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(new Error('no answer in time')), ANSWER_TIMEOUT_MS)
  try {
    const response = await fetch(url, { signal: AbortSignal.any([silence.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS)]) })
    clearTimeout(timer)
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`)
    return new Uint8Array(await response.arrayBuffer())
  } finally {
    clearTimeout(timer)
  }
}

async function unpack(archive: Uint8Array, folder: string): Promise<void> {
  const file = join(folder, 'archive.tar.gz')
  await writeFile(file, archive)
  await run('tar', '-xzf', file, '-C', folder, '--strip-components=2')
  await rm(file)
}

async function build(folder: string, version: string, say: Say): Promise<void> {
  if ((await findExecutable('go')) === undefined) {
    throw new Error(`There is no go on this machine to build Kubernetes with: install Go, or name a folder in ${FOLDER_VARIABLE}`)
  }
  // An API server without these says v0.0.0-master, which some clients take for an old one.
  const [major, minor] = version.slice(1).split('.')
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const stamped = Object.entries(stamps).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  const ldflags = ['-ldflags', ['-s', '-w', ...stamped].join(' ')]
  for (const name of ['kubectl', 'kube-apiserver']) {
    say(`kubernetes ${version}: compiling ${name} from Go modules, some minutes where it is the first time`)
    await goBuild('kubernetes', `k8s.io/kubernetes/cmd/${name}`, join(folder, name), ...ldflags)
  }
  say(`etcd ${await pinnedVersion('etcd', 'go.etcd.io/etcd/server/v3')}: compiling from Go modules`)
  await goBuild('etcd', '.', join(folder, 'etcd'), '-trimpath', '-ldflags', '-s -w')
}

async function goBuild(module: string, pack: string, output: string, ...flags: readonly string[]): Promise<void> {
  await runIn(join(MODULES, module), GO_ENVIRONMENT, 'go', 'build', '-mod=readonly', '-buildvcs=false', ...flags, '-o', output, pack)
}

async function pinnedVersion(module: string, dependency: string): Promise<string> {
  const text = await readFile(join(MODULES, module, 'go.mod'), 'utf8')
  const line = text.split('\n').find((candidate) => candidate.startsWith(`require ${dependency} v`))
  if (line === undefined) throw new Error(`${join(MODULES, module, 'go.mod')} does not require ${dependency}`)
  return line.split(' ')[2] ?? ''
}

if (import.meta.main) console.log(await kubeBinaries(console.error))
