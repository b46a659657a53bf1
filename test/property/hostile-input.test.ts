/** Whatever stands in a field of somebody's objects: nothing throws, others keep what they have, nothing new gets in. */
import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { COMPATIBLE_PREFIX } from '../../src/annotations/prefixes.ts'
import { features } from '../../src/annotations/registry.ts'
import type { Issue } from '../../src/model/issue.ts'
import type { PathMatch, Server } from '../../src/model/model.ts'
import { type Configuration, configurationOf, freshMemos, serverTexts } from '../support/configuration.ts'
import { locationsIn, strangersIn } from '../support/configuration-shape.ts'
import { parseDirectives, shapeOf } from '../support/directive-tree.ts'
import { hostileText, hostileTexts } from '../support/hostile.ts'
import { endpointSlice, ingress, type Manifest, service } from '../support/objects.ts'
import { annotatedTenant, evilTenant, type FieldPath, fieldsOf, goodHosts, goodTenants, withField, withKey } from '../support/tenants.ts'

const RUNS = { numRuns: 200 }

let good: readonly Manifest[]
let evil: readonly Manifest[]
let withoutEvil: Configuration
/** Shared by all runs: a memo that was poisoned by one would show in the next. */
const memos = freshMemos()

beforeAll(async () => {
  good = await goodTenants()
  evil = await evilTenant()
  withoutEvil = configurationOf(good)
})

/** Serves the tenants that behave beside others, and expects that they do not notice. */
function serveBeside(objects: readonly Manifest[]): Configuration {
  const configuration = configurationOf([...good, ...objects], { memos })
  const [before, after] = [serverTexts(withoutEvil), serverTexts(configuration)]
  for (const host of goodHosts) expect(after.get(host)).toBe(before.get(host))
  expect(upstreamsOf(configuration)).toEqual(expect.arrayContaining([...upstreamsOf(withoutEvil)]))
  expect(configuration.issues).toEqual(expect.arrayContaining([...withoutEvil.issues]))

  expect(rootShape(configuration)).toEqual(rootShape(withoutEvil))
  expect(strangersIn(configuration.configSet)).toEqual([])
  const { servers } = configuration.configSet
  expect(servers.map(({ path }) => locationsIn(textOf(configuration, path)))).toEqual(
    servers.map(({ server }) => expectedLocations(server)),
  )
  expect(configuration.issues.filter((found) => !isReadable(found))).toEqual([])
  return configuration
}

function textOf({ configSet }: Configuration, path: string): string {
  return configSet.files.find((file) => file.path === path)?.text ?? ''
}

function upstreamsOf({ configSet }: Configuration): readonly unknown[] {
  return configSet.files
    .filter(({ path }) => path.startsWith('shards/'))
    .flatMap(({ text }) => parseDirectives(text).filter(({ name }) => name === 'upstream'))
}

/** Without the numbers of the files that are included. */
function rootShape({ configSet }: Configuration): unknown {
  const root = configSet.rootFile(1).replace(/^ *include (shards|certificates|variables|endpoints)\/.*;$\n?/gm, '')
  return shapeOf(parseDirectives(root))
}

/** The decoded paths are those that were parsed: `=` and `^~` below for a prefix, unless an Exact path is there; beside expressions, all are. */
function expectedLocations({ locations }: Server): readonly (readonly string[])[] {
  if (locations.some(({ match }) => match.kind === 'regex')) return locations.map(({ match }) => expectedExpression(match))
  const exact = new Set(locations.flatMap(({ match }) => (match.kind === 'exact' ? [match.path] : [])))
  return locations.flatMap(({ match }) => {
    if (match.kind === 'regex') return []
    const { kind, path } = match
    if (kind === 'exact') return [['=', path]]
    if (path === '/') return [['^~', '/']]
    return exact.has(path)
      ? [['^~', `${path}/`]]
      : [
          ['=', path],
          ['^~', `${path}/`],
        ]
  })
}

/** Expressions of tenants are those that were parsed; those of paths have every special character escaped. */
function expectedExpression(match: PathMatch): readonly string[] {
  if (match.kind === 'regex') return ['~*', `^${match.pattern.text}`]
  if (match.kind === 'prefix' && match.path === '/') return ['~', '^/']
  const escaped = [...match.path].map((character) => ('\\^$.|?*+()[]{}'.includes(character) ? `\\${character}` : character)).join('')
  return ['~', match.kind === 'exact' ? `^${escaped}\\z` : `^${escaped}(?:/|\\z)`]
}

function isReadable({ message, field, annotation, object }: Issue): boolean {
  return (
    message !== '' &&
    [message, field, annotation, object?.namespace, object?.name, object?.kind].every(
      (text) => text === undefined || (text.length <= 256 && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)),
    )
  )
}

/** A field anywhere in the objects of the tenant that does not behave; only what is certain never to change is left out. */
function anyField(): fc.Arbitrary<FieldPath> {
  return fc.constantFrom(...fieldsOf(evil).filter((path) => !['apiVersion', 'kind'].includes(String(path.at(-1))) || path.length > 2))
}

test('the tenant that will not behave is served while it does', () => {
  const configuration = serveBeside(evil)
  expect([...serverTexts(configuration).keys()]).toEqual(expect.arrayContaining(['evil.test', '*.evil.test']))
  expect(serverTexts(configuration).get('evil.test')).toContain('proxy_pass http://')
  expect(fieldsOf(evil).length).toBeGreaterThan(90)
})

