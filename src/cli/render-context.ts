/** The machine and the binary → what render needs to know of them. */
import type { Capabilities } from '../model/model.ts'
import type { Machine } from '../nginx/machine.ts'
import type { RenderContext } from '../render/render.ts'

/** A proxied connection takes two descriptors, and a worker keeps some for logs, listeners and files. */
const DESCRIPTORS_PER_CONNECTION = 2
const RESERVED_DESCRIPTORS = 64
const DNS_PORT = 53

/** Sizes NGINX after the cgroup and the limits of this process. */
export function renderContextOf(capabilities: Capabilities, machine: Machine, root: string, accessLog: string): RenderContext {
  const affordable = Math.floor((machine.openFiles - RESERVED_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION)
  return {
    capabilities,
    root,
    accessLog,
    ipv6: machine.ipv6,
    nameServers: machine.nameServers.map((address) => ({ address, port: DNS_PORT })),
    workerAccount: machine.workerAccount,
    workerProcesses: machine.cpus,
    workerConnections: Math.max(RESERVED_DESCRIPTORS, affordable),
    workerOpenFiles: machine.openFiles,
  }
}

/** Whether NGINX can resolve the names of backends while it runs: the binary must know how, and the machine whom to ask. */
export function canResolveNames(capabilities: Capabilities, machine: Machine): boolean {
  return capabilities.resolvesNames && machine.nameServers.length > 0
}
