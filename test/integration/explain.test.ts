/** `nginx-ts explain` as people and CI run it, over manifests. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { afterAll, describe, expect, test } from '@jest/globals'
import { type Explanation, explanationSchema } from '../../src/explain/schema.ts'
import { manifestsInPublicShapes } from '../fixtures/explain/shapes.ts'
import { runNginxTs } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'
import { ingress } from '../support/objects.ts'
import { manifestText, NODE_FLAGS, PROGRAM, project } from '../support/serve.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const shop = () => ingress('shop').host('shop.test').prefix('/', 'shop')
const annotated = (key: string, value: string) => shop().annotation(PREFIX + key, value)

const started = new AsyncDisposableStack()
const { path: folder, write } = started.use(await temporaryFolder())
afterAll(() => started.disposeAsync())

/** What it says as JSON, which is checked by the schema. */
async function explained(...parameters: readonly string[]): Promise<Explanation> {
  const { stdout, stderr } = await runNginxTs(['explain', '--format', 'json', ...parameters])
  expect(stderr).toBe('')
  return explanationSchema.parse(JSON.parse(stdout))
}

describe('reads', () => {
  test('standard input', async () => {
    const { code, stdout, stderr } = await runNginxTs(['explain', '-'], { stdin: manifestText(annotated('proxy-body-size', '8m')) })
    expect(stdout).toMatch(/^✓ default\/shop {2}shop\.test {2}\(\(standard input\):1\)$/m)
    expect(stdout).toMatch(/^ {2}✓ proxy-body-size +same +client_max_body_size 8m;$/m)
    expect([code, stderr]).toEqual([0, ''])
  })

  test('files and directories, and says where each Ingress stands', async () => {
    await write('some/a.yaml', `# A comment.\n---\n${manifestText(ingress('a').host('a.test').prefix('/', 'a'))}`)
    const single = await write('single.txt', manifestText(ingress('b').host('b.test').prefix('/', 'b')))
    const { ingresses, source } = await explained(join(folder, 'some'), single)
    expect(ingresses.map(({ name, source }) => `${name} ${source?.replace(/.*\//, '')}`)).toEqual(['a a.yaml:3', 'b single.txt:1'])
    expect(source.kind).toBe('manifests')
    const [alone] = (await explained(join(folder, 'some'))).ingresses
    expect(alone?.source).toBe('a.yaml:3')
  })

  test('what a broken document has to say, and everything else', async () => {
    const unquoted = 'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: broken, annotations: { a.test/b: true } }\n'
    const path = await write('broken.yaml', `${unquoted}---\n${manifestText(shop())}`)
    const { ingresses, findings } = await explained(path)
    expect(ingresses.map(({ name }) => name)).toEqual(['shop'])
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'invalid-object',
        level: 'blocked',
        ingresses: ['default/broken'],
        source: expect.stringMatching(/broken\.yaml:1$/),
      }),
    ])
  })

  test('every class, unless a flag says whose Ingresses are meant', async () => {
    const objects = [shop(), ingress('theirs').class('nginx').host('theirs.test').prefix('/', 'theirs')]
    const path = await write('classes.yaml', manifestText(...objects))
    expect((await explained(path)).ingresses.map(({ name }) => name)).toEqual(['shop', 'theirs'])
    expect((await explained(path, '--ingress-class', 'nginx')).ingresses.map(({ name }) => name)).toEqual(['theirs'])
    expect((await explained(path, '--takeover')).ingresses.map(({ name }) => name)).toEqual(['shop', 'theirs'])
  })

  test('the options of a ConfigMap: what they say anyway is the default', async () => {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'ingress', name: 'options' },
      data: { 'proxy-read-timeout': '77' },
    }
    const path = await write('options.yaml', manifestText(annotated('proxy-read-timeout', '77'), configMap))
    const verdict = async (...parameters: readonly string[]) => (await explained(path, ...parameters)).ingresses[0]?.annotations[0]?.verdict
    expect(await verdict()).toBe('same')
    expect(await verdict('--configmap', 'ingress/options')).toBe('default')
  })
})

test('--namespace and --ingress narrow down what is explained', async () => {
  const objects = [
    shop(),
    ingress('a').namespace('other').host('a.test').prefix('/', 'a'),
    ingress('b').namespace('other').host('b.test').prefix('/', 'b'),
  ]
  const path = await write('narrow.yaml', manifestText(...objects))
  expect((await explained(path, '-n', 'other')).ingresses.map(({ name }) => name)).toEqual(['a', 'b'])
  expect((await explained(path, '--ingress', 'default/shop', '--ingress', 'other/b')).ingresses.map(({ name }) => name)).toEqual([
    'shop',
    'b',
  ])
  const { code, stderr } = await runNginxTs(['explain', path, '--ingress', 'other/none'])
  expect(stderr).toContain('there is no Ingress other/none')
  expect(code).toBe(1)
})

