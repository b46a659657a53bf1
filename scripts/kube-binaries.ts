// A real etcd and kube-apiserver for the tests: the machine's own where KUBEBUILDER_ASSETS names them, otherwise those
// of the project's cache, which is filled with the official archive or, where that cannot be reached, from Go modules.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadArchive } from './download.ts'
import { goBuild, needGo, pinnedVersion } from './go-modules.ts'
import { cacheFolder, isExecutable, provideFolder, run, type Say } from './provide.ts'

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
  const archive = await officialArchive(say)
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

/** Undefined when it cannot be had. */
async function officialArchive(say: Say): Promise<Uint8Array | undefined> {
  const sha512 = process.arch === 'x64' || process.arch === 'arm64' ? ARCHIVE.sha512[process.arch] : undefined
  if (process.platform !== 'linux' || sha512 === undefined) return undefined
  const name = `envtest-${ARCHIVE.version}-linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`
  const url = `https://github.com/kubernetes-sigs/controller-tools/releases/download/envtest-${ARCHIVE.version}/${name}`
  return await downloadArchive(`kubernetes ${ARCHIVE.version}`, url, { algorithm: 'sha512', hex: sha512 }, say)
}

async function unpack(archive: Uint8Array, folder: string): Promise<void> {
  const file = join(folder, 'archive.tar.gz')
  await writeFile(file, archive)
  await run('tar', '-xzf', file, '-C', folder, '--strip-components=2')
  await rm(file)
}

async function build(folder: string, version: string, say: Say): Promise<void> {
  await needGo('Kubernetes', `name a folder in ${FOLDER_VARIABLE}`)
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

if (import.meta.main) console.log(await kubeBinaries(console.error))
