/** cert-manager's HTTP-01 challenges through an API server, as cert-manager 1.x writes them: Ingresses of its own, and paths added to one that is there. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, type Manifest, serviceFor } from '../support/objects.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const CHALLENGE = '/.well-known/acme-challenge/9jVkYh-ToKen_1'
const started = new AsyncDisposableStack()
let cluster: Cluster
let services: readonly Manifest[]

beforeAll(async () => {
  cluster = started.use(await startCluster())
  const [shop, solver] = [
    started.use(await startBackend('shop', { address: podAddress(1) })),
    started.use(await startBackend('cm-acme-http-solver-b7x2m', { address: podAddress(2) })),
  ]
  services = [...serviceFor(shop), ...serviceFor(solver)]
}, 180_000)
afterAll(() => started.disposeAsync())

/** A shop that lets in nobody from here, asks for a login and redirects to https; its certificate is not there yet. */
function closedShop() {
  return ingress('shop')
    .host('shop.test')
    .prefix('/', 'shop')
    .tls('shop-tls', 'shop.test')
    .annotation(`${PREFIX}whitelist-source-range`, '192.0.2.0/24')
    .annotation(`${PREFIX}auth-type`, 'basic')
    .annotation(`${PREFIX}auth-secret`, 'users')
    .annotation('cert-manager.io/cluster-issuer', 'letsencrypt')
}

function solver(host: string | undefined) {
  return ingress('cm-acme-http-solver-7rk9p')
    .host(host)
    .implementationSpecific(CHALLENGE, 'cm-acme-http-solver-b7x2m')
    .annotation(`${PREFIX}whitelist-source-range`, '0.0.0.0/0,::/0')
}

const comesFromSolver = (answer: unknown) => expect(answer).toComeFrom('cm-acme-http-solver-b7x2m')
const users: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'users' },
  stringData: { auth: 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=' },
}

test('the solver of a challenge answers beside a shop that lets nobody in, until it is taken away', async () => {
  await cluster.apply(...services, users, closedShop())
  await eventually(async () => expect(await cluster.getTls('shop.test', '/')).toHaveStatus(403))
  await cluster.apply(solver('shop.test'))
  await cluster.eventually('shop.test', CHALLENGE, comesFromSolver)
  expect(await cluster.getTls('shop.test', '/')).toHaveStatus(403)
  expect(await cluster.getTls('shop.test', '/.well-known/acme-challenge/other')).toHaveStatus(403)
  await cluster.remove(solver('shop.test'))
  await eventually(async () => expect(await cluster.getTls('shop.test', CHALLENGE)).toHaveStatus(403))
})

test('a solver without a host answers for hosts and addresses of no rule', async () => {
  await cluster.apply(...services, solver(undefined))
  for (const host of ['203.0.113.7', 'new.test']) await cluster.eventually(host, CHALLENGE, comesFromSolver)
  expect(await cluster.get('203.0.113.7', '/')).toHaveStatus(404)
  await cluster.remove(solver(undefined))
  await cluster.eventually('203.0.113.7', CHALLENGE, (answer) => expect(answer).toHaveStatus(404))
})

test('a path that is added to an Ingress in place asks for no login, and goes again', async () => {
  const shop = () => closedShop().annotation(`${PREFIX}whitelist-source-range`, '0.0.0.0/0,::/0')
  await cluster.apply(...services, users, shop())
  await eventually(async () => expect(await cluster.getTls('shop.test', '/')).toHaveStatus(401))
  await cluster.apply(shop().implementationSpecific(CHALLENGE, 'cm-acme-http-solver-b7x2m'))
  await cluster.eventually('shop.test', CHALLENGE, comesFromSolver)
  expect(await cluster.getTls('shop.test', '/')).toHaveStatus(401)
  await cluster.apply(shop())
  await eventually(async () => expect(await cluster.getTls('shop.test', CHALLENGE)).toHaveStatus(401))
})
