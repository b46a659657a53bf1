import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { requests } from '../examples/requests.ts'
import { project } from '../scripts/project.ts'
import { translateOffline } from '../src/cli/offline.ts'
import { readDirectory } from '../src/files/directory.ts'
import { parseOptions } from '../src/options.ts'

const examples = join(project, 'examples')

test('every example is asked for something', async () => {
  const manifests = (await readdir(examples)).filter((name) => name.endsWith('.yaml'))
  expect(new Set(requests.map(({ file }) => file))).toEqual(new Set(manifests))
})

test('only what is bad on purpose is reported, apart from the missing endpoints', async () => {
  const { issues } = await translateOffline(examples, parseOptions({ allClasses: true }), 'nginx', '/var/lib/nginx-ts')
  const reported = issues.filter(({ code }) => code !== 'no-endpoints').map(({ code, object }) => `${code} ${object?.name}`)
  expect(reported.sort()).toEqual(['credentials-not-found protected', 'invalid-path newcomer', 'path-claimed newcomer'])
})

test('the certificate for curl is the one in the Secret', async () => {
  const { state } = (await readDirectory(examples)).snapshot()
  const secret = state.secrets.get('default/shop-public-example-certificate')
  const file = await readFile(join(examples, 'shop.example.test.pem'), 'utf8')
  expect(file).toContain(secret?.data['tls.crt'])
})
