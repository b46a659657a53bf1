/**
 * `npm run new:annotation NAME EXAMPLE`: the files of a feature with one annotation, which fail until they are filled in.
 * CONTRIBUTING.md goes on from there.
 */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { camelCase } from '../src/annotations/define.ts'
import { project } from './project.ts'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** The text of each file, by its path within the project. */
export function scaffold(name: string, example: string): ReadonlyMap<string, string> {
  return new Map([
    [`src/annotations/features/${name}.ts`, featureFile(name, example)],
    [`test/integration/annotations/${name}.test.ts`, liveTest(name, example)],
    [`test/golden/annotations/${name}/in.yaml`, goldenCase(name, example)],
  ])
}

function featureFile(name: string, example: string): string {
  return `/** TODO: what it is for, in a line. */
import { oneOf } from '../../model/schemas.ts'
import { annotation, defineFeature } from '../define.ts'

export default defineFeature({
  scope: 'location',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    ${key(name)}: annotation({
      value: oneOf(${quoted(example)}),
      summary: 'TODO: one sentence for the reference page.',
      example: ${quoted(example)},
      ingressNginx: 'same',
    }),
  },
  // TODO: the patch of the scope, such as { proxy: { readTimeout: … } }.
  apply: ({ ${camelCase(name)} }) => (${camelCase(name)} === undefined ? undefined : {}),
})
`
}

function liveTest(name: string, example: string): string {
  return `/** ${name}: TODO, what it is for, in a line. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { annotated, eachOf, hostileIngresses, toldOf } from '../../support/annotations.ts'
import { type Backend, startBackend } from '../../support/backend.ts'
import { serviceFor } from '../../support/objects.ts'
import { type Site, startSite, testedNginx } from '../../support/site.ts'

const KEY = ${quoted(name)}

describe.each(await testedNginx())('annotation ${name}, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let site: Site
  let web: Backend

  beforeAll(async () => {
    site = started.use(await startSite(nginx))
    web = started.use(await startBackend('web'))
  })
  afterAll(() => started.disposeAsync())

  // TODO: what somebody who asks for the path notices of the annotation.
  const outcomeAt = async (path: string) => (await site.get('shop.test', path)).status

  test('changes what its Ingress answers, and not a sibling of the host', async () => {
    const { issues } = await site.serve(
      annotated('shop', 'shop.test', 'web', { [KEY]: ${quoted(example)} }),
      annotated('sibling', 'unused.test', 'web', {}).host('shop.test').prefix('/sibling', 'web'),
      serviceFor(web),
    )
    expect(issues).toEqual([])
    expect(await outcomeAt('/')).not.toEqual(await outcomeAt('/sibling'))
  })

  test('takes what it can be, and nothing else', async () => {
    // TODO: what is valid at its ends, and what is just beyond.
    const [good, bad] = [[${quoted(example)}], ['', 'nonsense']]
    const ingresses = [...good, ...bad].map((value, index) => annotated(\`i\${index}\`, \`i\${index}.test\`, 'web', { [KEY]: value }))
    const { result, issues } = await site.serve(...ingresses, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(new Set(bad.map((_, index) => \`i\${good.length + index} \${KEY}\`)))
    expect(issues).toHaveLength(bad.length)
  })

  test('a hostile value is told, has no effect, and stops nobody', async () => {
    const hostile = hostileIngresses([KEY], 'web')
    const { result, issues } = await site.serve(...hostile, serviceFor(web))
    expect(result.kind).toBe('applied')
    expect(toldOf(issues, 'invalid-annotation')).toEqual(eachOf(hostile, [KEY]))
    for (let index = 0; index < hostile.length; index += 10) expect(await site.get(\`h\${index}.test\`, '/')).toComeFrom('web')
  })
})
`
}

function goldenCase(name: string, example: string): string {
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    nginx.ingress.kubernetes.io/${name}: ${JSON.stringify(example)}
spec:
  ingressClassName: nginx-ts
  rules:
    - host: shop.test
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: shop, port: { number: 80 } } }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec:
  clusterIP: 10.96.0.10
  ports: [{ port: 80 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: shop-1
  labels: { kubernetes.io/service-name: shop }
addressType: IPv4
endpoints: [{ addresses: [10.244.0.1] }]
ports: [{ port: 8080 }]
`
}

/** A string of ours, as Biome writes it. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

function key(name: string): string {
  return name.includes('-') ? quoted(name) : name
}

if (import.meta.main) {
  const [name, example] = process.argv.slice(2)
  if (name === undefined || example === undefined || !NAME.test(name)) {
    console.error('npm run new:annotation NAME EXAMPLE: the name of an annotation without its prefix, and a value that it can have')
    process.exit(2)
  }
  const files = scaffold(name, example)
  const present = [...files.keys()].filter((path) => existsSync(join(project, path)))
  if (present.length > 0) {
    console.error(`nothing is written, for there is ${present.join(', ')}`)
    process.exit(1)
  }
  for (const [path, text] of files) {
    await mkdir(dirname(join(project, path)), { recursive: true })
    await writeFile(join(project, path), text)
    console.log(path)
  }
  console.log('Fill in what says TODO; then: npm run generate, and UPDATE_GOLDEN=1 npm test -- test/golden')
}
