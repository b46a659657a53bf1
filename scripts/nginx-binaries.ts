// Real NGINX binaries for the tests, of the three versions that Debian's suites carry. Each is unpacked with the
// shared libraries it was built against into a cache outside the checkout, and runs on them whatever the host has.

import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { aptInstall, cacheFolder, findExecutable, provideFolder, retried, run, type Say } from './provide.ts'

/** One NGINX: the version it reports (`1.26.3`) and the absolute path of an executable to start it by. */
export type NginxBinary = { readonly version: string; readonly path: string }

const suites = [
  { suite: 'bookworm', series: '1.22' },
  { suite: 'trixie', series: '1.26' },
  { suite: 'forky', series: '1.30' },
] as const

/** Beside NGINX itself: Debian builds its stream module apart. */
const packages = ['nginx', 'libnginx-mod-stream']

const mirrorVariable = 'NGINX_TS_DEBIAN_MIRROR'
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The NGINX binaries the tests run against: 1.22, 1.26 and 1.30, in that order. What the cache lacks is downloaded
 * from the Debian mirror, signatures checked; a filled cache is only read. `say` gets a line for each slow step.
 * Safe to call from several processes at once: the first to finish a download provides it to all.
 */
export async function nginxBinaries(say: Say = () => {}): Promise<readonly NginxBinary[]> {
  const binaries: NginxBinary[] = []
  for (const { suite, series } of suites) binaries.push(await nginxOfSuite(suite, series, say))
  return binaries
}

/**
 * The path of this machine's own `nginx`, installed through apt-get (with sudo when not root) when there is none, for
 * tests that need NGINX as a distribution sets it up. Debian's package starts a service where an init system runs.
 */
export async function systemNginx(say: Say = () => {}): Promise<string> {
  const present = await findExecutable('nginx')
  if (present !== undefined) return present
  await aptInstall(['nginx'], say)
  const installed = await findExecutable('nginx')
  if (installed === undefined) throw new Error('apt-get installed nginx, but no nginx is in PATH or /usr/sbin')
  return installed
}

async function nginxOfSuite(suite: string, series: string, say: Say): Promise<NginxBinary> {
  const final = join(cacheFolder(), 'nginx', `${suite}-with-stream`)
  const cached = await readCached(final)
  if (cached !== undefined) return cached

  say(`nginx ${series}: downloading from Debian ${suite}`)
  await provideFolder(
    final,
    (folder) => downloadNginx(suite, series, folder, say),
    async () => (await readCached(final)) !== undefined,
  )
  const provided = await readCached(final)
  if (provided === undefined) throw new Error(`${final} holds no nginx`)
  return provided
}

async function downloadNginx(suite: string, series: string, folder: string, say: Say): Promise<void> {
  const apt = join(folder, 'apt')
  const files = await downloadPackages(suite, apt, say)
  for (const file of files) await run('dpkg-deb', '-x', file, join(folder, 'root'))
  await rm(apt, { recursive: true })
  await writeWrapper(folder)
  const version = /nginx\/([\d.]+)/.exec(await run(join(folder, 'nginx'), '-v'))?.[1]
  if (!version?.startsWith(`${series}.`)) {
    throw new Error(`Debian ${suite} carries nginx ${version ?? 'of no known version'}, not ${series}.x`)
  }
  await writeFile(join(folder, 'version'), version)
}

async function readCached(folder: string): Promise<NginxBinary | undefined> {
  const version = await readFile(join(folder, 'version'), 'utf8').catch(() => undefined)
  return version === undefined ? undefined : { version, path: join(folder, 'nginx') }
}

/** The .deb files of nginx and of all it needs to run, downloaded and verified by apt in a private root. */
async function downloadPackages(suite: string, apt: string, say: Say): Promise<readonly string[]> {
  if ((await findExecutable('apt-get')) === undefined) throw new Error('There is no apt-get to download nginx with')
  await access(keyring).catch(() => {
    throw new Error(`${keyring} is missing: install the package debian-archive-keyring`)
  })
  const config = join(apt, 'apt.conf')
  // `target` leaves out translations and whatever else the host's configuration would fetch beside the packages.
  const source = `deb [signed-by=${keyring} target=Packages] ${await debianMirror()} ${suite} main\n`
  await mkdir(join(apt, 'state/lists/partial'), { recursive: true })
  await mkdir(join(apt, 'archives/partial'), { recursive: true })
  await writeFile(config, aptConfig(apt))
  await writeFile(join(apt, 'sources.list'), source)
  await writeFile(join(apt, 'status'), ['debconf', 'iproute2'].map(standIn).join('\n'))
  await retried(async () => {
    await run('apt-get', '-c', config, 'update')
    await run('apt-get', '-c', config, '-y', '--no-install-recommends', '--download-only', 'install', ...packages)
  }, say)
  const names = await readdir(join(apt, 'archives'))
  return names.filter((name) => name.endsWith('.deb')).map((name) => join(apt, 'archives', name))
}

