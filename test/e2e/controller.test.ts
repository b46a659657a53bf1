/** What people see of a controller in a cluster, through a real API server: classes, status, Events, metrics, its life. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { type Cluster, newestNginx, podAddress, startCluster, startReplica } from '../support/cluster.ts'
import { pathOf, publishedAddresses, read } from '../support/cluster-objects.ts'
import { prepareController } from '../support/controller.ts'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { shakeHands } from '../support/handshake.ts'
import {
  CONFIG_MAP_KEY,
  endpointSlice,
  type IngressBuilder,
  ingress,
  ingressClass,
  type Manifest,
  options,
  service,
  serviceFor,
  tlsSecret,
} from '../support/objects.ts'

const START_TIMEOUT_MS = 180_000
const ADDRESS = '203.0.113.7'
const started = new AsyncDisposableStack()
let cluster: Cluster
const authority = await createAuthority()

beforeAll(async () => {
  cluster = started.use(await startCluster({ flags: ['--publish-status-address', ADDRESS, '--configmap', CONFIG_MAP_KEY] }))
  await cluster.apply(...serviceFor(started.use(await startBackend('web', { address: podAddress(1) }))))
}, START_TIMEOUT_MS)
afterAll(() => started.disposeAsync())

const served = (host: string) => cluster.eventually(host, '/', (answer) => expect(answer).toComeFrom('web'))
const notServed = (host: string) => cluster.eventually(host, '/', (answer) => expect(answer).toHaveStatus(404))
const route = (name: string) => ingress(name).host(`${name}.test`).prefix('/', 'web')
const addressesOf = (object: IngressBuilder) => publishedAddresses(cluster.api.client, object)
const published = (object: IngressBuilder, ...addresses: readonly string[]) =>
  eventually(async () => expect(await addressesOf(object)).toEqual(addresses.map((ip) => ({ ip }))), { timeoutMs: 30_000 })

/** How many turns that a change was part of have been logged as live. */
const timesLive = (change: string) =>
  cluster.controller.log().filter(({ changes, msg }) => Array.isArray(changes) && changes.includes(change) && msg.includes('is live'))
    .length

type EventList = { readonly items: readonly { readonly reason: string; readonly message: string; readonly type: string }[] }

/** Events about an object, as `kubectl describe` looks them up. */
async function eventsOf(object: IngressBuilder | Manifest): Promise<EventList['items']> {
  const { metadata } = await read(cluster.api.client, object)
  const { items } = await cluster.api.client.request<EventList>({
    path: `/api/v1/namespaces/${metadata.namespace}/events`,
    query: { fieldSelector: `involvedObject.uid=${metadata.uid}` },
  })
  return items
}

describe('classes', () => {
  test('a class that appears later, changes its controller and goes takes its Ingresses along', async () => {
    const late = route('late').class('late')
    await cluster.apply(late, route('beside'))
    await served('beside.test')
    expect(await cluster.get('late.test', '/')).toHaveStatus(404)
    await cluster.apply(ingressClass('late', 'nginx-ts.io/ingress-controller'))
    await served('late.test')
    await published(late, ADDRESS)
    await cluster.remove(ingressClass('late', ''))
    await notServed('late.test')
    await published(late)
  })

  test('an Ingress that leaves our class loses its routes and our addresses, and keeps those of others', async () => {
    const leaving = route('leaving')
    await cluster.apply(leaving, ingressClass('others', 'example.test/others'))
    await published(leaving, ADDRESS)
    await cluster.apply(leaving.class('others'))
    await notServed('leaving.test')
    await published(leaving)
  })

  test('two controllers side by side serve their own class and touch nothing of the other', async () => {
    const theirs = ['--ingress-class', 'blue', '--controller-class', 'nginx-ts.io/blue', '--election-id', 'blue-leader']
    await using other = await startReplica(cluster.api, { flags: [...theirs, '--publish-status-address', '203.0.113.8'] })
    const [ours, blue] = [route('ours'), route('blue').class('blue')]
    await cluster.apply(ingressClass('blue', 'nginx-ts.io/blue'), ours, blue)
    await served('ours.test')
    await eventually(async () => expect(await other.get('blue.test', '/')).toComeFrom('web'))
    await published(ours, ADDRESS)
    await published(blue, '203.0.113.8')
    expect(await cluster.get('blue.test', '/')).toHaveStatus(404)
    expect(await other.get('ours.test', '/')).toHaveStatus(404)
  }, 120_000)
})

