import { expect, test } from '@jest/globals'
import { configurationOf } from '../../test/support/configuration.ts'
import { endpointSlice, ingress, service } from '../../test/support/objects.ts'

type Annotations = Readonly<Record<string, string>>

function variablesOf(version: string, ...ingresses: readonly Annotations[]) {
  const objects = ingresses.map((annotations, index) =>
    ingress(`shop-${index}`).host('shop.test').prefix('/', 'web').annotations(annotations, 'nginx.ingress.kubernetes.io/'),
  )
  const { configSet } = configurationOf(
    [service('web'), endpointSlice('web', [{ address: '10.0.0.1' }], { port: 8080 }), ...objects.map((each) => each.toManifest())],
    { nginxVersion: version },
  )
  const text = configSet.files.map((file) => file.text).join('\n')
  const namesIn = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name ?? ''))]
  return {
    read: namesIn(/^\s*(?:hash|sticky route) (\$\w+)/gm),
    defined: namesIn(/^\s*map .* (\$\w+) \{/gm),
  }
}

const SESSIONS = { affinity: 'cookie', 'session-cookie-name': 'only-here' }
const CANARY = { canary: 'true', 'canary-weight': '101', 'affinity-canary-behavior': 'legacy' }

// A variable that is not defined is an error for the whole configuration.
test.each<[string, readonly Annotations[]]>([
  ['whose users are not there', [{ ...SESSIONS, 'auth-type': 'basic', 'auth-secret': 'missing' }]],
  ['whose authentication server cannot be asked', [{ ...SESSIONS, 'auth-url': 'http://shop.test/' }]],
  ['of a canary that no request asks for', [{}, { ...SESSIONS, ...CANARY }]],
])('what an upstream with sessions is chosen by is defined, for a path %s', (_, ingresses) => {
  for (const version of ['1.22.1', '1.30.0'])
    for (const mode of ['balanced', 'persistent']) {
      const { read, defined } = variablesOf(
        version,
        ...ingresses.map((each) => (each['affinity'] ? { ...each, 'affinity-mode': mode } : each)),
      )
      expect(read.length).toBeGreaterThan(0)
      expect(defined).toEqual(expect.arrayContaining(read))
    }
})
