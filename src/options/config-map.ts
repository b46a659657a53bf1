/** The controller's ConfigMap → what it sets, and what is wrong in it. */
import type { ConfigMap } from '../cluster/objects.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import { nearest } from '../model/nearest.ts'
import { parseCidr } from '../model/values.ts'
import { type ConfigMapKey, type ConfigMapOptions, configMapKeys, optionName } from './keys.ts'
import { otherKeys } from './other-keys.ts'

export type ReadConfigMap = {
  readonly options: Partial<ConfigMapOptions>
  /** Whether something is asked for that keeps people out and is not there: nothing is served then. */
  readonly lacksProtection: boolean
  readonly issues: readonly Issue[]
}

const EVERYBODY = ['0.0.0.0/0', '::/0'].flatMap((text) => {
  const parsed = parseCidr(text)
  return parsed.ok ? [parsed.value] : []
})

/** What holds where the value of a key that guards something cannot be read: the default would open it. */
const CLOSED: Partial<ConfigMapOptions> = {
  whitelistSourceRange: [],
  denylistSourceRange: EVERYBODY,
  blockCidrs: EVERYBODY,
  proxyRealIpCidr: [],
}
const CLOSED_MEANWHILE: Readonly<Record<string, string>> = {
  'whitelist-source-range': 'nobody is let in until it is mended',
  'denylist-source-range': 'everybody is kept out until it is mended',
  'block-cidrs': 'everybody is kept out until it is mended',
  'proxy-real-ip-cidr': 'no proxy is believed until it is mended',
}

/** With one of these wrong, what the others would make of an authentication for all hosts is nobody's wish. */
const GLOBAL_AUTH = 'global-auth-'

/** Reads each key by its schema. A wrong one is told, and its default holds. */
export function readConfigMap(configMap: ConfigMap): ReadConfigMap {
  const options: Record<string, unknown> = {}
  const issues: Issue[] = []
  let lacksProtection = false
  const asksEverybody = (configMap.data[`${GLOBAL_AUTH}url`] ?? '').trim() !== ''
  const tell = (code: IssueCode, key: string, message: string) => issues.push(issue(code, configMap, { field: `data.${key}`, message }))

  for (const [key, value] of Object.entries(configMap.data)) {
    if (isKey(key)) {
      const parsed = configMapKeys.shape[key].safeParse(value)
      if (parsed.success) options[optionName(key)] = parsed.data
      else {
        const name = optionName(key)
        if (Object.hasOwn(CLOSED, name)) options[name] = CLOSED[name]
        const closesAll = key.startsWith(GLOBAL_AUTH) && asksEverybody
        if (closesAll) lacksProtection = true
        const meanwhile = closesAll ? 'all requests get 503 until it is mended' : (CLOSED_MEANWHILE[key] ?? 'its default holds')
        const reason = parsed.error.issues.map(({ message }) => message).join('; ')
        tell('invalid-option', key, `${JSON.stringify(value)} ${reason}; ${meanwhile}`)
      }
      continue
    }
    const other = Object.hasOwn(otherKeys, key) ? otherKeys[key] : undefined
    if (other === undefined) {
      const meant = nearest(key, [...Object.keys(configMapKeys.shape), ...Object.keys(otherKeys)])
      tell('unknown-option', key, `is no key that is known${meant === undefined ? '' : `, ${meant} is`}; it has no effect`)
    } else if (!other.idle.includes(value.trim())) {
      if (other.protects) lacksProtection = true
      if (other.protects)
        tell('protection-not-supported', key, `is not there yet: ${lower(other.reason)}; all requests get 503 rather than pass unchecked`)
      else tell('option-not-supported', key, `${SAID[other.kind]}: ${lower(other.reason)}`)
    }
  }
  const trusting = trustsEverybody(options)
  if (trusting !== undefined)
    tell('unsafe-option', trusting, 'proxy-real-ip-cidr is not set or names everybody: every client may say what address it has')
  return { options: options as Partial<ConfigMapOptions>, lacksProtection, issues }
}

const SAID = { 'not yet': 'has no effect yet', 'no effect': 'has no effect here', refused: 'is refused' } as const

function isKey(key: string): key is ConfigMapKey {
  return Object.hasOwn(configMapKeys.shape, key)
}

/** The key that makes clients' own words count, when every client's do. */
function trustsEverybody(options: Partial<ConfigMapOptions>): string | undefined {
  const networks = options.proxyRealIpCidr ?? EVERYBODY
  if (!networks.some((network) => network.endsWith('/0'))) return undefined
  if (options.useForwardedHeaders === true) return 'use-forwarded-headers'
  return options.enableRealIp === true ? 'enable-real-ip' : undefined
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
