/** The command of docs/migrate.md that installs beside ingress-nginx, with a values file that names what ingress-nginx has. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { chart, knownValues } from '../../scripts/chart-values.ts'
import { project } from '../../scripts/project.ts'
import { ciValues, helms, runHelm } from '../support/chart.ts'
import { merged, nested } from './cases/case.ts'

const page = await readFile(join(project, 'docs/migrate.md'), 'utf8')
const [, command = ''] = /^(helm install nginx-ts .*?)^```$/ms.exec(page) ?? []
/** The pairs of `--set NAME=VALUE` and its kin. */
const settings = [...command.matchAll(/(--set(?:-json|-string)?) (?:'([^']+)'|(\S+))/g)].map(
  ([, flag = '', quoted, plain = '']) => [flag, quoted ?? plain] as const,
)

const OLD = 'ingress-nginx'
const OF_THE_OLD_RELEASE = [
  nested('fullnameOverride', OLD),
  nested('namespaceOverride', OLD),
  nested('controller.publishService.pathOverride', `${OLD}/${OLD}-controller`),
  nested('controller.ingressClassResource', { name: 'nginx', aliases: [OLD], default: true, controllerValue: `k8s.io/${OLD}` }),
  nested('controller.ingressClass', 'nginx'),
].reduce(merged)

test.each(helms.map((helm) => [helm.version, helm] as const))(
  'with Helm %s nothing of it leads to the old release',
  async (_version, helm) => {
    const [, values = {}] = (await ciValues()).find(([name]) => name === 'ingress-nginx-values.yaml') ?? []
    const line = ['template', 'nginx-ts', chart, '--namespace', 'nginx-ts', '--kube-version', '1.36.0', '--values', 'VALUES']
    const made = await runHelm(helm, merged(values, OF_THE_OLD_RELEASE), {}, ...line, ...settings.flat())
    expect(made).toContain('--publish-service=nginx-ts/nginx-ts-controller')
    expect(made).not.toMatch(/ingress-nginx|is-default-class|^ {2}name: nginx$/m)
  },
)

test('what it resets wants a second look, as `explain --values` says', () => {
  const names = settings.map(([, setting]) => setting.split('=', 1)[0] ?? '')
  expect(names.length).toBeGreaterThan(5)
  const { differing } = knownValues()
  const isOwn = /^controller\.extraArgs\./
  expect(names.filter((name) => !isOwn.test(name) && !Object.hasOwn(differing, name))).toEqual([])
})
