import { describe, expect, test } from '@jest/globals'
import { ingress, ingressClass, type Manifest } from '../../test/support/objects.ts'
import { put, type StateObject, storeOf } from '../../test/support/state.ts'
import { type OptionsInput, parseOptions } from '../options.ts'
import { CLASS_ANNOTATION, type ClassRules, claims, selectIngresses } from './classes.ts'

const OURS = 'nginx-ts.io/ingress-controller'
const ANOTHER = 'example.com/another-controller'

/** The names of those selected, in order. */
function selected(objects: readonly StateObject[], options: OptionsInput = {}, source: ClassRules['source'] = 'files'): readonly string[] {
  return selectIngresses(storeOf(...objects).snapshot(), parseOptions(options), { source }).map(({ name }) => name)
}

/** The same of a state that an API server gave. */
const selectedInCluster = (objects: readonly StateObject[], options: OptionsInput = {}) => selected(objects, options, 'cluster')

const named = (className: string) => ingress('shop').class(className)
const unnamed = () => ingress('shop').class(undefined)
const legacy = (className: string) => unnamed().annotation(CLASS_ANNOTATION, className)

function madeAt(manifest: Manifest, creationTimestamp: string): Manifest {
  return { ...manifest, metadata: { ...(manifest['metadata'] as object), creationTimestamp } }
}

describe('spec.ingressClassName', () => {
  test('of our name is ours, without any IngressClass', () => {
    expect(selected([named('nginx-ts')])).toEqual(['shop'])
    for (const other of ['nginx', 'NGINX-TS', 'nginx-ts2', '']) expect(selected([named(other)])).toEqual([])
  })

  test('is ours, whatever its name, through an IngressClass with our controller', () => {
    expect(selected([named('internal'), ingressClass('internal', OURS)])).toEqual(['shop'])
    expect(selected([named('internal'), ingressClass('other', OURS)])).toEqual([])
  })

  test("is not ours through another controller's IngressClass, even where that has our name", () => {
    expect(selected([named('internal'), ingressClass('internal', ANOTHER)])).toEqual([])
    expect(selected([named('nginx-ts'), ingressClass('nginx-ts', ANOTHER)])).toEqual([])
  })

  test('beats the legacy annotation', () => {
    expect(selected([named('nginx-ts').annotation(CLASS_ANNOTATION, 'nginx')])).toEqual(['shop'])
    expect(selected([named('nginx').annotation(CLASS_ANNOTATION, 'nginx-ts')])).toEqual([])
  })

  test('that is not ours is not made ours by a default class', () => {
    expect(selected([named('nginx'), ingressClass('ours', OURS, true)])).toEqual([])
  })
})

describe('the legacy annotation', () => {
  test('of our name is ours, and of another name is not', () => {
    expect(selected([legacy('nginx-ts')])).toEqual(['shop'])
    expect(selected([legacy('nginx')])).toEqual([])
  })

  test('is a name of its own, which no IngressClass explains', () => {
    expect(selected([legacy('internal'), ingressClass('internal', OURS)])).toEqual([])
  })

  test('that is not ours is not made ours by a default class', () => {
    expect(selected([legacy('nginx'), ingressClass('ours', OURS, true)])).toEqual([])
  })
})

describe('an Ingress without any class', () => {
  test('is not ours, unless the default class is', () => {
    expect(selected([unnamed()])).toEqual([])
    expect(selected([unnamed(), ingressClass('nginx-ts', OURS)])).toEqual([])
    expect(selected([unnamed(), ingressClass('any', ANOTHER, true)])).toEqual([])
    expect(selected([unnamed(), ingressClass('any', OURS, true)])).toEqual(['shop'])
  })

  test('goes to the newest of several default classes', () => {
    const ours = ingressClass('ours', OURS, true)
    const another = ingressClass('another', ANOTHER, true)
    expect(selected([unnamed(), madeAt(ours, '2026-01-02T00:00:00Z'), madeAt(another, '2026-01-01T00:00:00Z')])).toEqual(['shop'])
    expect(selected([unnamed(), madeAt(ours, '2026-01-01T00:00:00Z'), madeAt(another, '2026-01-02T00:00:00Z')])).toEqual([])
  })

  test('goes to the first by name of default classes as new as each other', () => {
    expect(selected([unnamed(), ingressClass('b', ANOTHER, true), ingressClass('a', OURS, true)])).toEqual(['shop'])
    expect(selected([unnamed(), ingressClass('a', ANOTHER, true), ingressClass('b', OURS, true)])).toEqual([])
  })

  test('is not moved by an annotation of the class that says anything but true', () => {
    const halfDefault = {
      ...ingressClass('ours', OURS),
      metadata: { name: 'ours', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'yes' } },
    }
    expect(selected([unnamed(), halfDefault])).toEqual([])
  })
})

describe('options', () => {
  test('--ingress-class puts another name in the place of ours', () => {
    const options = { ingressClass: 'nginx' }
    expect(selected([named('nginx')], options)).toEqual(['shop'])
    expect(selected([legacy('nginx')], options)).toEqual(['shop'])
    expect(selected([named('nginx-ts')], options)).toEqual([])
    expect(selected([legacy('nginx-ts')], options)).toEqual([])
    expect(selected([named('nginx'), ingressClass('nginx', ANOTHER)], options)).toEqual([])
  })

  test('--controller-class says which IngressClasses are ours', () => {
    const options = { controllerClass: ANOTHER }
    expect(selected([named('internal'), ingressClass('internal', ANOTHER)], options)).toEqual(['shop'])
    expect(selected([named('internal'), ingressClass('internal', OURS)], options)).toEqual([])
  })

  test('--all-classes takes every Ingress', () => {
    const all = [
      named('nginx'),
      ingress('legacy').class(undefined).annotation(CLASS_ANNOTATION, 'traefik'),
      ingress('unnamed').class(undefined),
      ingress('claimed').class('nginx-ts'),
      ingressClass('nginx-ts', ANOTHER),
    ]
    expect(selected(all)).toEqual([])
    expect(selected(all, { allClasses: true })).toEqual(['shop', 'legacy', 'unnamed', 'claimed'])
  })
})

