/** What the Dockerfile promises, as far as it can be read; the image itself is tested in a cluster (test/cluster). */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { project } from '../scripts/project.ts'

const read = async (path: string) => await readFile(join(project, path), 'utf8')
/** A line an instruction: continuations are joined, comments left out. */
const instructions = (await read('Dockerfile'))
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '')
const lastStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')))

test('the image runs as a number that is not root, ends by SIGTERM, and starts without a shell', () => {
  expect(lastStage).toContainEqual(expect.stringMatching(/^USER [1-9]\d*:[1-9]\d*$/))
  expect(lastStage).toContain('STOPSIGNAL SIGTERM')
  expect(lastStage.filter((line) => /^(ENTRYPOINT|CMD) [^[]/.test(line))).toEqual([])
})

test('its last stage runs nothing, so that any machine builds it for any processor', () => {
  expect(lastStage.filter((line) => line.startsWith('RUN'))).toEqual([])
})

test('both bases are arguments, which a release pins by digest', async () => {
  for (const name of ['NGINX_IMAGE', 'NODE_IMAGE']) {
    expect(instructions).toContainEqual(expect.stringMatching(new RegExp(`^ARG ${name}=docker\\.io/library/`)))
    expect(await read('.github/workflows/release.yml')).toContain(`${name}=\${{ steps.names.outputs.`)
  }
})

test('what it copies is there, and passes .dockerignore', async () => {
  const sources = instructions
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1))
  const ignore = (await read('.dockerignore')).split('\n')
  for (const source of sources) {
    await stat(join(project, source))
    expect(ignore).toContain(`!${source.split('/')[0]}`)
  }
})

test('the release workflow is YAML, gives no job more rights than it names, and needs one job after the other', async () => {
  const { permissions, jobs } = parse(await read('.github/workflows/release.yml'))
  expect(permissions).toEqual({})
  expect(Object.keys(jobs)).toEqual(['test', 'image', 'chart'])
  expect([jobs.image.needs, jobs.chart.needs]).toEqual(['test', 'image'])
})
