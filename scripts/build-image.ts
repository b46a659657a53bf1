/**
 * `npm run image [-- --tag NAME --output FILE …]`: builds the Dockerfile with the builder that this machine has, and
 * says how large the image is. What follows another `--` goes to the builder.
 */
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createGzip } from 'node:zlib'
import { runPassingSignals } from './in-namespace.ts'
import { assertNodeVersion, project } from './project.ts'
import { findExecutable } from './provide.ts'

/** How each writes an image as the archive that `docker load` reads. The first that is there is used. */
const BUILDERS = {
  docker: (tag: string, archive: string) => ['docker', 'save', '--output', archive, tag],
  podman: (tag: string, archive: string) => ['podman', 'save', '--output', archive, tag],
  buildah: (tag: string, archive: string) => ['buildah', 'push', tag, `docker-archive:${archive}:${tag}`],
} as const
type Builder = keyof typeof BUILDERS

const MEGABYTE = 1_000_000

assertNodeVersion()
const { values, positionals } = parseArgs({
  options: {
    tag: { type: 'string', default: 'nginx-ts:dev' },
    output: { type: 'string' },
    builder: { type: 'string' },
    'nginx-image': { type: 'string' },
    'node-image': { type: 'string' },
  },
  allowPositionals: true,
})
const builder = await chooseBuilder(values.builder)
const bases = { NGINX_IMAGE: values['nginx-image'], NODE_IMAGE: values['node-image'] }
const work = await mkdtemp(join(tmpdir(), 'nginx-ts-image-'))
try {
  const archive = values.output === undefined ? join(work, 'image.tar') : resolve(values.output)
  const buildArguments = Object.entries(bases).flatMap(([name, image]) => (image === undefined ? [] : ['--build-arg', `${name}=${image}`]))
  await step(builder, 'build', '--file', 'Dockerfile', '--tag', values.tag, ...buildArguments, ...positionals, '.')
  // Docker asks before it writes over a file, and buildah refuses.
  await rm(archive, { force: true })
  await step(...BUILDERS[builder](values.tag, archive))
  const [unpacked, packed] = [(await stat(archive)).size, await packedSize(archive)]
  console.log(`${values.tag}: ${Math.round(unpacked / MEGABYTE)} MB, ${Math.round(packed / MEGABYTE)} MB as it is pulled`)
} finally {
  await rm(work, { recursive: true, force: true })
}

async function chooseBuilder(given: string | undefined): Promise<Builder> {
  const known = Object.keys(BUILDERS) as Builder[]
  for (const name of known) {
    if (given === undefined ? (await findExecutable(name)) !== undefined : given === name) return name
  }
  throw new Error(
    `one of ${known.join(', ')} builds images${given === undefined ? ', and none is on this machine' : `, and ${given} does not`}`,
  )
}

async function step(...line: readonly string[]): Promise<void> {
  console.error(`nginx-ts: ${line.join(' ')}`)
  const status = await runPassingSignals(line, project)
  if (status !== 0) throw new Error(`${line.slice(0, 2).join(' ')} ended with ${status}`)
}

/** As a registry keeps it, whose layers are compressed. */
async function packedSize(archive: string): Promise<number> {
  let bytes = 0
  const counter = new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length
      done()
    },
  })
  await pipeline(createReadStream(archive), createGzip(), counter)
  return bytes
}
