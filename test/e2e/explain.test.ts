/** `nginx-ts explain` of a live cluster: what it tells, and that it only ever reads. The API server's audit log tells. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Explanation, explanationSchema } from '../../src/explain/schema.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { createAuthority } from '../support/certificates.ts'
import { apply } from '../support/cluster-objects.ts'
import { runNginxTs } from '../support/command-line.ts'
import { ingressIn } from '../support/explain.ts'
import { ingress, ingressClass, type Manifest, service, tlsSecret } from '../support/objects.ts'

const START_TIMEOUT_MS = 200_000
const PREFIX = 'nginx.ingress.kubernetes.io/'
const RBAC = 'rbac.authorization.k8s.io'
/** More than a page. */
const MANY = 501

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer({ audit: true })
  const { chain, key } = await (await createAuthority()).issue(['shop.test'])
  await apply(
    server.client,
    ingressClass('nginx', 'k8s.io/ingress-nginx'),
    service('shop', [{ port: 80 }], 'shop'),
    tlsSecret('shop-tls', chain, key, 'shop'),
    ingress('good')
      .namespace('shop')
      .class('nginx')
      .host('shop.test')
      .prefix('/', 'shop')
      .tls('shop-tls', 'shop.test')
      .annotation(`${PREFIX}proxy-body-size`, '8m'),
    ingress('bad')
      .namespace('shop')
      .class('nginx')
      .host('bad.test')
      .prefix('/', 'no-such-service')
      .tls('no-such-secret', 'bad.test')
      .annotation(`${PREFIX}server-snippet`, 'return 200;'),
    ingress('elsewhere').namespace('other').class('nginx').host('elsewhere.test').prefix('/', 'no-such-service'),
  )
}, START_TIMEOUT_MS)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

type Rule = { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }

/** Path of the kubeconfig of an account that may do this, everywhere. */
async function accountWith(name: string, ...rules: readonly Rule[]): Promise<string> {
  const metadata = { name: `explain-${name}` }
  const account = { namespace: 'default', name }
  const binding: Manifest = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', ...account }],
  }
  const role: Manifest = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules }
  await apply(server.client, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account }, role, binding)
  return await server.kubeconfigFor(account)
}

const MAY_LIST: Rule = { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: ['list'] }
const MAY_LIST_SERVICES: Rule = { apiGroups: [''], resources: ['services'], verbs: ['list'] }
const MAY_GET_SECRETS: Rule = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }

async function explained(kubeconfig: string, ...parameters: readonly string[]): Promise<Explanation> {
  const { stdout, stderr } = await runNginxTs(['explain', '--kubeconfig', kubeconfig, '--format', 'json', ...parameters])
  expect(stderr).toBe('')
  return explanationSchema.parse(JSON.parse(stdout))
}

/** What an account asked for. */
async function askedBy(name: string): Promise<readonly string[]> {
  const events = (await server.auditEvents()).filter(({ user }) => user.username === `system:serviceaccount:default:${name}`)
  return [...new Set(events.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`))].sort()
}

test('all is told of what there is and what is missing, and nothing but read', async () => {
  const explanation = await explained(await accountWith('reader', MAY_LIST, MAY_LIST_SERVICES, MAY_GET_SECRETS), '--context', 'test')
  expect(explanation.source).toEqual({ kind: 'cluster', name: 'test' })
  expect(explanation.summary.classes).toEqual([{ name: 'nginx', ingresses: 3, servedWith: '--takeover' }])
  expect(ingressIn(explanation, 'good')).toMatchObject({ level: 'fine', outcome: 'served', findings: [] })
  expect(ingressIn(explanation, 'good').annotations).toEqual([
    expect.objectContaining({ verdict: 'same', directives: [{ context: 'location', added: ['client_max_body_size 8m;'], removed: [] }] }),
  ])
  expect(ingressIn(explanation, 'bad')).toMatchObject({ level: 'blocked', outcome: 'unavailable' })
  expect(
    ingressIn(explanation, 'bad')
      .findings.map(({ code }) => code)
      .sort(),
  ).toEqual(['backend-not-found', 'certificate-not-found'])
  expect(explanation.findings).toEqual([])
  expect(await askedBy('reader')).toEqual(['get secrets', 'list ingressclasses', 'list ingresses', 'list services'])
})

test('of one namespace nothing else is read', async () => {
  const kubeconfig = await accountWith('neighbour', MAY_LIST, MAY_LIST_SERVICES, MAY_GET_SECRETS)
  const explanation = await explained(kubeconfig, '--namespace', 'shop')
  expect(explanation.ingresses.map(({ name }) => name).sort()).toEqual(['bad', 'good'])
  const asked = (await server.auditEvents()).filter(({ user }) => user.username.endsWith(':neighbour'))
  expect(new Set(asked.map(({ objectRef }) => objectRef?.namespace))).toEqual(new Set(['shop', undefined]))
})

test('what may not be read is said, and held against nobody', async () => {
  const explanation = await explained(await accountWith('visitor', MAY_LIST))
  expect(ingressIn(explanation, 'good')).toMatchObject({ level: 'fine', outcome: 'served' })
  expect(ingressIn(explanation, 'bad').findings).toEqual([])
  expect(explanation.findings.map(({ code, level, message }) => `${code} ${level} ${message.split(' ')[0]}`)).toEqual([
    'access-denied different Service',
    'access-denied different Secret',
  ])
  expect(explanation.summary.absent.services).toContain('shop/no-such-service')
})

test('without the right to list Ingresses it fails, and says so', async () => {
  const { code, stdout, stderr } = await runNginxTs(['explain', '--kubeconfig', await accountWith('nobody', MAY_LIST_SERVICES)])
  expect(stderr).toMatch(/ingresses: 403 .*forbidden/)
  expect([code, stdout]).toEqual([1, ''])
})

test('a context that is not there is named', async () => {
  const { code, stderr } = await runNginxTs(['explain', '--kubeconfig', server.kubeconfig, '--context', 'nowhere'])
  expect(stderr).toContain('nowhere')
  expect(code).toBe(1)
})

test('many Ingresses are read page by page', async () => {
  const many = Array.from({ length: MANY }, (_, number) =>
    ingress(`many-${number}`).namespace('many').host(`many-${number}.test`).prefix('/', 'many'),
  )
  await apply(server.client, ...many)
  const explanation = await explained(await accountWith('patient', MAY_LIST, MAY_LIST_SERVICES), '-n', 'many')
  expect(explanation.summary.ingresses).toBe(MANY)
}, 120_000)