describe('takeover of ingress-nginx', () => {
  const [byClass, byAnnotation] = [
    route('old').class('nginx'),
    route('older').class(undefined).annotation('kubernetes.io/ingress.class', 'nginx'),
  ]
  const OLD_STATUS = { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } }

  beforeAll(async () => {
    await cluster.apply(ingressClass('nginx', 'k8s.io/ingress-nginx'), byClass, byAnnotation)
    await cluster.api.client.request({
      method: 'PATCH',
      path: `${pathOf(byClass.toManifest())}/status`,
      contentType: 'application/merge-patch+json',
      body: { status: OLD_STATUS },
    })
  })

  test('serves its Ingresses unedited and leaves their status alone, until told to write it', async () => {
    // A class of its own: of two that publish one Ingress the last to write wins.
    const theirs = ['--ingress-class', 'taking', '--controller-class', 'nginx-ts.io/taking']
    const flags = [...theirs, '--takeover', '--publish-status-address', '203.0.113.9']
    {
      await using taking = await startReplica(cluster.api, { flags: [...flags, '--election-id', 'looking-on'] })
      const ours = route('own').class('taking')
      await cluster.apply(ingressClass('taking', 'nginx-ts.io/taking'), ours)
      for (const host of ['old.test', 'older.test', 'own.test'])
        await eventually(async () => expect(await taking.get(host, '/')).toComeFrom('web'))
      // Not until ours is written can it be said that theirs is not.
      await published(ours, '203.0.113.9')
      expect(await addressesOf(byClass)).toEqual([{ ip: '198.51.100.1' }])
      expect(await cluster.get('old.test', '/')).toHaveStatus(404)
      await cluster.remove(ours)
    }
    await using writing = await startReplica(cluster.api, { flags: [...flags, '--election-id', 'taking-over', '--takeover-status'] })
    await eventually(async () => expect(await writing.get('old.test', '/')).toComeFrom('web'))
    await published(byClass, '203.0.113.9')
    await published(byAnnotation, '203.0.113.9')
  }, 180_000)
})

describe('what is said', () => {
  test('an Issue is a Warning on the Ingress, and a change that is live is a Sync', async () => {
    const wrong = route('wrong').exact('/missing', 'missing')
    await cluster.apply(wrong)
    await served('wrong.test')
    await eventually(async () =>
      expect(await eventsOf(wrong)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            type: 'Warning',
            reason: 'BackendNotFound',
            message: expect.stringContaining('Service default/missing'),
          }),
          expect.objectContaining({ type: 'Normal', reason: 'Sync' }),
        ]),
      ),
    )
  })

  test('what NGINX refuses is a Warning on the Ingress whose block it is, and everything else is served on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
    started.defer(() => rm(folder, { recursive: true, force: true }))
    const faulty = await faultyNginx(folder, await newestNginx())
    await using replica = await startReplica(cluster.api, {
      nginx: faulty.path,
      flags: ['--election-id', 'refusing', '--update-status', 'false'],
    })
    await faulty.refuse('# Ingress default/refused')
    const [refused, innocent] = [route('refused'), route('innocent')]
    await cluster.apply(refused)
    await eventually(
      async () =>
        expect(await eventsOf(refused)).toContainEqual(
          expect.objectContaining({
            type: 'Warning',
            reason: 'ConfigurationRefused',
            message: expect.stringContaining('an injected fault'),
          }),
        ),
      { timeoutMs: 20_000 },
    )
    await cluster.apply(innocent)
    await eventually(async () => expect(await replica.get('innocent.test', '/')).toComeFrom('web'))
  }, 120_000)

  test("metrics carry the controller's name, who leads, and when certificates end", async () => {
    const { controller } = cluster
    const { body } = await controller.status('/metrics')
    expect(body).toContain('controller_class="nginx-ts.io/ingress-controller"')
    await eventually(async () => expect(await controller.metric('nginx_ingress_controller_leader_election_status')).toBe(1), {
      timeoutMs: 30_000,
    })
    expect(await controller.metric('nginx_ingress_controller_ssl_expire_time_seconds')).toBeGreaterThan(Date.now() / 1000)
    expect(await controller.metric('nginx_ingress_controller_nginx_process_num_procs')).toBeGreaterThanOrEqual(2)
    expect(await controller.metric('nginx_ingress_controller_config_last_reload_successful')).toBe(1)
  })
})

test('an NGINX master that ends unasked is counted where people look', async () => {
  await using replica = await startReplica(cluster.api, { flags: ['--update-status', 'false'] })
  process.kill(await replica.agent.masterPid(), 'SIGKILL')
  await eventually(async () => expect(await replica.controller.metric('nginx_ts_master_restarts_total')).toBe(1))
}, 120_000)

