/**
 * cert-manager's HTTP-01 challenges through a real API server: its Ingress, Service and edits as it makes them, beside
 * an Ingress of the same host that redirects to https and has clients sign in; then the Secret that it writes.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { type Cluster, podAddress, startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { endpointSlice, ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'

const START_TIMEOUT_MS = 180_000
const TOKEN = 'J8KoMF4Vdo3ZB5TVqVzUpmMEVRFb-_5MGKoOqtPGcmg'
const CHALLENGE = `/.well-known/acme-challenge/${TOKEN}`
const SOLVER = 'cm-acme-http-solver-x7k2p'
const SOLVER_PORT = 8089
const ISSUER = 'cert-manager.io/cluster-issuer'

const started = new AsyncDisposableStack()
const authority = await createAuthority()
let cluster: Cluster

beforeAll(async () => {
  cluster = started.use(await startCluster({ flags: ['--publish-status-address', '203.0.113.7'] }))
  const [web, auth, solver] = [
    started.use(await startBackend('web', { address: podAddress(1) })),
    started.use(await startBackend('auth', { address: podAddress(2), answer: (_, response) => response.writeHead(401).end() })),
    started.use(
      await startBackend('solver', {
        address: podAddress(3),
        port: SOLVER_PORT,
        answer: (request, response) => response.writeHead(request.url === CHALLENGE ? 200 : 404).end(`${TOKEN}.thumbprint`),
      }),
    ),
  ]
  await cluster.apply(...serviceFor(web), ...serviceFor(auth), ...solverService(solver.address))
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

/** Of type NodePort with one named port, as cert-manager makes it for each challenge. */
function solverService(address: string): readonly Manifest[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: SOLVER,
        labels: {
          'acme.cert-manager.io/http01-solver': 'true',
          'acme.cert-manager.io/http-domain': '1234',
          'acme.cert-manager.io/http-token': '5678',
        },
        annotations: { 'auth.istio.io/8089': 'NONE' },
      },
      spec: { type: 'NodePort', ports: [{ name: 'http', port: SOLVER_PORT, targetPort: SOLVER_PORT }] },
    },
    endpointSlice(SOLVER, [{ address }], { name: 'http', port: SOLVER_PORT }),
  ]
}

type PathType = 'Exact' | 'ImplementationSpecific'

/** The Ingress of a challenge. The class stands in the field or in the annotation, as the Issuer says. */
function solverIngress(host: string | undefined, pathType: PathType, classIn: 'field' | 'annotation') {
  const built = ingress(SOLVER)
    .host(host)
    .path(pathType, CHALLENGE, SOLVER, SOLVER_PORT)
    .annotation('nginx.ingress.kubernetes.io/whitelist-source-range', '0.0.0.0/0,::/0')
    .annotation('nginx.org/mergeable-ingress-type', 'minion')
  return classIn === 'field' ? built : built.class(undefined).annotation('kubernetes.io/ingress.class', 'nginx-ts')
}

/** With TLS, a redirect and a sign-in, as people have it. */
function site(host: string) {
  return ingress(host.replaceAll('.', '-'))
    .host(host)
    .prefix('/', 'web')
    .tls(`${host}-tls`, host)
    .annotation(ISSUER, 'letsencrypt')
    .annotation('nginx.ingress.kubernetes.io/ssl-redirect', 'true')
    .annotation('nginx.ingress.kubernetes.io/auth-url', 'http://auth.default.svc.cluster.local/check')
}

const solved = (host: string) =>
  cluster.eventually(host, CHALLENGE, (answer) => expect(answer).toMatchObject({ status: 200, body: `${TOKEN}.thumbprint` }))

test.each<[PathType, 'field' | 'annotation']>([
  ['Exact', 'field'],
  ['ImplementationSpecific', 'annotation'],
])(
  'a challenge with path type %s and the class in the %s is answered in plain http, and the certificate is shown',
  async (pathType, classIn) => {
    const host = `${pathType.toLowerCase()}.test`
    await cluster.apply(site(host))
    await cluster.eventually(host, '/', (answer) => expect(answer).toHaveStatus(308))
    const solver = solverIngress(host, pathType, classIn)
    await cluster.apply(solver)
    await solved(host)
    expect(await cluster.get(host, '/')).toHaveStatus(308)
    expect(await cluster.get(host, '/.well-known/other')).toHaveStatus(308)
    expect(await cluster.getTls(host, '/')).toHaveStatus(401)

    await cluster.remove(solver)
    const certificate = await authority.issue([host])
    await cluster.apply(tlsSecret(`${host}-tls`, certificate.chain, certificate.key))
    await eventually(async () => {
      const shown = await shakeHands(cluster.agent.httpsPort, host, { ca: authority.certificate })
      expect(shown.authorized).toBe(true)
    })
    await cluster.eventually(host, CHALLENGE, (answer) => expect(answer).toHaveStatus(308))
  },
  60_000,
)

test('edited in place, the path of the challenge needs neither https nor a sign-in, and its neighbours do', async () => {
  const host = 'in-place.test'
  const edited = () => site(host).annotation('acme.cert-manager.io/http01-edit-in-place', 'true')
  await cluster.apply(edited())
  await cluster.eventually(host, CHALLENGE, (answer) => expect(answer).toHaveStatus(308))
  await cluster.apply(edited().implementationSpecific(CHALLENGE, SOLVER, SOLVER_PORT))
  await solved(host)
  expect(await cluster.get(host, '/')).toHaveStatus(308)
  expect(await cluster.getTls(host, '/')).toHaveStatus(401)
  await cluster.apply(edited())
  await cluster.eventually(host, CHALLENGE, (answer) => expect(answer).toHaveStatus(308))
}, 60_000)

test('a challenge for an IP address, without host, is answered beside hosts that have rules of their own', async () => {
  await cluster.apply(site('beside.test'), solverIngress(undefined, 'ImplementationSpecific', 'field'))
  await solved('203.0.113.7')
  await cluster.eventually('beside.test', CHALLENGE, (answer) => expect(answer).toHaveStatus(308))
  await cluster.remove(solverIngress(undefined, 'ImplementationSpecific', 'field'))
  await cluster.eventually('203.0.113.7', CHALLENGE, (answer) => expect(answer).toHaveStatus(404))
}, 60_000)
