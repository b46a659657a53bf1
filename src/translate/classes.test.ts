import { describe, expect, test } from '@jest/globals'
import { ingress, ingressClass, type Manifest } from '../../test/support/objects.ts'
import { type StateObject, storeOf } from '../../test/support/state.ts'
import { type OptionsInput, parseOptions } from '../options.ts'
import { CLASS_ANNOTATION, selectIngresses } from './classes.ts'

const OURS = 'nginx-ts.io/ingress-controller'
const ANOTHER = 'example.com/another-controller'

/** The names of those selected, in order. */
function selected(objects: readonly StateObject[], options: OptionsInput = {}): readonly string[] {
  return selectIngresses(storeOf(...objects).snapshot(), parseOptions(options)).map(({ name }) => name)
}

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
