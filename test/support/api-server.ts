/** A real kube-apiserver on a real etcd, for one test file: ports, data and credentials of its own, RBAC as in a cluster. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { kubeBinaries } from '../../scripts/kube-binaries.ts'
import { createKubeClient, type KubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { createAuthority } from './certificates.ts'
import { type ControlPlaneProcess, startProcess } from './control-plane-process.ts'
import { eventually } from './eventually.ts'
import { freePort } from './ports.ts'

export type ApiServer = AsyncDisposable & {
  readonly url: string
  readonly port: number
  /** Path of a kubeconfig with every right. */
  readonly kubeconfig: string
  /** With every right. */
  readonly client: KubeClient
  /** Starts it again, on the same port and data, and waits until it is ready. Nothing when it runs. */
  start(): Promise<void>
  /** Ends API server and etcd as a shutdown does: what is in flight is answered first. */
  stop(): Promise<void>
  /** Ends both at once, as a crash does. What was answered is kept. */
  kill(): Promise<void>
  /** Forgets every object, and the counting of resource versions with them. Only while it does not run. */
  eraseData(): Promise<void>
  /** Path of a kubeconfig with the rights that RBAC gives to a service account, which must exist. */
  kubeconfigFor(serviceAccount: { readonly namespace: string; readonly name: string }): Promise<string>
  /** What was asked of it, oldest first; for a server with an audit log. */
  auditEvents(): Promise<readonly AuditEvent[]>
  /** What both wrote since the beginning. */
  logs(): Promise<{ readonly etcd: string; readonly apiServer: string }>
}

export type ApiServerSettings = {
  /** Whether requests are written to an audit log. */
  readonly audit?: boolean
  /** Further flags of kube-apiserver, which win over ours. */
  readonly flags?: readonly string[]
}

/** audit.k8s.io/v1 at level Metadata, as far as tests read it. A watch is received and started; most others, received and complete. */
export type AuditEvent = {
  readonly auditID: string
  readonly stage: 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'
  readonly requestURI: string
  readonly verb: string
  readonly user: { readonly username: string; readonly groups?: readonly string[] }
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
  }
  readonly responseStatus?: { readonly code?: number; readonly reason?: string }
  /** With microseconds: when the request came, and when this stage was reached. */
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

const ADDRESS = '127.0.0.1'
/** A busy machine of two cores takes some 15 s. */
const START_TIMEOUT_MS = 90_000
const READY_REQUEST_TIMEOUT_MS = 2000
/** An API server waits for what is in flight; watches are closed at once. */
const STOP_TIMEOUT_MS = 20_000
const START_ATTEMPTS = 3
const AUDIT_POLICY = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }

/** Starts one and waits until it is ready. Disposing of it ends both processes and removes all they wrote. */
export async function startApiServer(settings: ApiServerSettings = {}): Promise<ApiServer> {
  for (let attempt = 1; ; attempt += 1) {
    const server = await prepareApiServer(settings)
    try {
      await server.start()
      return server
    } catch (error) {
      const { etcd, apiServer } = await server.logs()
      await server[Symbol.asyncDispose]()
      const isPortTaken = /address already in use/.test(etcd + apiServer)
      if (attempt === START_ATTEMPTS || !isPortTaken) {
        throw new Error(`the API server does not start; its last words:\n${lastLines(apiServer)}\nand etcd's:\n${lastLines(etcd)}`, {
          cause: error,
        })
      }
    }
  }
}

