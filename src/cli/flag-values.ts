/** Values of flags, read from what was typed. Each throws what Commander tells as misuse. */
import { InvalidArgumentError } from 'commander'
import { type LoadBalancerAddress, parseAddresses } from '../kube/addresses.ts'
import { type LabelSelector, parseLabelSelector } from '../kube/selector.ts'
import type { NamespacedName } from './leader.ts'

/** Seconds, or the id of a group. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is no whole number.')
  return Number(text)
}

export function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError('It is no port, from 1 to 65535.')
  return port
}

/** `30`, `30s`, `5m`. */
export function durationSeconds(text: string): number {
  const [, number, unit] = /^(\d{1,6})(s|m|h)?$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('It is no duration, as 30s or 5m.')
  return Number(number) * { s: 1, m: 60, h: 3600 }[(unit ?? 's') as 's' | 'm' | 'h']
}

export function boolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('It is neither true nor false.')
  return text === 'true'
}

/** `namespace/name`. */
export function namespacedName(text: string): NamespacedName {
  const [, namespace, name] = /^([a-z0-9][a-z0-9-]*)\/([a-z0-9][a-z0-9.-]*)$/.exec(text) ?? []
  if (namespace === undefined || name === undefined) throw new InvalidArgumentError('Write it as namespace/name.')
  return { namespace, name }
}

/** As `kubectl --selector` takes it. */
export function labelSelector(text: string): LabelSelector {
  const parsed = parseLabelSelector(text)
  if (!parsed.ok) throw new InvalidArgumentError(parsed.reason)
  return parsed.value
}

/** IP addresses and host names, with commas between them. */
export function addresses(text: string): readonly LoadBalancerAddress[] {
  try {
    return parseAddresses(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}
