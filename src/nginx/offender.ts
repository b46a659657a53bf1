/** What NGINX complains of, and whose block it is. */
import { basename } from 'node:path'
import type { ObjectRef } from '../model/issue.ts'
import type { ConfigSet } from '../render/render.ts'

/** The Ingress or ConfigMap above the line that `nginx -t` names, or the oldest Ingress of that server; undefined for lines of nobody's. */
export function offenderOf(output: string, configSet: ConfigSet): ObjectRef | undefined {
  const [, path, line] = / in (.+):(\d+)$/.exec(complaintOf(output)) ?? []
  if (path === undefined || line === undefined) return undefined
  const file = configSet.files.find((candidate) => basename(candidate.path) === basename(path))
  if (file === undefined) return undefined
  for (const text of file.text.split('\n').slice(0, Number(line)).reverse()) {
    const [, kind, namespace, name] = /^\s*# (Ingress|ConfigMap) ([a-z0-9.-]+)\/([a-z0-9.-]+)$/.exec(text) ?? []
    if (kind !== undefined && namespace !== undefined && name !== undefined) return { kind, namespace, name }
  }
  return configSet.servers.find(({ path: serverPath }) => serverPath === file.path)?.server.owners[0]
}

/** The line of `nginx -t` that says why, without its time and process number. */
export function complaintOf(output: string): string {
  const line = output.split('\n').find((candidate) => candidate.includes('[emerg]')) ?? output.split('\n')[0] ?? ''
  return line.replace(/^.*\[emerg\] (\d+#\d+: )?/, '').trim()
}