describe('the exit code', () => {
  const cases = {
    blocked: annotated('server-snippet', 'return 200;'),
    ignored: annotated('proxy-read-timeout', '60s'),
    different: annotated('proxy-buffer-size', '16k'),
    fine: annotated('proxy-body-size', '8m'),
  }

  test.each([
    ['blocked', [], 1],
    ['ignored', [], 1],
    ['different', [], 0],
    ['fine', [], 0],
    ['blocked', ['--fail-on', 'blocked'], 1],
    ['ignored', ['--fail-on', 'blocked'], 0],
    ['different', ['--fail-on', 'different'], 1],
    ['fine', ['--fail-on', 'different'], 0],
    ['blocked', ['--fail-on', 'never'], 0],
  ] as const)('for %s with %j is %i', async (level, parameters, expected) => {
    const { code } = await runNginxTs(['explain', '-', ...parameters], { stdin: manifestText(cases[level]) })
    expect(code).toBe(expected)
  })

  test.each([
    ['nothing to explain', [], 'say what to explain'],
    ['a path that is not there', ['/no/such/path'], 'There is no such file or directory'],
    ['a path and a cluster', ['-', '--context', 'here'], 'either paths or a cluster'],
    ['an unknown format', ['-', '--format', 'xml'], "'xml' is invalid"],
    ['an unknown level', ['-', '--fail-on', 'anything'], "'anything' is invalid"],
  ])('for %s is 2', async (_, parameters, words) => {
    const { code, stdout, stderr } = await runNginxTs(['explain', ...parameters])
    expect(stderr).toContain(words)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('for a cluster that is not there is 1', async () => {
    const { code, stdout, stderr } = await runNginxTs(['explain', '--kubeconfig', join(folder, 'no-kubeconfig')])
    expect(stderr).toContain('no-kubeconfig')
    expect([code, stdout]).toEqual([1, ''])
  })
})

test('who has read enough may go', async () => {
  const child = spawn('sh', ['-c', `"$0" "$@" | head -n 1`, process.execPath, ...NODE_FLAGS, PROGRAM, 'explain', '--verbose', '-'], {
    cwd: project,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdout.resume()
  child.stdin.end(manifestsInPublicShapes(200))
  await once(child, 'close')
  expect(stderr).toBe('')
})

test.each(['text', 'markdown'])('as %s it prints for people, without colour where there is no terminal', async (format) => {
  const { stdout } = await runNginxTs(['explain', '-', '--format', format], { stdin: manifestText(annotated('proxy-body-size', '8m')) })
  expect(stdout).toContain('client_max_body_size 8m;')
  expect(stdout).not.toContain('\u001b')
})

describe('over manifests in public shapes', () => {
  const shapes = join(project, 'test/fixtures/public-shapes')

  test('every annotation of a controller has a verdict, and the JSON is what the schema says', async () => {
    const { ingresses, summary } = await explained(shapes)
    const text = (await Promise.all((await readdir(shapes)).map((name) => readFile(join(shapes, name), 'utf8')))).join('\n')
    const written = [...text.matchAll(/^ +"?((?:[a-z.-]*ingress\.kubernetes\.io|nginx-ts\.io)\/[^":\s]+)"?:/gm)].map(([, name]) => name)
    const told = ingresses.flatMap(({ annotations }) => annotations.map(({ annotation }) => annotation))
    // Two stand in Ingresses that no API server of today takes.
    expect(written.length - told.length).toBe(2)
    expect(summary.annotations).toBe(told.length)
    expect(new Set(told)).toEqual(new Set(written))
  })

  test('of a hundred Ingresses it tells within two seconds', async () => {
    const path = await write('hundred.yaml', manifestsInPublicShapes(100))
    const { summary } = await explained(path)
    expect(summary.ingresses).toBe(100)
    const seconds: number[] = []
    for (let run = 0; run < 5; run += 1) seconds.push(await secondsOf(() => runNginxTs(['explain', path])))
    const idle = await secondsOf(() => runNginxTs(['--version']))
    const median = seconds.toSorted((a, b) => a - b)[2] ?? Number.NaN
    process.stderr.write(
      `explain, 100 Ingresses: median ${median.toFixed(2)} s of ${seconds.map((one) => one.toFixed(2)).join(', ')}; --version ${idle.toFixed(2)} s\n`,
    )
    expect(median).toBeLessThan(2 * slownessOf(idle))
  }, 300_000)
})

async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return (performance.now() - start) / 1000
}

/** What `--version` takes on a machine that has nothing else to do. */
const IDLE_VERSION_SECONDS = 0.3

/** Other tests run beside this one: where even `--version` takes long, so may this. */
function slownessOf(versionSeconds: number): number {
  return Math.max(1, versionSeconds / IDLE_VERSION_SECONDS)
}
