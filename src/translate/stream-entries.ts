/** One entry of the ConfigMap of TCP or UDP services: a port, and what it leads to. The format is ingress-nginx's. */
import { type ObjectName, type Parsed, type PortNumber, parsePort, parseServiceName } from '../model/values.ts'

export type StreamEntry = {
  readonly namespace: ObjectName
  readonly service: ObjectName
  /** Of the Service: a number, or a name. */
  readonly port: PortNumber | string
  readonly proxyProtocol: { readonly accepted: boolean; readonly sent: boolean }
}

/** The name of a Service's port: a DNS label, core/v1 ServicePort. */
const PORT_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const PROXY = /^proxy$/i

/** Reads the key. */
export function parseStreamPort(text: string): Parsed<PortNumber> {
  // No zero in front: of two keys that are one port, which counts?
  return /^[1-9]\d{0,4}$/.test(text) ? parsePort(Number(text)) : refuse('is not a port (1 to 65535)')
}

/** Reads the value: `namespace/service:port`, `…:PROXY` to accept the PROXY protocol, `…:PROXY:PROXY` or `…::PROXY` to send it. */
export function parseStreamEntry(text: string): Parsed<StreamEntry> {
  const [target = '', port = '', accepts = '', sends = '', ...rest] = text.trim().split(':')
  const [namespace = '', service = '', ...deeper] = target.split('/')
  // A namespace is one DNS label too.
  const [parsedNamespace, parsedService, parsedPort] = [parseServiceName(namespace), parseServiceName(service), parseServicePort(port)]
  if (rest.length > 0 || deeper.length > 0) return refuse('is not namespace/service:port[:PROXY[:PROXY]]')
  if (!parsedNamespace.ok) return refuse(`names no namespace: ${JSON.stringify(namespace)} ${parsedNamespace.reason}`)
  if (!parsedService.ok) return refuse(`names no Service: ${JSON.stringify(service)} ${parsedService.reason}`)
  if (!parsedPort.ok) return refuse(`names no port of the Service: ${JSON.stringify(port)} ${parsedPort.reason}`)
  // Somebody who meant it and is not understood would have clients' addresses lost, or read as the beginning of their bytes.
  const misspelt = [accepts, sends].find((word) => word !== '' && !PROXY.test(word))
  if (misspelt !== undefined) return refuse(`says ${JSON.stringify(misspelt)} where only PROXY or nothing may stand`)
  return {
    ok: true,
    value: {
      namespace: parsedNamespace.value,
      service: parsedService.value,
      port: parsedPort.value,
      proxyProtocol: { accepted: PROXY.test(accepts), sent: PROXY.test(sends) },
    },
  }
}

function parseServicePort(text: string): Parsed<PortNumber | string> {
  if (/^\d{1,5}$/.test(text)) return parsePort(Number(text))
  return PORT_NAME.test(text) ? { ok: true, value: text } : refuse('is neither a number nor the name of a port')
}

function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}