describe('in a cluster', () => {
  test("a class that does not exist is nobody's, until it does and as long as it does", () => {
    const store = storeOf(named('nginx-ts'))
    const names = () => selectIngresses(store.snapshot(), parseOptions({}), { source: 'cluster' }).map(({ name }) => name)
    expect(names()).toEqual([])
    put(store, ingressClass('nginx-ts', OURS))
    expect(names()).toEqual(['shop'])
    put(store, ingressClass('nginx-ts', ANOTHER))
    expect(names()).toEqual([])
    put(store, ingressClass('nginx-ts', OURS))
    store.delete('IngressClass', '/nginx-ts')
    expect(names()).toEqual([])
  })

  test('the legacy annotation needs no IngressClass, nor the right to read any', () => {
    expect(selectedInCluster([legacy('nginx-ts')])).toEqual(['shop'])
    expect(selectedInCluster([legacy('nginx')])).toEqual([])
  })

  test("an Ingress without class that is older than the default class stays nobody's", () => {
    expect(selectedInCluster([unnamed(), ingressClass('nginx-ts', OURS, true)])).toEqual([])
  })

  test('--watch-ingress-without-class takes those that name no class, and no others', () => {
    const options = { watchIngressWithoutClass: true }
    expect(selectedInCluster([unnamed()], options)).toEqual(['shop'])
    expect(selectedInCluster([legacy('nginx')], options)).toEqual([])
    expect(selectedInCluster([named('nginx'), ingressClass('nginx', ANOTHER)], options)).toEqual([])
    expect(selectedInCluster([named('nginx')], options)).toEqual([])
  })

  test('--ingress-class-by-name takes the class of our name whatever its controller', () => {
    const options = { ingressClassByName: true }
    expect(selectedInCluster([named('nginx-ts'), ingressClass('nginx-ts', ANOTHER)])).toEqual([])
    expect(selectedInCluster([named('nginx-ts'), ingressClass('nginx-ts', ANOTHER)], options)).toEqual(['shop'])
    expect(selectedInCluster([named('other'), ingressClass('other', ANOTHER)], options)).toEqual([])
    expect(selectedInCluster([named('nginx-ts')], options)).toEqual([])
  })
})

describe('--takeover', () => {
  const THEIRS = 'k8s.io/ingress-nginx'
  const theirs = [
    named('nginx'),
    ingress('internal').class('internal'),
    ingress('legacy').class(undefined).annotation(CLASS_ANNOTATION, 'nginx'),
    ingress('own').class('nginx-ts'),
    ingress('foreign').class('traefik'),
    ingressClass('nginx', THEIRS),
    ingressClass('internal', THEIRS),
    ingressClass('nginx-ts', OURS),
    ingressClass('traefik', ANOTHER),
  ]

  test("serves ingress-nginx's Ingresses beside our own", () => {
    for (const source of ['files', 'cluster'] as const) {
      expect(selected(theirs, {}, source)).toEqual(['own'])
      expect(selected(theirs, { takeover: true }, source)).toEqual(['shop', 'internal', 'legacy', 'own'])
    }
  })

  test('tells which are taken over, whose status is not ours', () => {
    const state = storeOf(...theirs).snapshot()
    const claimOf = claims(state, parseOptions({ takeover: true }), { source: 'cluster' })
    expect(Object.fromEntries([...state.ingresses.values()].map((each) => [each.name, claimOf(each)]))).toEqual({
      shop: 'taken-over',
      internal: 'taken-over',
      legacy: 'taken-over',
      own: 'own',
      foreign: undefined,
    })
  })

  test.each([{ watchIngressWithoutClass: true }, { allClasses: true }])('%j takes over what does not say that it is ours', (options) => {
    const state = storeOf(...theirs, ingress('unnamed').class(undefined)).snapshot()
    const claimOf = claims(state, parseOptions({ takeover: true, ...options }), { source: 'cluster' })
    const [unnamed, own] = ['unnamed', 'own'].map((name) => [...state.ingresses.values()].find((each) => each.name === name))
    expect([unnamed, own].map((each) => each && claimOf(each))).toEqual(['taken-over', 'own'])
  })

  test('of a directory needs no IngressClass for the name', () => {
    expect(selected([named('nginx')], { takeover: true })).toEqual(['shop'])
    expect(selectedInCluster([named('nginx')], { takeover: true })).toEqual([])
  })
})

describe('the order', () => {
  test('is oldest first, then by namespace and name; those without a timestamp come last', () => {
    const at = (name: string, time: string | undefined, namespace = 'default') => ingress(name).namespace(namespace).created(time)
    const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']
    const ordered = [
      at('first', '2025-12-31T23:59:59Z'),
      at('z', early, 'a'),
      at('b', early, 'b'),
      at('c', early, 'b'),
      at('a', early, 'c'),
      at('late', late, 'a'),
      at('offset', '2026-01-01T02:00:02+02:00'),
      at('ageless-z', undefined, 'a'),
      at('ageless-a', undefined, 'b'),
    ]
    const expected = ['first', 'z', 'b', 'c', 'a', 'late', 'offset', 'ageless-z', 'ageless-a']
    expect(selected(ordered)).toEqual(expected)
    expect(selected(ordered.toReversed())).toEqual(expected)
    expect(selected([...ordered.slice(5), ...ordered.slice(0, 5)])).toEqual(expected)
  })
})
