/** Ingresses that are another controller's: taken in, for their class may become ours, and otherwise no concern of ours. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { eventually } from '../../test/support/eventually.ts'
import { type FakeApiServer, startFakeApiServer } from '../../test/support/fake-api-server.ts'
import { ingress, ingressClass } from '../../test/support/objects.ts'
import { clientOf, following } from '../../test/support/reflecting.ts'
import { parseOptions } from '../options.ts'
import { isServed } from '../translate/classes.ts'

const OURS = 'nginx-ts.io/ingress-controller'
const options = parseOptions({})

let server: FakeApiServer
beforeEach(async () => {
  server = await startFakeApiServer()
  server.apply(ingressClass('nginx-ts', OURS), ingressClass('other', 'example.test/other'))
})
afterEach(() => server[Symbol.asyncDispose]())

async function followed() {
  const source = following(clientOf(server.url), { isServed: (one, classes) => isServed(one, classes, options) })
  await source.synced
  await eventually(() => expect([server.watches('ingresses').length, server.watches('ingressclasses').length]).toEqual([1, 1]))
  return { ...source, changes: () => source.changes(AbortSignal.timeout(5_000)) }
}

const theirs = (revision: string) => ingress('theirs').class('other').annotation('example.test/revision', revision).host('a.test')

test('what changes in an Ingress of another class is taken in, and asks for nothing', async () => {
  server.apply(theirs('1'))
  await using source = await followed()
  server.apply(theirs('2'), ingress('more-of-theirs').class('other').host('b.test'))
  server.remove('ingresses', 'default', 'more-of-theirs')
  server.apply(ingress('ours').host('c.test'))
  await expect(source.changes()).resolves.toEqual(['Ingress default/ours'])
  expect(source.snapshot().state.ingresses.get('default/theirs')?.annotations).toEqual({ 'example.test/revision': '2' })
})

test('an Ingress that comes to our class, or leaves it, is a change; so is a class that becomes ours', async () => {
  server.apply(theirs('1'))
  await using source = await followed()
  server.apply(ingress('theirs').host('a.test'))
  await expect(source.changes()).resolves.toEqual(['Ingress default/theirs'])
  server.apply(theirs('2'))
  await expect(source.changes()).resolves.toEqual(['Ingress default/theirs'])
  server.apply(ingressClass('other', OURS))
  await expect(source.changes()).resolves.toEqual(['IngressClass other'])
  server.apply(theirs('3'))
  await expect(source.changes()).resolves.toEqual(['Ingress default/theirs'])
})
