/**
 * The five features of the kubernetes-sigs ingress-controller-conformance suite. Its scenarios in our words: through an
 * API server, where a backend at a Pod's address says who answered; and with real Pods in the cluster that the
 * environment names (`npm run test:cluster`).
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createAuthority } from '../support/certificates.ts'
import { read } from '../support/cluster-objects.ts'
import { type ConformanceCluster, startConformanceCluster } from '../support/conformance-cluster.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, ingressClass, tlsSecret } from '../support/objects.ts'

const started = new AsyncDisposableStack()
let cluster: ConformanceCluster

beforeAll(async () => {
  cluster = started.use(await startConformanceCluster())
}, 300_000)
afterAll(() => started.disposeAsync(), 300_000)

/** A Service with a Pod of its own. */
const serviceWithPod = (name: string) => cluster.serviceWithPods(name, 1)

const from = (backend: string) => (answer: unknown) => expect(answer).toComeFrom(backend)
const notFound = (answer: unknown) => expect(answer).toHaveStatus(404)

test('default backend: an Ingress without rules takes all requests that no other rule does', async () => {
  const everything = ingress('everything').defaultBackend('echo')
  await cluster.apply(...(await serviceWithPod('echo')), everything)
  await cluster.eventually('my-host.test', '/', from('echo'))
  for (const path of ['/any', '/path/there?is=none']) expect(await cluster.get('another-host.test', path)).toComeFrom('echo')
  const { status } = await eventuallyPublished('everything')
  expect(status.loadBalancer.ingress).toEqual(cluster.published)
  await cluster.remove(everything)
  await cluster.eventually('my-host.test', '/', notFound)
})

describe('host rules', () => {
  beforeAll(async () => {
    const authority = await createAuthority()
    const { chain, key } = await authority.issue(['foo.bar.test'])
    await cluster.apply(
      ...(await serviceWithPod('wildcard-foo')),
      ...(await serviceWithPod('foo-bar')),
      tlsSecret('conformance', chain, key),
      ingress('hosts')
        .host('*.foo.test')
        .prefix('/', 'wildcard-foo')
        .host('foo.bar.test')
        .prefix('/', 'foo-bar')
        .tls('conformance', 'foo.bar.test'),
    )
    await cluster.eventually('bar.foo.test', '/', from('wildcard-foo'))
  })

  test('a host is matched exactly', async () => {
    expect(await cluster.getTls('foo.bar.test', '/')).toComeFrom('foo-bar')
    expect(await cluster.get('foo.bar.test', '/')).toHaveStatus(308)
    expect(await cluster.get('wrong.bar.test', '/')).toHaveStatus(404)
  })

  test('a wildcard matches one label', async () => {
    for (const host of ['bar.foo.test', 'a-b.foo.test']) expect(await cluster.get(host, '/')).toComeFrom('wildcard-foo')
  })

  test('neither none nor two', async () => {
    for (const host of ['foo.test', 'baz.bar.foo.test']) expect(await cluster.get(host, '/')).toHaveStatus(404)
  })

  test("the host's certificate is the Secret's", async () => {
    const { certificate } = await cluster.shakeHands('foo.bar.test')
    expect(certificate.subjectAltName).toContain('foo.bar.test')
  })
})

test('ingress class: an Ingress of a class that is not ours gets neither requests nor a status', async () => {
  await cluster.apply(
    ...(await serviceWithPod('unreachable')),
    ...(await serviceWithPod('reachable')),
    ingressClass('other', 'example.test/other'),
    ingress('other-class').class('other').host('other.test').prefix('/', 'unreachable'),
    ingress('no-class').class('some-invalid-class-name').host('invalid.test').prefix('/', 'unreachable'),
    ingress('our-class').host('ours.test').prefix('/', 'reachable'),
  )
  await cluster.eventually('ours.test', '/', from('reachable'))
  for (const host of ['other.test', 'invalid.test']) expect(await cluster.get(host, '/')).toHaveStatus(404)
  await eventuallyPublished('our-class')
  for (const name of ['other-class', 'no-class']) expect((await read(cluster.client, ingress(name))).status.loadBalancer).toEqual({})
})

