/** Events as a real API server takes them and kubectl looks them up, written with the rights that the controller will have. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createKubeClient, type KubeClient, loadKubeConfig } from '../../src/kube/client.ts'
import { systemClock } from '../../src/kube/clock.ts'
import { createEventRecorder, type EventNote, noteOf, syncNote } from '../../src/kube/events.ts'
import { alwaysLeader } from '../../src/kube/leadership.ts'
import { issue, type ObjectRef } from '../../src/model/issue.ts'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { apply } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { ingress } from '../support/objects.ts'

const START_TIMEOUT_MS = 200_000
const ACCOUNT = { namespace: 'ingress', name: 'nginx-ts' }

let server: ApiServer
let client: KubeClient
const uids = new Map<string, string>()

beforeAll(async () => {
  server = await startApiServer()
  const rbac = 'rbac.authorization.k8s.io'
  await apply(
    server.client,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ACCOUNT },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'nginx-ts' },
      rules: [{ apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'nginx-ts' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'nginx-ts' },
      subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
    },
  )
  client = createKubeClient(loadKubeConfig({ kubeconfig: await server.kubeconfigFor(ACCOUNT) }))
  const objects = await apply(
    server.client,
    ingress('web').namespace('shop').host('web.test').prefix('/', 'web'),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'ingress', name: 'options' } },
    { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: 'nginx-ts' }, spec: { controller: 'nginx-ts.io/x' } },
  )
  for (const { kind, metadata } of objects) uids.set(`${kind} ${metadata.name}`, metadata.uid)
}, START_TIMEOUT_MS)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

type StoredEvent = { type: string; reason: string; message: string; count: number; source: object }

/** As `kubectl describe` asks for them. */
async function describedEvents({ kind, namespace, name }: ObjectRef): Promise<readonly StoredEvent[]> {
  const selectors = { 'involvedObject.kind': kind, 'involvedObject.name': name, 'involvedObject.uid': uids.get(`${kind} ${name}`) }
  const { items } = await server.client.request<{ readonly items: readonly StoredEvent[] }>({
    path: `/api/v1/namespaces/${namespace || 'default'}/events`,
    query: { fieldSelector: [...Object.entries(selectors)].map(([field, value]) => `${field}=${value}`).join(',') },
  })
  return items.map(({ type, reason, message, count, source }) => ({ type, reason, message, count, source }))
}

async function recorded(...batches: readonly (readonly EventNote[])[]) {
  const stop = new AbortController()
  const failures: unknown[] = []
  const recorder = createEventRecorder(
    client,
    alwaysLeader,
    { instance: 'nginx-ts-1', uidOf: ({ kind, name }) => uids.get(`${kind} ${name}`), standing: () => [] },
    systemClock,
    { dropped: () => {}, failed: (error) => failures.push(error) },
  )
  const running = recorder.run(stop.signal)
  return {
    say: () => {
      for (const batch of batches) recorder.record(batch)
    },
    failures,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

const source = { component: 'nginx-ts', host: 'nginx-ts-1' }

test('an Issue and a Sync are on the Ingress, and repetitions are counted', async () => {
  const web = { kind: 'Ingress', namespace: 'shop', name: 'web' }
  const found = issue('no-endpoints', web, { field: 'spec.rules[0]', message: 'Service shop/web has no ready endpoint; requests get 503' })
  const note = noteOf(found) as EventNote
  await using recorder = await recorded([note, syncNote(web)], [note], [note])
  recorder.say()
  await eventually(async () => {
    expect(await describedEvents(web)).toEqual(
      expect.arrayContaining([
        { type: 'Warning', reason: 'NoEndpoints', message: `spec.rules[0]: ${found.message}`, count: 3, source },
        { type: 'Normal', reason: 'Sync', message: 'The configuration of this object is live', count: 1, source },
      ]),
    )
  })
  expect(await describedEvents(web)).toHaveLength(2)
  expect(recorder.failures).toEqual([])
})

test('a replica that leads next counts on where the last one stopped', async () => {
  const web = { kind: 'Ingress', namespace: 'shop', name: 'web' }
  const note: EventNote = { object: web, type: 'Warning', reason: 'CertificateMismatch', message: 'not made out for web.test' }
  for (const expected of [1, 1]) {
    await using recorder = await recorded([note])
    recorder.say()
    await eventually(async () => {
      const events = await describedEvents(web)
      expect(events.filter(({ reason }) => reason === note.reason)).toMatchObject([{ count: expected }])
    })
  }
})

test.each([
  ['ConfigMap', 'ingress', 'options'],
  ['IngressClass', '', 'nginx-ts'],
])('Events on a %s are found as well', async (kind, namespace, name) => {
  const object = { kind, namespace, name }
  await using recorder = await recorded([{ object, type: 'Warning', reason: 'InvalidOption', message: 'no' }])
  recorder.say()
  await eventually(async () => expect(await describedEvents(object)).toMatchObject([{ reason: 'InvalidOption', count: 1 }]))
  expect(recorder.failures).toEqual([])
})
