/**
 * The limits of an Ingress → the zones they are counted in. As in ingress-nginx all paths and hosts of an Ingress share a
 * zone, and no two Ingresses do: a client that fills one does not push others out of another.
 */

import type { LimitPatch } from '../annotations/patch.ts'
import type { Ingress } from '../cluster/objects.ts'
import type { LimitKey, LimitSettings, LimitZone } from '../model/limits.ts'
import { shortHash } from '../model/short-hash.ts'
import { type GeneratedName, mustParse, parseGeneratedName } from '../model/values.ts'

/** ingress-nginx's. */
const BURST_MULTIPLIER = 5

export type FoundLimits = { readonly settings: LimitSettings; readonly zones: readonly LimitZone[] }

/** Undefined where nothing is limited. Pure; the same Ingress gives equal zones for each of its hosts. */
export function limitsOf(patch: LimitPatch, { namespace, name }: Ingress): FoundLimits | undefined {
  const { perSecond, perMinute, connections, burstMultiplier = BURST_MULTIPLIER } = patch
  const key = limitKeyOf(patch)
  const nameOf = (kind: string) => hashName(kind, `${namespace}/${name} ${key?.name ?? ''}`)
  const rates = [
    { prefix: 'rps', per: 's' as const, rate: perSecond },
    { prefix: 'rpm', per: 'm' as const, rate: perMinute },
  ].flatMap(({ prefix, per, rate }) => (rate === undefined ? [] : [{ zone: nameOf(prefix), per, rate }]))
  const connectionZone = nameOf('connections')
  if (rates.length === 0 && connections === undefined) return undefined
  return {
    settings: {
      requests: rates.map(({ zone, rate }) => ({ zone, burst: rate * burstMultiplier })),
      connections: connections === undefined ? undefined : { zone: connectionZone, most: connections },
    },
    zones: [
      ...rates.map(({ zone, per, rate }): LimitZone => ({ name: zone, key, counts: { kind: 'requests', rate, per } })),
      ...(connections === undefined ? [] : [{ name: connectionZone, key, counts: { kind: 'connections' as const } }]),
    ],
  }
}

/** Named by its networks, so that Ingresses with the same ones share it: each request has room for every such variable. */
function limitKeyOf({ exempt }: LimitPatch): LimitKey | undefined {
  return exempt && { name: hashName('except', exempt.toSorted().join(' ')), exempt: exempt.toSorted() }
}

function hashName(prefix: string, text: string): GeneratedName {
  return mustParse(parseGeneratedName(`${prefix}_${shortHash(text, 20)}`))
}