test('load balancing: requests reach all ten Pods of a Service, and none but those', async () => {
  await cluster.apply(...(await cluster.serviceWithPods('many', 10)), ingress('many').host('many.test').prefix('/', 'many'))
  await cluster.eventually('many.test', '/', (answer) => expect(answer).toHaveStatus(200))
  const seen = new Set<string>()
  for (let sent = 0; sent < 100; sent++) {
    const { pod, backend } = JSON.parse((await cluster.get('many.test', '/')).body)
    seen.add(pod ?? backend)
  }
  const pods = Array.from({ length: 10 }, () => expect.stringMatching(/^many-/))
  expect([...seen]).toEqual(pods)
})

describe('path rules', () => {
  const hosts = {
    'exact.test': [['Exact', '/foo', 'exact-foo']],
    'prefix.test': [
      ['Prefix', '/foo', 'prefix-foo'],
      ['Prefix', '/aaa/bbb', 'aaa-bbb'],
      ['Prefix', '/aaa', 'aaa'],
    ],
    'mixed.test': [
      ['Prefix', '/foo', 'mixed-prefix'],
      ['Exact', '/foo', 'mixed-exact'],
    ],
    'slash.test': [['Prefix', '/foo/', 'trailing-slash']],
    'exact-slash.test': [['Exact', '/foo/', 'exact-slash']],
    'all.test': [
      ['Prefix', '/', 'all'],
      ['Prefix', '/aaa/ccc', 'ccc'],
    ],
  } as const

  beforeAll(async () => {
    const services = await Promise.all(Object.values(hosts).flatMap((rules) => rules.map(([, , name]) => serviceWithPod(name))))
    await cluster.apply(...services.flat())
    for (const [host, rules] of Object.entries(hosts)) {
      const builder = ingress(host.replace('.test', '')).host(host)
      for (const [type, path, name] of rules) builder.path(type, path, name)
      await cluster.apply(builder)
    }
    for (const [host, rules] of Object.entries(hosts)) {
      for (const [, path] of rules) await cluster.eventually(host, path, (answer) => expect(answer).toHaveStatus(200))
    }
  }, 180_000)

  test.each([
    ['exact.test', '/foo', 'exact-foo'],
    ['exact.test', '/foo/', undefined],
    ['exact.test', '/FOO', undefined],
    ['exact.test', '/foobar', undefined],
    ['prefix.test', '/foo', 'prefix-foo'],
    ['prefix.test', '/foo/', 'prefix-foo'],
    ['prefix.test', '/foo/bar', 'prefix-foo'],
    ['prefix.test', '/foobar', undefined],
    ['prefix.test', '/FOO', undefined],
    ['prefix.test', '/aaa/bbb', 'aaa-bbb'],
    ['prefix.test', '/aaa/bbb/ccc', 'aaa-bbb'],
    ['prefix.test', '/aaa/ccc', 'aaa'],
    ['prefix.test', '/aaaccc', undefined],
    ['mixed.test', '/foo', 'mixed-exact'],
    ['mixed.test', '/foo/', 'mixed-prefix'],
    ['slash.test', '/foo', 'trailing-slash'],
    ['slash.test', '/foo/bar', 'trailing-slash'],
    ['exact-slash.test', '/foo/', 'exact-slash'],
    ['exact-slash.test', '/foo', undefined],
    ['all.test', '/aaa', 'all'],
    ['all.test', '/aaa/ccc', 'ccc'],
  ])('%s%s goes to %s', async (host, path, backend) => {
    const answer = await cluster.get(host, path)
    if (backend === undefined) notFound(answer)
    else from(backend)(answer)
  })
})

/** The Ingress once it has a status. */
async function eventuallyPublished(name: string) {
  return await eventually(
    async () => {
      const found = await read(cluster.client, ingress(name))
      if (found['status']?.loadBalancer?.ingress === undefined) throw new Error(`no status: ${cluster.log()}`)
      return found
    },
    { timeoutMs: 30_000 },
  )
}