describe('Secrets', () => {
  const shown = async (host: string) => (await shakeHands(cluster.agent.httpsPort, host)).certificate.serialNumber
  const eventuallyShown = (host: string, serial: string) =>
    eventually(async () => expect(await shown(host)).toBe(serial), { timeoutMs: 20_000 })

  test('one made after its Ingress is shown once it is there; a renewal that keeps the key and unrelated ones need no reload', async () => {
    const first = await authority.issue(['secret.test'])
    await cluster.apply(route('secret').tls('late', 'secret.test'))
    await cluster.eventually('secret.test', '/', (answer) => expect(answer).toHaveStatus(308))
    await cluster.apply(tlsSecret('late', first.chain, first.key))
    await eventuallyShown('secret.test', first.serial)

    await eventually(() => expect(timesLive('Secret default/late')).toBe(1))
    const reloads = () => cluster.controller.metric('nginx_ingress_controller_success')
    const before = await reloads()
    const unrelated = await authority.issue(['unrelated.test'])
    await cluster.apply(tlsSecret('unrelated', unrelated.chain, unrelated.key))
    const renewed = await authority.issue(['secret.test'])
    await cluster.apply(tlsSecret('late', renewed.chain, renewed.key))
    await eventuallyShown('secret.test', renewed.serial)
    expect(await reloads()).toBe(before)
  })
})

test('the ConfigMap of options is followed live, and a wrong key is a Warning on it while its default holds', async () => {
  await cluster.apply(route('optional'), options({ 'proxy-body-size': '10', 'http-redirect-code': 'soon' }))
  const body = { method: 'POST', body: 'more than ten bytes' }
  await eventually(async () => expect(await cluster.get('optional.test', '/', body)).toHaveStatus(413))
  await eventually(async () =>
    expect(await eventsOf(options({}))).toContainEqual(
      expect.objectContaining({ type: 'Warning', reason: 'InvalidOption', message: expect.stringContaining('http-redirect-code') }),
    ),
  )
  await cluster.remove(options({}))
  await eventually(async () => expect(await cluster.get('optional.test', '/', body)).toComeFrom('web'))
})

describe('endpoints', () => {
  test('a Pod that leaves its slice gets no requests once the change is live, and one that joins gets some', async () => {
    const [leaving, joining] = [
      started.use(await startBackend('leaving', { address: podAddress(11), port: 3000 })),
      started.use(await startBackend('joining', { address: podAddress(12), port: 3000 })),
    ]
    const slice = (address: string) => endpointSlice('moving', [{ address }], { port: 3000 })
    await cluster.apply(service('moving'), slice(leaving.address), ingress('moving').host('moving.test').prefix('/', 'moving'))
    await cluster.eventually('moving.test', '/', (answer) => expect(answer).toComeFrom('leaving'))
    await cluster.apply(slice(joining.address))
    await cluster.eventually('moving.test', '/', (answer) => expect(answer).toComeFrom('joining'))
    await eventually(() => expect(timesLive('EndpointSlice default/moving-1')).toBe(2))
    for (let sent = 0; sent < 50; sent++) expect(await cluster.get('moving.test', '/')).toComeFrom('joining')
  })
})

describe('its life', () => {
  test('told to stop it is unready at once, follows the cluster through the grace period, and leaves NGINX serving', async () => {
    await using replica = await startReplica(cluster.api, { flags: ['--shutdown-grace-period', '3', '--update-status', 'false'] })
    replica.controller.signal('SIGTERM')
    await eventually(async () => expect(await replica.controller.status('/readyz')).toHaveStatus(503))
    expect(await replica.controller.status('/healthz')).toHaveStatus(200)
    await cluster.apply(route('during'))
    await eventually(async () => expect(await replica.get('during.test', '/')).toComeFrom('web'))
    expect(await replica.controller.ended()).toBe(0)
    expect(await replica.get('during.test', '/')).toComeFrom('web')
  }, 120_000)

  test('two controllers never write one configuration', async () => {
    await using replica = await startReplica(cluster.api, { flags: ['--update-status', 'false'] })
    const { layout, httpPort, httpsPort } = replica.agent

    await using second = await prepareController({
      layout,
      kubeconfig: cluster.api.kubeconfig,
      ports: { http: httpPort, https: httpsPort },
    })
    second.start()
    expect(await second.ended()).toBe(1)
    expect(second.standardError()).toContain('another nginx-ts owns')
  }, 120_000)

  test.each([
    [['--watch-namespace', 'a', '--watch-namespace-selector', 'team=a'], 'cannot be used with'],
    [['--publish-service', 'no-slash'], 'namespace/name'],
    [['--publish-service', 'a/b', '--publish-status-address', '192.0.2.1'], 'cannot be used with'],
    [['--watch-namespace-selector', 'team in (a'], 'is no requirement'],
    [['--election-ttl', 'soon'], 'no duration'],
  ])('%j is misuse', async (flags, reason) => {
    const ports = { http: cluster.agent.httpPort, https: cluster.agent.httpsPort }
    await using wrong = await prepareController({ layout: cluster.agent.layout, kubeconfig: cluster.api.kubeconfig, ports, flags })
    wrong.start()
    expect(await wrong.ended()).toBe(2)
    expect(wrong.standardError()).toContain(reason)
  })
})
