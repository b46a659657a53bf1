import { describe, expect, test } from '@jest/globals'
import { configurationOf } from '../../test/support/configuration.ts'
import { CONFIG_MAP_KEY, endpointSlice, type IngressBuilder, ingress, options, service } from '../../test/support/objects.ts'
import { textOf } from '../model/model.ts'

const PREFIX = 'nginx.ingress.kubernetes.io/'
const CHALLENGES = '/.well-known/acme-challenge'
const CHALLENGE = `${CHALLENGES}/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0`
const AUTH_URL = 'http://auth.example.com/'
const EVERYWHERE = { 'global-auth-url': AUTH_URL }

const web = [service('web'), endpointSlice('web', [{ address: '10.0.0.1' }], { port: 8080 })]
const on = (name: string, annotations: Readonly<Record<string, string>> = {}) =>
  Object.entries(annotations).reduce((built, [key, value]) => built.annotation(PREFIX + key, value), ingress(name).host('shop.test'))

/** The paths of the host for which nobody is asked who it is. */
function openPaths(configMap: Readonly<Record<string, string>>, ...ingresses: readonly IngressBuilder[]): readonly string[] {
  const { model } = configurationOf([...web, ...ingresses.map((each) => each.toManifest()), options(configMap)], {
    options: { configmap: CONFIG_MAP_KEY },
  })
  const server = model.servers.find(({ host }) => host.kind === 'exact')
  return (server?.locations ?? [])
    .filter(({ owner, settings }) => owner !== undefined && settings.externalAuth === undefined)
    .map(({ match }) => textOf(match))
}

describe('challenges of ACME on a host whose paths are expressions', () => {
  const app = () => on('app', { 'rewrite-target': '/$1' }).prefix('/(.*)', 'web')

  test('nobody is asked where all routes are protected', () => {
    expect(openPaths(EVERYWHERE, app(), on('solver').exact(CHALLENGE, 'web'))).toEqual([CHALLENGE])
    expect(openPaths(EVERYWHERE, app(), on('solver').implementationSpecific(CHALLENGE, 'web'))).toEqual([CHALLENGE])
  })

  test('nor where the Ingress they were added to is protected', () => {
    const edited = on('app', { 'auth-url': AUTH_URL }).prefix('/', 'web').implementationSpecific(CHALLENGE, 'web')
    expect(openPaths({}, on('other', { 'use-regex': 'true' }).prefix('/other/(.*)', 'web'), edited)).toEqual([CHALLENGE, '/other/(.*)'])
    const expressions = on('app', { 'auth-url': AUTH_URL, 'use-regex': 'true' }).prefix('/', 'web').implementationSpecific(CHALLENGE, 'web')
    expect(openPaths({}, expressions)).toEqual([CHALLENGE])
  })

  const takingMore = [
    `${CHALLENGES}/|/`,
    `${CHALLENGES}/x|/admin`,
    `${CHALLENGES}/?|(/)`,
    `${CHALLENGES}/*`,
    `(${CHALLENGES}/)?`,
    `${CHALLENGES}/(|/)`,
    '/.?well-known/acme-challenge',
    '/.*',
  ]
  test.each(takingMore)('%s is asked for, whoever makes it an expression', (path) => {
    const literally = on('solver').implementationSpecific(path, 'web')
    expect(openPaths(EVERYWHERE, app(), literally)).toEqual([])
    const asExpression = on('solver', { 'use-regex': 'true' }).implementationSpecific(path, 'web')
    expect(openPaths(EVERYWHERE, app(), asExpression)).toEqual([])
  })
})
