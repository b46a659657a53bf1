/** Which image the Pods run, of the chart of a checkout and of a released one, whose Chart.yaml names the image that was signed. */
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { chart } from '../../scripts/chart-values.ts'
import { ciValues, helms, newestHelm, runHelm, type Values } from '../support/chart.ts'
import { type Folder, temporaryFolder } from '../support/folder.ts'
import { nested } from './cases/case.ts'

const DIGEST = `sha256:${'1'.repeat(64)}`
const OTHER_DIGEST = `sha256:${'2'.repeat(64)}`
const ANNOTATIONS = `annotations:\n  nginx-ts.io/image: somebody/nginx-ts\n  nginx-ts.io/image-digest: ${DIGEST}\n`

let folder: Folder
/** The chart of a release. */
let released: string
beforeAll(async () => {
  folder = await temporaryFolder()
  released = folder.path
  await cp(chart, released, { recursive: true })
  await folder.write('Chart.yaml', `${await readFile(join(chart, 'Chart.yaml'), 'utf8')}${ANNOTATIONS}`)
})
afterAll(async () => await folder[Symbol.asyncDispose]())

/** Every image of the release, once. */
async function images(folder: string, values: Values, helm = newestHelm()): Promise<readonly string[]> {
  const made = await runHelm(helm, values, {}, 'template', 'nginx-ts', folder, '--kube-version', '1.36.0', '--values', 'VALUES')
  return [...new Set([...made.matchAll(/^ +image: "?([^"\n]+)"?$/gm)].map(([, image = '']) => image))]
}

const foreign = { registry: 'registry.k8s.io', image: 'ingress-nginx/controller', tag: 'v1.11.3', digest: OTHER_DIGEST }

test.each([
  ['nothing', {}, `ghcr.io/somebody/nginx-ts@${DIGEST}`],
  ['a mirror', nested('controller.image.registry', 'mirror.test'), `mirror.test/somebody/nginx-ts@${DIGEST}`],
  ['a mirror of everything', nested('global.image.registry', 'mirror.test'), `mirror.test/somebody/nginx-ts@${DIGEST}`],
  ['a tag', nested('controller.image.tag', '0.2.0'), 'ghcr.io/somebody/nginx-ts:0.2.0'],
  ['a digest', nested('controller.image.digest', OTHER_DIGEST), `ghcr.io/somebody/nginx-ts@${OTHER_DIGEST}`],
  ['a name', nested('controller.image.image', 'else/edge'), 'ghcr.io/else/edge:0.1.0'],
  ['registry and name', nested('controller.image.repository', 'mirror.test/edge'), 'mirror.test/edge:0.1.0'],
  ['no name', nested('controller.image.image', ''), `ghcr.io/somebody/nginx-ts@${DIGEST}`],
  ["ingress-nginx's image", nested('controller.image', foreign), `ghcr.io/somebody/nginx-ts@${DIGEST}`],
  ["ingress-nginx's tag", nested('controller.image.tag', 'v1.11.3'), `ghcr.io/somebody/nginx-ts@${DIGEST}`],
] as const)('a released chart, whose values name %s, runs %s', async (_what, values, image) => {
  for (const helm of helms) expect(await images(released, values, helm)).toEqual([image])
})

test('the chart of a checkout runs the image of its version', async () => {
  expect(await images(chart, {})).toEqual(['ghcr.io/nginx-ts/nginx-ts:0.1.0'])
  expect(await images(chart, nested('controller.image', foreign))).toEqual(['ghcr.io/nginx-ts/nginx-ts:0.1.0'])
})

test('what runs in place of an image of ingress-nginx is named in the notes', async () => {
  const [, values = {}] = (await ciValues()).find(([name]) => name === 'ingress-nginx-values.yaml') ?? []
  const said = await runHelm(newestHelm(), values, {}, 'install', 'nginx-ts', released, '--dry-run=client', '--values', 'VALUES')
  expect(said).toContain(`ghcr.io/somebody/nginx-ts@${DIGEST} runs in its place.`)
})

test('the workflow of a release writes what the chart reads', async () => {
  const workflow = await readFile(join(chart, '../../.github/workflows/release.yml'), 'utf8')
  for (const [, name = ''] of ANNOTATIONS.matchAll(/^ {2}(\S+):/gm)) expect(workflow).toContain(`.annotations."${name}" = `)
  expect(workflow).not.toContain('charts/nginx-ts/values.yaml')
})