describe('a hostile text costs nobody else anything', () => {
  test('in any one field', () => {
    fc.assert(
      fc.property(anyField(), hostileText(), (path, text) => {
        serveBeside(withField(evil, path, text) as readonly Manifest[])
      }),
      RUNS,
    )
  })

  test('in any annotation, beside the others of its feature', () => {
    const annotations = Object.entries(features).flatMap(([name, feature]) => {
      const ingress = annotatedTenant(name, feature)
      return Object.keys(feature.annotations).map((key) => ({ ingress, field: ['metadata', 'annotations', COMPATIBLE_PREFIX + key] }))
    })
    fc.assert(
      fc.property(fc.constantFrom(...annotations), hostileText(), ({ ingress, field }, text) => {
        serveBeside([...evil, withField(ingress, field, text) as Manifest])
      }),
      { numRuns: 400 },
    )
  })

  test('in several fields at once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyField(), hostileText()), { minLength: 2, maxLength: 6 }), (changes) => {
        serveBeside(changes.reduce<unknown>((objects, [path, text]) => withField(objects, path, text), evil) as readonly Manifest[])
      }),
      RUNS,
    )
  })

  test('as the key of any field', () => {
    fc.assert(
      fc.property(anyField(), hostileText(), (path, text) => {
        serveBeside(withKey(evil, path, text) as readonly Manifest[])
      }),
      RUNS,
    )
  })

  test('nor does a value of any other type', () => {
    fc.assert(
      fc.property(anyField(), fc.jsonValue(), (path, value) => {
        serveBeside(withField(evil, path, value) as readonly Manifest[])
      }),
      RUNS,
    )
  })

  test('nor do numbers and addresses of all kinds in ports and endpoints', () => {
    const slice = evil.findIndex(({ kind }) => kind === 'EndpointSlice')
    const service = evil.findIndex(({ kind }) => kind === 'Service')
    const ports = [
      [slice, 'ports', 0, 'port'],
      [service, 'spec', 'ports', 0, 'port'],
      [0, 'spec', 'defaultBackend', 'service', 'port', 'number'],
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...ports),
        fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()),
        fc.oneof(fc.ipV4(), fc.ipV6()),
        (path, port, address) => {
          const objects = withField(evil, path, port)
          serveBeside(withField(objects, [slice, 'endpoints', 0, 'addresses', 0], address) as readonly Manifest[])
        },
      ),
      RUNS,
    )
  })
})

test('all of the corpus at once, as the paths and hosts of one Ingress, and as Ingresses of their own', () => {
  const paths = hostileTexts.reduce(
    (built, text) => built.prefix(text, 'web').exact(text, text),
    ingress('paths').namespace('evil').host('evil.test'),
  )
  const hosts = hostileTexts
    .filter((text) => text !== '')
    .reduce((built, text) => built.host(text).prefix('/', 'web'), ingress('hosts').namespace('evil'))
  const many = hostileTexts.map((text, index) =>
    ingress(text || 'x')
      .namespace(index % 2 === 0 ? 'evil' : text)
      .host(`h${index}.test`)
      .prefix('/', text)
      .annotation(text, text),
  )
  const { issues } = serveBeside([...evil, paths.toManifest(), hosts.toManifest(), ...many.map((each) => each.toManifest())])
  for (const code of ['invalid-path', 'invalid-host', 'backend-not-found', 'invalid-object', 'regex-like-path'])
    expect(issues.map((found) => found.code as string)).toContain(code)
})

test('a thousand wrong endpoints behind hundreds of paths do not become hundreds of thousands of Issues', () => {
  const endpoints = Array.from({ length: 1000 }, (_, index) => ({ address: `169.254.${index >> 8}.${index & 255}` }))
  const many = ingress('many').namespace('evil').host('many.test')
  for (let index = 0; index < 300; index++) many.prefix(`/${index}`, 'wrong')
  const slice = endpointSlice('wrong', endpoints, { port: 80 }, { namespace: 'evil' })
  const { issues } = serveBeside([service('wrong', [{ port: 80 }], 'evil'), slice, many.toManifest()])
  const told = issues.filter(({ code }) => code === 'invalid-endpoint')
  expect(told).toHaveLength(300)
  expect(told[0]?.message).toBe(
    'EndpointSlice evil/wrong-1: address 169.254.0.0 is linkLocal, which is not allowed; it and 999 more endpoints are left out',
  )
})

describe('names that JavaScript gives a meaning to are names like others', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('%s', (name) => {
    const before = Object.getOwnPropertyNames(Object.prototype)
    const objects = evil.map(
      (object) => withKey(withField(object, ['metadata', 'labels', 'app'], name), ['metadata', 'annotations', 'note'], name) as Manifest,
    )
    const routes = ingress(name).namespace('evil').host(name).prefix(`/${name}`, name).toManifest()
    const annotated = ingress('a')
      .namespace('evil')
      .host('annotated.test')
      .prefix('/', 'web')
      .annotation(`nginx-ts.io/${name}`, 'true')
      .toManifest()
    const { issues } = serveBeside([...objects, routes, annotated])
    expect(issues).toContainEqual(expect.objectContaining({ code: 'unknown-annotation', annotation: `nginx-ts.io/${name}` }))
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})
