/** The users that an Ingress names → the settings of its locations; without them nobody is served. */
import type { BasicAuthPatch } from '../annotations/patch.ts'
import { PREFIXES, spelledUnder } from '../annotations/prefixes.ts'
import { type Ingress, keyOf } from '../cluster/objects.ts'
import type { BasicAuthSettings } from '../model/access.ts'
import { type Issue, type IssueCode, issue } from '../model/issue.ts'
import type { SecretFile } from '../model/model.ts'
import { readUsers, USERS_KEY } from './htpasswd.ts'
import type { Lookup } from './lookup.ts'

export type FoundBasicAuth =
  | { readonly kind: 'found'; readonly settings: BasicAuthSettings; readonly file: SecretFile; readonly issues: readonly Issue[] }
  /** Nobody is asked. */
  | { readonly kind: 'none'; readonly issues: readonly Issue[] }
  /** Somebody should be, and cannot. */
  | { readonly kind: 'missing'; readonly issues: readonly Issue[] }

/** Finds the users that a patch names. */
export function basicAuthOf(patch: BasicAuthPatch, ingress: Ingress, lookup: Lookup): FoundBasicAuth {
  const { isWanted, secret: named, format = 'file', realm = '' } = patch
  const tell = (code: IssueCode, key: string, message: string) =>
    issue(code, ingress, { annotation: spelledUnder(ingress.annotations, key), message })
  const missing = (code: IssueCode, key: string, message: string): FoundBasicAuth => ({
    kind: 'missing',
    issues: [tell(code, key, message)],
  })
  if (isWanted !== true) {
    const [key = 'auth-secret'] = ['auth-secret', 'auth-secret-type', 'auth-realm'].filter((each) => isGiven(ingress, each))
    return { kind: 'none', issues: [tell('authentication-not-asked', key, 'stands without auth-type; nobody is asked for a password')] }
  }
  if (named === undefined)
    return missing('credentials-not-found', 'auth-type', 'stands without auth-secret, which names the users; requests get 503')
  const { namespace = ingress.namespace, name } = named
  const described = `Secret ${namespace}/${name}`
  if (namespace !== ingress.namespace)
    return missing('credentials-elsewhere', 'auth-secret', `${described} is of another namespace, which is not read; requests get 503`)
  const secret = lookup.secret(keyOf(namespace, name))
  if (secret === undefined)
    return missing('credentials-not-found', 'auth-secret', `${described} does not exist; requests get 503 until it does`)
  const { file, leftOut } = readUsers(secret, format)
  const issues = leftOutIssues(leftOut, (message) => tell('invalid-credentials', 'auth-secret', `${described}: ${message}`))
  if (file !== undefined) return { kind: 'found', settings: { realm, users: file.name }, file, issues }
  const place = format === 'map' ? 'key with the hash of a password' : `user under the key ${USERS_KEY}`
  const none = tell('credentials-not-found', 'auth-secret', `${described} has no ${place}; requests get 503 until it has`)
  return { kind: 'missing', issues: [...issues, none] }
}

/** One Issue for all: a Secret may have thousands of lines. */
function leftOutIssues(leftOut: readonly string[], tell: (message: string) => Issue): readonly Issue[] {
  const [first, ...others] = leftOut
  if (first === undefined) return []
  return [tell(`${first}; it${others.length > 0 ? ` and ${others.length} more` : ''} cannot log in`)]
}

function isGiven({ annotations }: Ingress, key: string): boolean {
  return PREFIXES.some((prefix) => annotations[prefix + key] !== undefined)
}
