/** `replica.ts` as a process of its own, whose calls to its Lease may be cut off. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ApiServer } from './api-server.ts'
import { type CutProxy, startCutProxy } from './cut-proxy.ts'
import type { ReplicaLine, ReplicaSettings } from './replica.ts'

export type ReplicaProcess = AsyncDisposable & {
  readonly identity: string
  /** As the API server names it. */
  readonly user: string
  readonly process: ChildProcess
  readonly leaseWire: CutProxy
  readonly lines: readonly ReplicaLine[]
}

type Settings = Pick<ReplicaSettings, 'identity' | 'electionTtlMs' | 'lease' | 'served'>

/** Its identity is that of a service account beside the Lease, which must exist. All but its Lease calls take `latencyMs` longer. */
export async function startReplicaProcess(server: ApiServer, given: Settings, latencyMs: number): Promise<ReplicaProcess> {
  const { identity, lease } = given
  const leaseWire = await startCutProxy(server.port)
  const wire = await startCutProxy(server.port, latencyMs)
  const settings: ReplicaSettings = {
    ...given,
    kubeconfig: await server.kubeconfigFor({ namespace: lease.namespace, name: identity }),
    server: `https://127.0.0.1:${wire.port}`,
    leaseServer: `https://127.0.0.1:${leaseWire.port}`,
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'replica.ts'), JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: ReplicaLine[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line)))
  return {
    identity,
    user: `system:serviceaccount:${lease.namespace}:${identity}`,
    process: child,
    leaseWire,
    lines,
    async [Symbol.asyncDispose]() {
      const exit = once(child, 'exit')
      if (child.exitCode === null && child.kill('SIGKILL')) await exit
      await Promise.all([leaseWire, wire].map((each) => each[Symbol.asyncDispose]()))
    },
  }
}
