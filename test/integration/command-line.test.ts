import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { createAuthority } from '../support/certificates.ts'
import { runNginxTs } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { ingress, service, tlsSecret } from '../support/objects.ts'
import { manifestText, project } from '../support/serve.ts'
import { testedNginx } from '../support/site.ts'

const binaries = await testedNginx()

const started = new AsyncDisposableStack()
const { path: folder, write } = started.use(await temporaryFolder())
afterAll(() => started.disposeAsync())

/** A directory of manifests with one file. */
async function manifests(name: string, content: string): Promise<string> {
  return dirname(await write(`${name}/manifests.yaml`, content))
}

const shop = () => ingress('shop').host('shop.test').prefix('/', 'shop')

describe('the command line', () => {
  test('--version says the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
    expect(await runNginxTs(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test.each([
    [[], ['serve', 'render', 'lint', '--version']],
    [
      ['serve'],
      ['--http-port', '--https-port', '--status-port', '--state-dir', '--nginx', '--ingress-class', '--all-classes', '--echo', '<dir>'],
    ],
    [['render'], ['--output', '--nginx', '--ingress-class', '<dir>']],
    [['lint'], ['--format', '"text"', '"json"', '--all-classes', '<dir>']],
  ])('nginx-ts %p --help names what there is', async (command, words) => {
    const { code, stdout, stderr } = await runNginxTs([...command, '--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const word of words) expect(stdout).toContain(word)
  })

  test.each([
    ['no command', [], 'Usage: nginx-ts'],
    ['an unknown command', ['server'], "unknown command 'server'"],
    ['an unknown flag', ['lint', 'DIR', '--colour'], "unknown option '--colour'"],
    ['no directory', ['lint'], "missing required argument 'dir'"],
    ['a second directory', ['lint', 'DIR', 'DIR'], 'too many arguments'],
    ['a directory that is not there', ['lint', 'DIR/none'], 'There is no such directory'],
    ['a directory that is not there, to serve', ['serve', 'DIR/none'], 'There is no such directory'],
    ['a file for a directory', ['render', 'DIR/manifests.yaml'], 'It is not a directory'],
    ['a port that is too large', ['lint', 'DIR', '--http-port', '65536'], '--http-port'],
    ['a port that is no number', ['serve', 'DIR', '--https-port', 'https'], '--https-port'],
    ['a status port that is no number', ['serve', 'DIR', '--status-port', '0'], '--status-port'],
    [
      'a name without a namespace',
      ['render', 'DIR', '--default-backend-service', 'shop'],
      '--default-backend-service: write it as namespace/name',
    ],
    [
      'a name of three parts',
      ['lint', 'DIR', '--default-ssl-certificate', 'a/b/c'],
      '--default-ssl-certificate: write it as namespace/name',
    ],
    ['an unknown format', ['lint', 'DIR', '--format', 'xml'], "'xml' is invalid"],
  ])('%s is misuse, and is named', async (what, parameters, words) => {
    const directory = await manifests(`misuse: ${what}`, '')
    const { code, stdout, stderr } = await runNginxTs(parameters.map((parameter) => parameter.replace('DIR', directory)))
    expect(stderr).toContain(words)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test('serving without an NGINX is a failure, and no misuse', async () => {
    const directory = await manifests('no nginx', '')
    const { code, stderr } = await runNginxTs([
      'serve',
      directory,
      '--state-dir',
      join(folder, 'state'),
      '--nginx',
      join(folder, 'no-nginx'),
    ])
    expect(stderr).toContain('is NGINX installed?')
    expect(code).toBe(1)
  })
})

describe('lint', () => {
  test('without an error it exits with 0, warnings or not', async () => {
    const directory = await manifests('warning', manifestText(shop(), service('shop')))
    const { code, stdout, stderr } = await runNginxTs(['lint', directory])
    expect(stdout).toMatch(/^warning .*\[no-endpoints\]$/m)
    expect(stdout).toContain('1 Ingresses read, 1 served; 1 hosts; 1 issues, 0 of them errors')
    expect([code, stderr]).toEqual([0, ''])
  })

  test('with an error it exits with 1, and says where it is and what becomes of it', async () => {
    const old = 'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: old, namespace: shop}\n'
    const directory = await manifests('error', `# nothing\n---\n${old}`)
    const { code, stdout } = await runNginxTs(['lint', directory])
    expect(stdout).toMatch(
      /^error +manifests\.yaml:3 Ingress shop\/old apiVersion: .*write networking\.k8s\.io\/v1 \[unsupported-version\]$/m,
    )
    expect(code).toBe(1)
  })

  test('in JSON it says the same, for programs', async () => {
    const broken = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'broken', annotations: { 'a.test/b': true } } }
    const directory = await manifests('json', manifestText(shop(), service('shop'), broken))
    const { code, stdout } = await runNginxTs(['lint', directory, '--format', 'json'])
    const { issues, counts } = JSON.parse(stdout)
    expect(counts).toEqual({ ingresses: 1, served: 1, hosts: 1, errors: 1 })
    expect(issues).toContainEqual(
      expect.objectContaining({
        code: 'invalid-object',
        severity: 'error',
        object: { kind: 'Ingress', namespace: 'default', name: 'broken' },
        field: 'metadata.annotations.a.test/b',
        source: { file: 'manifests.yaml', document: 3, line: expect.any(Number) },
      }),
    )
    expect(code).toBe(1)
  })

  test('it names every annotation under our prefixes that is not understood', async () => {
    const unknown = [
      'nginx.ingress.kubernetes.io/no-such-thing',
      'nginx-ts.io/no-such-thing',
      'nginx.ingress.kubernetes.io/auth-no-such-thing',
    ]
    const others = ['example.com/anything', 'cert-manager.io/cluster-issuer', 'kubernetes.io/ingress.class']
    const annotated = [...unknown, ...others].reduce((object, name) => object.annotation(name, 'nginx-ts'), shop())
    const directory = await manifests('annotations', manifestText(annotated, service('shop')))
    const { stdout } = await runNginxTs(['lint', directory, '--format', 'json'])
    const named = JSON.parse(stdout).issues.map(({ annotation }: { annotation?: string }) => annotation)
    expect(named.filter((name: string | undefined) => name !== undefined).sort()).toEqual([...unknown].sort())
  })
})

describe('render', () => {
  test('prints the whole configuration, and Issues beside it', async () => {
    const directory = await manifests('render', manifestText(shop(), service('shop')))
    const { code, stdout, stderr } = await runNginxTs(['render', directory, '--nginx', join(folder, 'no-nginx')])
    expect(stdout).toMatch(/^http \{$/m)
    expect(stdout).toContain('server_name "shop.test";')
    expect(stdout).toContain('# Ingress default/shop')
    const included = [...stdout.matchAll(/^ *include "?([^";]+)"?;$/gm)].map(([, path]) => path)
    expect(included.length).toBeGreaterThan(1)
    for (const path of included) expect(stdout).toContain(`# ---- ${path}\n`)
    expect(stderr).toMatch(/\[no-endpoints\]$/m)
    expect(stdout).not.toContain('no-endpoints')
    expect(code).toBe(0)
  })

  test.each(binaries)('-o writes files that NGINX %s takes as they are', async (version, nginx) => {
    const { chain, key } = await (await createAuthority()).issue(['shop.test'])
    const tls = [shop().tls('shop', 'shop.test'), service('shop'), tlsSecret('shop', chain, key)]
    const directory = await manifests(`output ${version}`, manifestText(...tls))
    const output = join(folder, `written ${version}`)
    const written = await runNginxTs(['render', directory, '--nginx', nginx, '-o', output])
    expect([written.code, written.stdout]).toEqual([0, ''])
    // Access is logged to /dev/stdout, which can be opened as a terminal, a file or a pipe, but not as the socket it is here.
    const judged = spawnSync(nginx, ['-t', '-p', `${output}/`, '-c', join(output, 'nginx.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    })
    expect(judged.stderr).toContain('test is successful')
    expect(judged.status).toBe(0)
  })
})
