/** Which namespaces a controller looks at, through a real API server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type ApiServer, startApiServer } from '../support/api-server.ts'
import { startBackend } from '../support/backend.ts'
import { OUR_CLASS, podAddress, startReplica } from '../support/cluster.ts'
import { apply } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, namespace, serviceFor } from '../support/objects.ts'

const TIMEOUT_MS = 180_000
const started = new AsyncDisposableStack()
let api: ApiServer

beforeAll(async () => {
  api = started.use(await startApiServer())
  await apply(api.client, OUR_CLASS)
  for (const [index, name] of ['red', 'blue'].entries()) {
    const backend = started.use(await startBackend(name, { address: podAddress(index + 1) }))
    const site = ingress('site').namespace(name).host(`${name}.test`).prefix('/', name)
    await apply(api.client, ...serviceFor(backend, { namespace: name }), site)
  }
}, TIMEOUT_MS)
afterAll(() => started.disposeAsync())

const FLAGS = ['--update-status', 'false']

test('--watch-namespace keeps to one namespace', async () => {
  await using replica = await startReplica(api, { flags: [...FLAGS, '--watch-namespace', 'red'] })
  expect(await replica.get('red.test', '/')).toComeFrom('red')
  expect(await replica.get('blue.test', '/')).toHaveStatus(404)
}, 180_000)

test('--watch-namespace-selector follows the labels of namespaces', async () => {
  await using replica = await startReplica(api, { flags: [...FLAGS, '--watch-namespace-selector', 'team in (a, b)'] })
  expect(await replica.get('red.test', '/')).toHaveStatus(404)
  await apply(api.client, namespace('red', { team: 'a' }), namespace('blue', { team: 'c' }))
  await eventually(async () => expect(await replica.get('red.test', '/')).toComeFrom('red'))
  expect(await replica.get('blue.test', '/')).toHaveStatus(404)
  await apply(api.client, namespace('red', { team: 'c' }), namespace('blue', { team: 'b' }))
  await eventually(async () => expect(await replica.get('blue.test', '/')).toComeFrom('blue'))
  await eventually(async () => expect(await replica.get('red.test', '/')).toHaveStatus(404))
}, 180_000)
