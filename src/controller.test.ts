/** Faults that no Ingress is known to cause: what throws is put into the state, and NGINX is one that refuses as it is told. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { renderContextOnce, WITHOUT_ECHO } from '../test/support/configuration.ts'
import { eventually } from '../test/support/eventually.ts'
import { endpointSlice, type IngressBuilder, ingress, service } from '../test/support/objects.ts'
import { put, storeOf } from '../test/support/state.ts'
import type { Ingress } from './cluster/objects.ts'
import type { ObjectStore } from './cluster/state.ts'
import { type Outcome, runController } from './controller.ts'
import { createHoldOff } from './hold-off.ts'
import { notApplied, type Refusal, type ReloadResult } from './nginx/apply.ts'
import { parseOptions } from './options.ts'
import type { ConfigSet } from './render/render.ts'

let store: ObjectStore
let outcomes: Outcome[]
/** What NGINX says of a configuration; undefined where it takes it. */
let judge: (configSet: ConfigSet) => Refusal | undefined
/** Texts of the files that are served. */
let served: string
let stop: AbortController
let change: () => void
let running: Promise<void>

const web = (name: string) => ingress(name).host(`${name}.test`).prefix('/', 'web')
const textOf = ({ files }: ConfigSet) => files.map(({ text }) => text).join('\n')

/** One that our own checks would never let into the state. */
function broken(builder: IngressBuilder): Ingress {
  const [good] = storeOf(builder).snapshot().ingresses.values()
  return { ...(good as Ingress), tls: null as unknown as Ingress['tls'] }
}

beforeEach(() => {
  outcomes = []
  judge = () => undefined
  served = ''
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await running.catch(() => {})
})

function start(objects: readonly IngressBuilder[], others: readonly Ingress[] = []) {
  store = storeOf(service('web'), endpointSlice('web', [{ address: '10.244.0.1' }], { port: 8080 }), ...objects)
  for (const other of others) store.set(other)
  const changes = createHoldOff<string>(1, 10, () => performance.now())
  change = () => changes.add('objects')
  async function apply(configSet: ConfigSet): Promise<ReloadResult> {
    const refused = judge(configSet)
    if (refused !== undefined) return refused
    served = textOf(configSet)
    return { kind: 'applied', generation: { number: 1, hash: configSet.hash }, bytesWritten: 0, times: {}, output: '' }
  }
  running = runController(
    {
      source: { snapshot: () => ({ state: store.snapshot(), issues: [] }), changes: changes.settled },
      options: parseOptions({ httpPort: 80, httpsPort: 443 }),
      translateContext: () => WITHOUT_ECHO,
      renderContext: () => renderContextOnce('1.30.0'),
      apply: Object.assign(apply, { test: async (configSet: ConfigSet) => judge(configSet), discard: async () => {} }),
      agent: { unavailablePorts: async () => [] },
      report: (outcome) => void outcomes.push(outcome),
      now: () => performance.now(),
    },
    stop.signal,
  )
}

const eventuallyServed = (...names: readonly string[]) =>
  eventually(() => {
    for (const name of names) expect(served).toContain(`server_name "${name}.test";`)
  })
const refusedIngresses = () =>
  (outcomes.at(-1)?.issues ?? []).filter(({ code }) => code === 'configuration-refused').map(({ object }) => object?.name)

test('an Ingress of which no configuration can be made costs the others nothing, at a start and later', async () => {
  start([web('a'), web('b')], [broken(web('first'))])
  await eventuallyServed('a', 'b')
  expect(refusedIngresses()).toEqual(['first'])

  store.set(broken(web('second')))
  put(store, web('c'))
  change()
  await eventuallyServed('a', 'b', 'c')
  expect(refusedIngresses().sort()).toEqual(['first', 'second'])

  put(store, web('first'))
  change()
  await eventually(() => expect(refusedIngresses()).toEqual(['second']))
})

test('so does one that NGINX refuses without a word of where', async () => {
  start([web('a')])
  judge = (configSet) =>
    textOf(configSet).includes('proxy_read_timeout 77s') ? notApplied('could not build some hash', undefined) : undefined
  await eventuallyServed('a')
  put(store, web('b'), web('bad').annotation('nginx-ts.io/proxy-read-timeout', '77'), web('c'))
  change()
  await eventuallyServed('a', 'b', 'c', 'bad')
  expect(served).toMatch(/# Ingress default\/bad\s[^}]*return 503/)
  expect(served).toMatch(/# Ingress default\/c\s[^}]*proxy_pass/)
  expect(refusedIngresses()).toEqual(['bad'])
  const [told] = (outcomes.at(-1)?.issues ?? []).filter(({ code }) => code === 'configuration-refused')
  expect(told?.message).toBe('NGINX refuses the configuration with it: could not build some hash; its paths answer 503 until it is changed')
})

test('what is the fault of none is told, and what is served stays', async () => {
  start([web('a')])
  await eventuallyServed('a')
  judge = () => notApplied('nothing will do', undefined)
  put(store, web('b'))
  change()
  await eventually(() => expect(outcomes.at(-1)?.result).toMatchObject({ kind: 'refused', reason: 'nothing will do' }))
  expect(outcomes.at(-1)?.issues).toMatchObject([{ code: 'configuration-refused', object: undefined }])
  judge = () => undefined
  change()
  await eventuallyServed('a', 'b')
})

test('what NGINX could not be asked is asked again, and nobody is blamed', async () => {
  start([web('a')])
  await eventuallyServed('a')
  let asked = 0
  judge = () => {
    asked += 1
    return asked < 4 ? notApplied('nginx -t was ended by SIGKILL', 10) : undefined
  }
  put(store, web('b'))
  change()
  await eventuallyServed('a', 'b')
  expect(outcomes.flatMap(({ issues }) => issues)).toEqual([])
})
