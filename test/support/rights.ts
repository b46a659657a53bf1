/** What a user asked an API server for, by its audit log. */
import type { ApiServer, AuditEvent } from './api-server.ts'

/** `get services`, `patch networking.k8s.io/ingresses/status`. */
export function nameOfRight(verb: string, group: string, resource: string): string {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}`
}

/** What the user was granted, and refused, each right once. `since`: events of the log that are passed over. */
export async function askedOf(
  api: ApiServer,
  user: string,
  since = 0,
): Promise<{ readonly granted: readonly string[]; readonly refused: readonly string[] }> {
  const own = (await api.auditEvents()).slice(since).filter((event) => event.user.username === user && event.objectRef !== undefined)
  const named = (events: readonly AuditEvent[]) =>
    [
      ...new Set(
        events.map(({ verb, objectRef }) => {
          const { apiGroup = '', resource = '', subresource } = objectRef ?? {}
          return nameOfRight(verb, apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`)
        }),
      ),
    ].sort()
  return {
    granted: named(own.filter(({ responseStatus }) => responseStatus?.code !== undefined && responseStatus.code < 300)),
    refused: named(own.filter(({ responseStatus }) => responseStatus?.code === 403)),
  }
}
