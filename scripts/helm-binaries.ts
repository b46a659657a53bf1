// The two Helms that the chart is for, for its tests: the machine's own where HELM names one or the PATH has one, otherwise
// those of the project's cache, which is filled with the official archives or, where those cannot be reached, from Go modules.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadArchive } from './download.ts'
import { goBuild, needGo, pinnedVersion } from './go-modules.ts'
import { cacheFolder, findExecutable, isExecutable, provideFolder, run, type Say } from './provide.ts'

/** `version` as it says itself: `v4.1.4`. */
export type Helm = { readonly major: 3 | 4; readonly version: string; readonly path: string }

const PATH_VARIABLE = 'HELM'

type Release = {
  readonly major: 3 | 4
  /** Older ones do not lint for a version of Kubernetes. */
  readonly leastMinor: number
  /** An official archive; sums are SHA-256, from the page of the release. */
  readonly archive: { readonly version: string; readonly sha256: Readonly<Record<'x64' | 'arm64', string>> }
  readonly module: string
  readonly package: string
}

const RELEASES: readonly Release[] = [
  {
    major: 3,
    leastMinor: 14,
    archive: {
      version: 'v3.20.2',
      sha256: {
        x64: '258e830a9e613c8a7a302d6059b4bb3b9758f2f3e1bb8ea0d707ce10a9a72fea',
        arm64: '5ea2d6bc2cda3f8edf985e028809f5a9278f404fb8ab24044de9b7cb9b79a691',
      },
    },
    module: 'helm-3',
    package: 'helm.sh/helm/v3',
  },
  {
    major: 4,
    leastMinor: 0,
    archive: {
      version: 'v4.1.4',
      sha256: {
        x64: '70b2c30a19da4db264dfd68c8a3664e05093a361cefd89572ffb36f8abfa3d09',
        arm64: '13d03672be289045d2ff00e4e345d61de1c6f21c1257a45955a30e8ae036d8f1',
      },
    },
    module: 'helm-4',
    package: 'helm.sh/helm/v4',
  },
]

/**
 * Helm 3 and Helm 4. A filled cache is only read; filling it takes two downloads, or some minutes of compiling each. `say`
 * gets a line for each slow step. Throws when HELM names no Helm of the two, and when one can be had in no way. Safe to call
 * from several processes at once.
 */
export async function helmBinaries(say: Say = () => {}): Promise<readonly Helm[]> {
  const own = await helmsOfTheMachine()
  const helms: Helm[] = []
  for (const release of RELEASES) helms.push(own.find(({ major }) => major === release.major) ?? (await cachedOrMade(release, say)))
  return helms
}

async function helmsOfTheMachine(): Promise<readonly Helm[]> {
  const given = process.env[PATH_VARIABLE]
  const named = given ? [await helmAt(given)] : []
  if (given && named[0] === undefined) throw new Error(`${PATH_VARIABLE} is ${given}, which is no Helm 3.14 or later`)
  const found = await findExecutable('helm')
  return [...named, found === undefined ? undefined : await helmAt(found)].filter((helm) => helm !== undefined)
}

/** Undefined for what is no Helm, or one that is too old. */
async function helmAt(path: string): Promise<Helm | undefined> {
  const said = await run(path, 'version', '--template', '{{ .Version }}').catch(() => '')
  const [version, major, minor] = /v(\d+)\.(\d+)\.\d+\S*/.exec(said) ?? []
  const release = RELEASES.find((each) => each.major === Number(major) && each.leastMinor <= Number(minor))
  return version === undefined || release === undefined ? undefined : { major: release.major, version, path }
}

async function cachedOrMade(release: Release, say: Say): Promise<Helm> {
  const built = await pinnedVersion(release.module, release.package)
  const cached = (await readCached(release, release.archive.version)) ?? (await readCached(release, built))
  if (cached !== undefined) return cached
  const archive = await officialArchive(release, say)
  return archive === undefined
    ? await provide(release, built, (folder) => build(release, built, folder, say))
    : await provide(release, release.archive.version, (folder) => unpack(archive, folder))
}

function cachedFolder(version: string): string {
  return join(cacheFolder(), 'helm', version)
}

async function readCached({ major }: Release, version: string): Promise<Helm | undefined> {
  const path = join(cachedFolder(version), 'helm')
  return (await isExecutable(path)) ? { major, version, path } : undefined
}

async function provide(release: Release, version: string, make: (folder: string) => Promise<void>): Promise<Helm> {
  await provideFolder(cachedFolder(version), make, async () => (await readCached(release, version)) !== undefined)
  const cached = await readCached(release, version)
  if (cached === undefined) throw new Error(`${cachedFolder(version)} holds no helm`)
  return cached
}

/** Undefined when it cannot be had. */
async function officialArchive({ archive: { version, sha256 } }: Release, say: Say): Promise<Uint8Array | undefined> {
  if (process.platform !== 'linux' || !(process.arch === 'x64' || process.arch === 'arm64')) return undefined
  const url = `https://get.helm.sh/helm-${version}-linux-${process.arch === 'x64' ? 'amd64' : process.arch}.tar.gz`
  return await downloadArchive(`helm ${version}`, url, { algorithm: 'sha256', hex: sha256[process.arch] }, say)
}

async function unpack(archive: Uint8Array, folder: string): Promise<void> {
  const file = join(folder, 'archive.tar.gz')
  await writeFile(file, archive)
  await run('tar', '-xzf', file, '-C', folder, '--strip-components=1')
  await rm(file)
}

async function build({ major, module, package: pack }: Release, version: string, folder: string, say: Say): Promise<void> {
  await needGo('Helm', `name one in ${PATH_VARIABLE}`)
  say(`helm ${version}: compiling from Go modules, some minutes where it is the first time`)
  const stamps = [`${pack}/internal/version.version=${version}`]
  // Without a cluster Helm 3 renders for the Kubernetes that it was built with, and takes it for an old one otherwise.
  if (major === 3) {
    const [, kubernetesMinor = ''] = (await pinnedVersion(module, 'k8s.io/client-go')).slice(1).split('.')
    stamps.push(`${pack}/pkg/chartutil.k8sVersionMajor=1`, `${pack}/pkg/chartutil.k8sVersionMinor=${kubernetesMinor}`)
  }
  const ldflags = ['-s', '-w', ...stamps.map((stamp) => `-X ${stamp}`)].join(' ')
  await goBuild(module, `${pack}/cmd/helm`, join(folder, 'helm'), '-trimpath', '-ldflags', ldflags)
}

if (import.meta.main) console.log(await helmBinaries(console.error))
