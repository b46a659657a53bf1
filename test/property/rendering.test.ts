/** A configuration depends on the objects and on nothing else: not on their order, the moment, or what was served before. */
import { beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { ConfigSet } from '../../src/render/render.ts'
import { configurationOf, freshMemos } from '../support/configuration.ts'
import { hostileText } from '../support/hostile.ts'
import type { Manifest } from '../support/objects.ts'
import { evilTenant, fieldsOf, goodTenants, withField } from '../support/tenants.ts'

const RUNS = { numRuns: 150 }

let objects: readonly Manifest[]
beforeAll(async () => {
  objects = [...(await goodTenants()), ...(await evilTenant())]
})

function everythingIn(configSet: ConfigSet): unknown {
  const { files, keyPairs, hash } = configSet
  return { root: configSet.rootFile(1), files: [...files].sort((a, b) => (a.path < b.path ? -1 : 1)), keyPairs, hash }
}

/** The cluster, with some fields of some objects changed; Ingresses without a time of creation are the ones most alike. */
function anyCluster(): fc.Arbitrary<readonly Manifest[]> {
  const fields = fieldsOf(objects).filter(([, top]) => top !== 'kind' && top !== 'apiVersion')
  const change = fc.tuple(
    fc.constantFrom(...fields),
    fc.oneof(hostileText(), fc.constantFrom('default', 'shop.test', 'web', 'shop', '/', '/cart', undefined)),
  )
  return fc
    .array(change, { maxLength: 8 })
    .map((changes) => changes.reduce<unknown>((all, [path, value]) => withField(all, path, value), objects) as readonly Manifest[])
}

/** Two objects of one kind and name are one object, and which of them depends on the source. */
function withoutRepetitions(cluster: readonly Manifest[]): readonly Manifest[] {
  const identity = (object: Manifest) => {
    const metadata = object['metadata'] as { namespace?: string; name?: string }
    return JSON.stringify([object['kind'], metadata.namespace ?? 'default', metadata.name])
  }
  return [...new Map(cluster.map((object) => [identity(object), object])).values()]
}

test('the same whatever the order in which the objects came', () => {
  const shuffled = anyCluster().chain((cluster) => {
    const distinct = withoutRepetitions(cluster)
    return fc.tuple(fc.constant(distinct), fc.shuffledSubarray([...distinct], { minLength: distinct.length }))
  })
  fc.assert(
    fc.property(shuffled, ([cluster, other]) => {
      expect(everythingIn(configurationOf(other).configSet)).toEqual(everythingIn(configurationOf(cluster).configSet))
    }),
    RUNS,
  )
})

test('the same with the memo of other clusters as without', () => {
  const memos = freshMemos()
  fc.assert(
    fc.property(anyCluster(), (cluster) => {
      const remembered = configurationOf(cluster, { memos })
      const fresh = configurationOf(cluster)
      expect(everythingIn(remembered.configSet)).toEqual(everythingIn(fresh.configSet))
      expect(remembered.issues).toEqual(fresh.issues)
    }),
    RUNS,
  )
})

test('a time of creation that is none leaves the order of the others as it was', () => {
  const ingresses = ['oldest', 'middle', 'youngest'].map((name, index) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: name, name: `${9 - index}`, creationTimestamp: `2026-01-0${index + 1}T00:00:00Z` },
    spec: {
      ingressClassName: 'nginx-ts',
      rules: [{ host: 'shared.test', http: { paths: [{ path: '/', backend: { service: { name, port: { number: 80 } } } }] } }],
    },
  }))
  const untimely = { ...ingresses[0], metadata: { namespace: 'n', name: '8', creationTimestamp: 'long ago' } }
  for (const place of [0, 1, 2, 3]) {
    const { configSet, issues } = configurationOf([...ingresses.slice(0, place), untimely, ...ingresses.slice(place)])
    expect(configSet.files.find(({ text }) => text.includes('shared.test'))?.text).toContain('# Ingress oldest/9')
    expect(issues).toContainEqual(expect.objectContaining({ code: 'invalid-object', field: 'metadata.creationTimestamp' }))
  }
})
