/** What an NGINX binary is and can do, asked of the binary itself. */
import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import semver from 'semver'
import type { Capabilities, StreamModule } from '../model/model.ts'

export type NginxBinary = { readonly path: string; readonly version: string; readonly capabilities: Capabilities }

/** Older ones lack directives that every configuration here uses. */
const OLDEST_VERSION = '1.22.0'
const PROBE_TIMEOUT_MS = 10_000

/** Runs `nginx -V`. Throws when there is no such program, or it is too old or lacks a module that is needed. */
export async function probeNginx(path: string): Promise<NginxBinary> {
  const { stderr } = await promisify(execFile)(path, ['-V'], { timeout: PROBE_TIMEOUT_MS }).catch((cause: unknown) => {
    throw new Error(`cannot run ${path} -V: is NGINX installed?`, { cause })
  })
  const version = /nginx version: \S+?\/(\d+\.\d+\.\d+)/.exec(stderr)?.[1]
  if (version === undefined) throw new Error(`${path} -V names no version`)
  if (semver.lt(version, OLDEST_VERSION)) throw new Error(`NGINX ${version} is too old, ${OLDEST_VERSION} is needed`)
  for (const module of ['http_ssl_module', 'http_v2_module', 'http_stub_status_module', 'http_realip_module']) {
    if (!stderr.includes(`--with-${module}`)) throw new Error(`${path} was built without ${module}`)
  }
  return { path, version, capabilities: { ...capabilitiesOf(version), stream: await streamModuleOf(stderr) } }
}

/** What may go into the configuration: an absolute path without anything that means something there. */
export const MODULE_FILE = /^\/[\w./+@-]{1,500}$/

/** Distributions build the module as a file, in a package of its own, which may not be installed. */
async function streamModuleOf(said: string): Promise<StreamModule | undefined> {
  const options = said.split(/\s+/)
  if (!options.includes('--with-stream_realip_module')) return undefined
  if (options.includes('--with-stream')) return PART_OF_THE_BINARY
  if (!options.includes('--with-stream=dynamic')) return undefined
  const folder = /--modules-path=(\S+)/.exec(said)?.[1]
  const file = join(folder ?? '', 'ngx_stream_module.so')
  return MODULE_FILE.test(file) && (await isThere(file)) ? { file } : undefined
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

const PART_OF_THE_BINARY: StreamModule = { file: undefined }

/** Of an NGINX as it is released. Versions are those of its changelog; they were checked on 1.22, 1.26 and 1.30. */
export function capabilitiesOf(version: string): Capabilities {
  return {
    http2Directive: semver.gte(version, '1.25.1'),
    keepaliveMinTimeout: semver.gte(version, '1.27.4'),
    sslCertificateCache: semver.gte(version, '1.27.4'),
    resolvesNames: semver.gte(version, '1.27.3'),
    proxyPassTrailers: semver.gte(version, '1.27.2'),
    stickyRoutes: semver.gte(version, '1.29.6'),
    stream: PART_OF_THE_BINARY,
  }
}
