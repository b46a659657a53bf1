import { expect, test } from '@jest/globals'
import { ingress } from '../../test/support/objects.ts'
import { storeOf } from '../../test/support/state.ts'
import { referencesOf } from './references.ts'

test('an Ingress refers to the Secrets of its tls entries, once each, in its own namespace', () => {
  const given = ingress('web')
    .namespace('shop')
    .tls('a', 'a.test')
    .tls('b')
    .tls('a', 'other.test')
    .tls(undefined, 'c.test')
    .tls('', 'd.test')
  const [web] = storeOf(given).snapshot().ingresses.values()
  if (web === undefined) throw new Error('no Ingress')
  expect(referencesOf(web)).toEqual({ secrets: ['shop/a', 'shop/b'], configMaps: [] })
})

test.each([
  [{ 'auth-type': 'basic', 'auth-secret': 'users' }, ['shop/a', 'shop/users']],
  [{ 'auth-type': 'basic', 'auth-secret': 'shop/users' }, ['shop/a', 'shop/users']],
  [{ 'auth-type': 'basic', 'auth-secret': 'other/users' }, ['shop/a']],
  [{ 'auth-type': 'basic', 'auth-secret': '../users' }, ['shop/a']],
  [{ 'auth-secret': 'users' }, ['shop/a']],
])('with %j also to the Secret of its users, when that is its own', (annotations, secrets) => {
  const given = ingress('web').namespace('shop').tls('a', 'a.test')
  for (const [key, value] of Object.entries(annotations)) given.annotation(`nginx.ingress.kubernetes.io/${key}`, value)
  const [web] = storeOf(given).snapshot().ingresses.values()
  if (web === undefined) throw new Error('no Ingress')
  expect(referencesOf(web).secrets).toEqual(secrets)
})

test.each([
  ['backend', ['shop/backend']],
  ['shop/backend', ['shop/backend']],
  ['other/backend', []],
  ['no name', []],
])('an Ingress refers to the Secret of proxy-ssl-secret %s, in its own namespace only', (value, secrets) => {
  const given = ingress('web').namespace('shop').annotation('nginx.ingress.kubernetes.io/proxy-ssl-secret', value)
  const [web] = storeOf(given).snapshot().ingresses.values()
  if (web === undefined) throw new Error('no Ingress')
  expect(referencesOf(web)).toEqual({ secrets, configMaps: [] })
})

test('and to the ConfigMap of headers for authentication, under either prefix, but to none of another namespace', () => {
  const referring = (...values: readonly string[]) => {
    const given = values.reduce(
      (built, value, index) => built.annotation(`${['nginx-ts.io', 'nginx.ingress.kubernetes.io'][index]}/auth-proxy-set-headers`, value),
      ingress('web').namespace('shop'),
    )
    const [web] = storeOf(given).snapshot().ingresses.values()
    return web && referencesOf(web).configMaps
  }
  expect(referring('headers', 'shop/others')).toEqual(['shop/headers', 'shop/others'])
  expect(referring(' headers ', 'headers')).toEqual(['shop/headers'])
  expect(referring('other/headers', '')).toEqual([])
})
