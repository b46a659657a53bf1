import { afterAll, describe, expect, test } from '@jest/globals'
import { type ValuesExplanation, valuesExplanationSchema } from '../../src/explain/values-schema.ts'
import { runNginxTs } from '../support/command-line.ts'
import { temporaryFolder } from '../support/folder.ts'

const OF_INGRESS_NGINX = 'charts/nginx-ts/ci/ingress-nginx-values.yaml'

const started = new AsyncDisposableStack()
const { write } = started.use(await temporaryFolder())
afterAll(() => started.disposeAsync())

/** What it says as JSON, which is checked by the schema. */
async function explained(...files: readonly string[]): Promise<ValuesExplanation> {
  const { stdout, stderr } = await runNginxTs(['explain', '--format', 'json', ...files.flatMap((file) => ['--values', file])])
  expect(stderr).toBe('')
  return valuesExplanationSchema.parse(JSON.parse(stdout))
}

test("of a values file of ingress-nginx's it names what has no meaning here, and counts the rest", async () => {
  const { code, stdout, stderr } = await runNginxTs(['explain', '--values', OF_INGRESS_NGINX])
  expect(stdout).toMatch(/^\d+ values: 5 without effect, \d+ different, \d+ as before$/m)
  expect(stdout).toMatch(/^ {2}! controller\.addHeaders +not yet +headers of responses cannot come from a ConfigMap\.$/m)
  expect(stdout).toMatch(/^ {2}! controller\.extraArgs\.enable-ssl-passthrough +not yet\n +TLS always ends here\.$/m)
  expect(stdout).toMatch(/^ {2}~ controller\.enableMimalloc +no effect +NGINX uses the allocator of its image\.$/m)
  expect(stdout).not.toContain('controller.replicaCount')
  expect(stdout).not.toContain('\u001b')
  expect([code, stderr]).toEqual([1, ''])
})

test('--verbose names what works, too', async () => {
  const { stdout } = await runNginxTs(['explain', '--values', OF_INGRESS_NGINX, '--verbose'])
  expect(stdout).toMatch(/^ {2}✓ controller\.replicaCount +same$/m)
  expect(stdout).toMatch(/^ {2}✓ controller\.config\.annotations-risk-level +asks for nothing$/m)
})

test('what nobody knows, or no flag and no option can be, is told with what may be meant', async () => {
  const path = await write(
    'mistakes.yaml',
    [
      'controller:',
      '  replicas: 2',
      '  servce: {}',
      '  extraArgs:',
      '    ingres-class: nginx',
      '    http-port: "99999"',
      '    takeover: "yes"',
      '    watch-namespace: shop',
      '    update-status: "false"',
      '  config:',
      '    proxy-body-sizes: 8m',
      '    proxy-read-timeout: 60s',
      '    enable-modsecurity: "true"',
    ].join('\n'),
  )
  const { values, summary } = await explained(path)
  const told = values.map(({ path, verdict, level, suggestion = '', source = '' }) =>
    [path, verdict, level, suggestion, source.replace(/.*:/, '')].filter((word) => word !== '').join(' '),
  )
  expect(told).toEqual([
    'controller.replicas unknown blocked 2',
    'controller.servce unknown blocked controller.service 3',
    'controller.extraArgs.ingres-class unknown blocked controller.extraArgs.ingress-class 5',
    'controller.extraArgs.http-port invalid blocked 6',
    'controller.extraArgs.takeover invalid blocked 7',
    'controller.extraArgs.watch-namespace same fine 8',
    'controller.extraArgs.update-status same fine 9',
    'controller.config.proxy-body-sizes unknown ignored controller.config.proxy-body-size 11',
    'controller.config.proxy-read-timeout invalid blocked 12',
    'controller.config.enable-modsecurity not-yet blocked 13',
  ])
  expect(summary).toMatchObject({ values: 10, levels: { blocked: 7, ignored: 1, different: 0, fine: 2 }, verdicts: { unknown: 4 } })
  expect(values.find(({ path }) => path === 'controller.extraArgs.http-port')?.message).toMatch(/65535; the container controller does not/)
})

test('it reads standard input, and of several files the later one counts', async () => {
  const first = await write('first.yaml', 'controller: {kind: Deployment, replicaCount: two}')
  const { stdout } = await runNginxTs(['explain', '--values', first, '--values', '-', '--format', 'json'], {
    stdin: 'controller: {replicaCount: 2}',
  })
  const { values, source } = valuesExplanationSchema.parse(JSON.parse(stdout))
  expect(source.name).toContain('first.yaml, (standard input)')
  expect(values.map(({ path, verdict, source }) => `${path} ${verdict} ${source?.replace(/.*\//, '')}`)).toEqual([
    'controller.kind same first.yaml:1',
    'controller.replicaCount same (standard input):1',
  ])
})

test('as Markdown it prints tables', async () => {
  const { stdout } = await runNginxTs(['explain', '--values', OF_INGRESS_NGINX, '--format', 'markdown'])
  expect(stdout).toContain('# What becomes of these values\n')
  expect(stdout).toMatch(/^\| `controller\.addHeaders` \(`.*:\d+`\) \| not yet \| headers of responses/m)
})

describe('the exit code', () => {
  const files = {
    blocked: 'controller: {replicas: 2}',
    ignored: 'controller: {addHeaders: {a: b}}',
    different: 'controller: {enableMimalloc: true}',
    fine: 'controller: {replicaCount: 2}',
  }

  test.each([
    ['blocked', [], 1],
    ['ignored', [], 1],
    ['different', [], 0],
    ['fine', [], 0],
    ['ignored', ['--fail-on', 'blocked'], 0],
    ['different', ['--fail-on', 'different'], 1],
    ['blocked', ['--fail-on', 'never'], 0],
  ] as const)('for %s with %j is %i', async (level, parameters, expected) => {
    const { code } = await runNginxTs(['explain', '--values', '-', ...parameters], { stdin: files[level] })
    expect(code).toBe(expected)
  })

  test.each([
    ['a path beside it', ['some'], 'There is no such file'],
    ['a directory beside it', ['examples'], '--values is explained by itself, without paths'],
    ['a cluster beside it', ['--context', 'here'], '--values is explained by itself, without --context'],
    ['a flag for Ingresses', ['--takeover'], '--values is explained by itself, without --takeover'],
    ['a file that is not there', ['--values', '/no/such/file'], 'There is no such file'],
    ['a directory', ['--values', 'examples'], 'It is a directory'],
  ])('for %s is 2', async (_, parameters, words) => {
    const { code, stdout, stderr } = await runNginxTs(['explain', '--values', OF_INGRESS_NGINX, ...parameters])
    expect(stderr).toContain(words)
    expect([code, stdout]).toEqual([2, ''])
  })

  test('for what is no YAML is 1, and says where', async () => {
    const { code, stdout, stderr } = await runNginxTs(['explain', '--values', '-'], { stdin: 'controller:\n  config: {' })
    expect(stderr).toContain('nginx-ts: (standard input):2: ')
    expect([code, stdout]).toEqual([1, ''])
  })
})