// The host's own configuration (a proxy, say) stays in force but for what would reach outside the private root. The
// download user `_apt` cannot enter a private home directory, hence the sandbox user.
function aptConfig(apt: string): string {
  return `
Dir::State "${apt}/state";
Dir::State::status "${apt}/status";
Dir::Cache "${apt}";
Dir::Cache::archives "${apt}/archives";
Dir::Etc::sourcelist "${apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Default-Release "";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::Retries "3";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
`
}

/** The dpkg status entry that lets apt take a package for installed: the binary runs without it. */
function standIn(name: string): string {
  return `Package: ${name}
Status: install ok installed
Version: 999
Architecture: all
Multi-Arch: foreign
Maintainer: nobody
Description: stand-in
`
}

/** The URI of the Debian mirror: from the environment, otherwise from the machine's apt sources. */
async function debianMirror(): Promise<string> {
  const given = process.env[mirrorVariable]
  if (given) return given
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => [])
  for (const file of ['/etc/apt/sources.list', ...parts.map((name) => `/etc/apt/sources.list.d/${name}`)]) {
    if (!/\.(list|sources)$/.test(file)) continue
    const text = (await readFile(file, 'utf8').catch(() => '')).replaceAll(/^#.*\n?/gm, '')
    const uris = file.endsWith('.sources') ? stanzaUris(text) : lineUris(text)
    // The archive's folder is `debian` by convention; beside it mirrors carry `debian-security` and `debian-ports`.
    const archive = uris.find((uri) => /\/debian[^/]*\/?$/.test(uri) && !/-(security|debug|ports|backports)/.test(uri))
    if (archive !== undefined) return archive
  }
  throw new Error(`No Debian mirror in the apt sources of this machine: give its URI in ${mirrorVariable}`)
}

/** The URIs of enabled `deb` stanzas with the component main, in the deb822 format. */
function stanzaUris(text: string): readonly string[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string): readonly string[] =>
      new RegExp(`^${name}:((?:.*\\n?)(?:[ \\t].*\\n?)*)`, 'im').exec(stanza)?.[1]?.trim().split(/\s+/) ?? []
    const enabled = field('Enabled')[0] !== 'no' && field('Types').includes('deb')
    return enabled && field('Components').includes('main') ? field('URIs') : []
  })
}

/** The URIs of `deb` lines with the component main, in the one-line format. */
function lineUris(text: string): readonly string[] {
  const lines = text.matchAll(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S+\s(.*)$/gm)
  return [...lines].flatMap(([, uri, components]) => (uri && components?.split(/\s+/).includes('main') ? [uri] : []))
}

/**
 * Writes the script that starts the unpacked nginx by its own dynamic loader, on its own libraries. It says of itself
 * where its modules are now, not where Debian would have put them.
 */
async function writeWrapper(folder: string): Promise<void> {
  const entries = await readdir(join(folder, 'root'), { recursive: true, withFileTypes: true })
  // Only a regular file will do: some of the links to the loader lead to the host's.
  const found = entries.find((entry) => entry.isFile() && /^ld.*\.so\.\d+$/.test(entry.name))
  if (found === undefined) throw new Error('The Debian packages hold no dynamic loader')
  const loader = relative(folder, join(found.parentPath, found.name))
  const triplet = basename(found.parentPath)
  // The host's OpenSSL configuration and modules are made for the host's OpenSSL.
  const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export OPENSSL_CONF=/dev/null
export OPENSSL_MODULES="$here/root/usr/lib/${triplet}/ossl-modules"
nginx() {
  exec "$here/${loader}" --library-path "$here/root/lib/${triplet}:$here/root/usr/lib/${triplet}" \\
    "$here/root/usr/sbin/nginx" "$@"
}
if [ "$1" = -V ]; then
  (nginx -V 2>&1) | sed "s#--modules-path=#--modules-path=$here/root#" >&2
else
  nginx "$@"
fi
`
  await writeFile(join(folder, 'nginx'), script, { mode: 0o755 })
}

if (import.meta.main) {
  for (const { version, path } of await nginxBinaries(console.error)) console.log(`${version} ${path}`)
}