async function prepareApiServer({ audit = false, flags = [] }: ApiServerSettings): Promise<ApiServer> {
  const binaries = await kubeBinaries()
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-api-'))
  const file = (name: string) => join(root, name)
  const [port, etcdPort, peerPort] = [await freePort(), await freePort(), await freePort()]
  const url = `https://${ADDRESS}:${port}`
  const adminToken = randomBytes(16).toString('hex')
  const authority = await writeCredentials(root, adminToken)
  if (audit) await writeFile(file('audit-policy.json'), JSON.stringify(AUDIT_POLICY))

  const etcdUrl = `http://${ADDRESS}:${etcdPort}`
  const peerUrl = `http://${ADDRESS}:${peerPort}`
  const etcdFlags = [
    `--data-dir=${file('etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ]
  const apiServerFlags = [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${ADDRESS}`,
    `--advertise-address=${ADDRESS}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--token-auth-file=${file('tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('service-accounts.pub')}`,
    `--service-account-signing-key-file=${file('service-accounts.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // Nothing here makes the service accounts that it would demand of Pods.
    '--disable-admission-plugins=ServiceAccount',
    '--endpoint-reconciler-type=none',
    '--profiling=false',
    ...(audit ? [`--audit-policy-file=${file('audit-policy.json')}`, `--audit-log-path=${file('audit.log')}`] : []),
    ...flags,
  ]

  async function writeKubeconfig(name: string, token: string): Promise<string> {
    const path = file(`${name}.kubeconfig`)
    await writeFile(path, JSON.stringify(kubeconfigOf(url, authority, token)), { mode: 0o600 })
    return path
  }

  const kubeconfig = await writeKubeconfig('admin', adminToken)
  const client = createKubeClient(loadKubeConfig({ kubeconfig }))
  let processes: readonly ControlPlaneProcess[] = []

  async function end(signal: NodeJS.Signals): Promise<void> {
    // The API server first: without etcd it cannot answer what is in flight.
    for (const started of processes.toReversed()) await started.end(signal, STOP_TIMEOUT_MS)
    processes = []
  }

  return {
    url,
    port,
    kubeconfig,
    client,
    async start() {
      if (processes.length > 0) return
      processes = [
        startProcess(binaries.etcd, etcdFlags, file('etcd.log')),
        startProcess(binaries.kubeApiserver, apiServerFlags, file('kube-apiserver.log')),
      ]
      await untilReady(url, authority, processes)
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async eraseData() {
      if (processes.length > 0) throw new Error('the API server runs, and its data cannot be erased')
      await rm(file('etcd'), { recursive: true, force: true })
    },
    async kubeconfigFor({ namespace, name }) {
      const { status } = await client.request<{ readonly status: { readonly token: string } }>({
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      })
      return await writeKubeconfig(`${namespace}-${name}`, status.token)
    },
    async auditEvents() {
      const lines = (await readFile(file('audit.log'), 'utf8')).split('\n')
      // What follows the last line end is still being written.
      return lines.slice(0, -1).map((line) => JSON.parse(line))
    },
    async logs() {
      const [etcd = '', apiServer = ''] = await Promise.all(
        ['etcd.log', 'kube-apiserver.log'].map((name) => readFile(file(name), 'utf8').catch(() => '')),
      )
      return { etcd, apiServer }
    },
    async [Symbol.asyncDispose]() {
      await end('SIGKILL')
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** Writes what the server needs to be known and to know others; gives the certificate that clients must trust. */
async function writeCredentials(root: string, adminToken: string): Promise<string> {
  const authority = await createAuthority('Kubernetes')
  const server = await authority.issue([ADDRESS, 'localhost'])
  const serviceAccounts = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const secret = { mode: 0o600 }
  await Promise.all([
    writeFile(join(root, 'server.crt'), server.chain),
    writeFile(join(root, 'server.key'), server.key, secret),
    writeFile(join(root, 'service-accounts.pub'), serviceAccounts.publicKey.export({ type: 'spki', format: 'pem' })),
    writeFile(join(root, 'service-accounts.key'), serviceAccounts.privateKey.export({ type: 'pkcs8', format: 'pem' }), secret),
    writeFile(join(root, 'tokens.csv'), `${adminToken},admin,admin,system:masters\n`, secret),
  ])
  return authority.certificate
}

function kubeconfigOf(server: string, authority: string, token: string) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(authority).toString('base64') } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  }
}

/** Waits until the server says that it is ready, which includes RBAC's own roles. Throws at once when a process ends. */
async function untilReady(url: string, ca: string, processes: readonly ControlPlaneProcess[]): Promise<void> {
  let ended: string | undefined
  const anEnd = processes.map(async (started) => {
    await started.ended
    ended = started.name
  })
  const ready = eventually(
    async () => {
      if (ended === undefined) await askReady(url, ca)
    },
    { timeoutMs: START_TIMEOUT_MS },
  )
  await Promise.race([ready, ...anEnd])
  if (ended !== undefined) throw new Error(`${ended} has ended`)
}

async function askReady(url: string, ca: string): Promise<void> {
  const asked = get(`${url}/readyz`, { ca, agent: false, signal: AbortSignal.timeout(READY_REQUEST_TIMEOUT_MS) })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const answer = await text(response)
  if (response.statusCode !== 200) throw new Error(`not ready: ${response.statusCode} ${answer}`)
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-8).join('\n')
}
